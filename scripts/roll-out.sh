#!/usr/bin/env bash
# Brings a release to a cluster, as k8s/README.md describes it. `tessera release apply` calls it for each service of a stage.
#
#   scripts/roll-out.sh prepare                                     what has no stage: configuration, topics, rights, the mesh
#   scripts/roll-out.sh diff                                        what `prepare` would change, and changes nothing
#   scripts/roll-out.sh migrate|roll-out|health|roll-back NAME IMAGE
#
# ENVIRONMENT names the overlay; kubectl with the plugin of Argo Rollouts must reach its cluster. `prepare` comes first, and
# refuses to begin what could not be finished. scripts/smoke.sh says what SMOKE_URL, SMOKE_EMAIL and SMOKE_PASSWORD are;
# SMOKE_URL=none brings a release out untried, which the first one of a cluster has to be. PATIENCE is how many seconds a
# service may take to be well (3600), ASK_EVERY after how many it is asked again (5).
set -euo pipefail
cd "$(dirname "$0")/.."
verb=${1:-} name=${2:-} image=${3:-}
usage() { sed -n '2,/^[^#]/p' "$0" | sed -n 's/^# \{0,1\}//p' >&2; exit 2; }
die() { printf 'roll-out: %s\n' "$*" >&2; exit 1; }
say() { printf 'roll-out: %s\n' "$*" >&2; }
case $verb in
  prepare | diff) ;;
  migrate | roll-out | health | roll-back)
    [ -n "$name" ] && [ -n "$image" ] || usage
    # What a tag names may be another image tomorrow, also on the day when it is needed again.
    [[ $image =~ @sha256:[0-9a-f]{64}$ ]] || die "$image is not named by its digest: see docs/releases.md"
    ;;
  *) usage ;;
esac
environment=${ENVIRONMENT:?names the overlay, such as staging}
kustomize=${KUSTOMIZE:-$PWD/tools/.bin/kustomize}
# What each service was before this run changed it.
before=${TESSERA_HOME:-.tessera}/release/$environment
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

# The overlay, rendered from a copy, with the image of this release: a release changes nothing in the checkout.
render() {
  cp -r k8s istio "$copy"
  if [ -n "$name" ]; then
    (cd "$copy/k8s/overlays/$environment" && "$kustomize" edit set image "registry.example/tessera/$name=$image")
  fi
  "$kustomize" build "$copy/k8s/overlays/$environment" > "$copy/release.yaml"
}
# By force, as Argo Rollouts writes into some of the objects, too (weights, the hash of the pods, what `undo` brings
# back), and the release is what is wanted. It puts its own back as soon as it sees the change.
apply() { # apply SELECTOR
  kubectl apply --server-side --force-conflicts --filename "$copy/release.yaml" --selector "$1"
}
unstaged='!tessera.io/stage'

# Where the service's Rollout is; nothing when it has none yet.
namespace() {
  kubectl get rollouts --all-namespaces --selector "app.kubernetes.io/name=$name" --output 'jsonpath={.items[*].metadata.namespace}'
}
of() { kubectl get "$1" "$name" --namespace "$place" --output "jsonpath=$2"; } # of KIND PATH
template() { of deployments '{.spec.template}'; }

prepare() {
  scripts/smoke.sh --check
  kubectl argo rollouts version --short > /dev/null || die 'kubectl lacks the plugin of Argo Rollouts'
  local busy
  busy=$(kubectl get rollouts --all-namespaces --selector tessera.io/stage=serve \
    --output 'jsonpath={range .items[*]}{.metadata.name}={.status.phase}{"\n"}{end}' | grep -E '=(Progressing|Paused)$' || true)
  [ -z "$busy" ] || die "another release is under way: ${busy//$'\n'/ }"
  rm -rf "$before"
  render
  apply "$unstaged"
}

# Keeps what is there, to go back to it and to know whether anything has changed at all: the pods that are known to be
# well, which need not be the newest, and what the newest are made of.
remember() {
  mkdir -p "$before"
  place=$(namespace)
  if [ -z "$place" ]; then
    printf 'none' > "$before/$name.hash"
    : > "$before/$name.template"
    return
  fi
  template > "$before/$name.template"
  of rollouts '{.status.stableRS}' > "$before/$name.hash"
}

# Waits until the service is well. What the controller says counts only once it has seen both what it watches over (its
# Rollout and the Deployment that this takes the pods from): until then it speaks of the release before. A promotion
# counts only while it waits for one, which it does when the new pods are ready, and changes nothing before.
settle() { # settle SECONDS [PROMOTION...], which is a command of the plugin
  local until=$((SECONDS + $1)) generation observed workload phase wanted
  shift
  while :; do
    wanted=$(of deployments '{.metadata.generation}')
    IFS='|' read -r generation observed workload phase <<< \
      "$(of rollouts '{.metadata.generation}|{.status.observedGeneration}|{.status.workloadObservedGeneration}|{.status.phase}')"
    [ "$observed|$workload" = "$generation|$wanted" ] || phase='not seen yet'
    case $phase in
      Healthy) return 0 ;;
      Degraded) die "$name is degraded: $(of rollouts '{.status.message}')" ;;
      Paused) [ $# = 0 ] || kubectl argo rollouts "$@" "$name" --namespace "$place" ;;
    esac
    [ "$SECONDS" -lt "$until" ] || die "$name is not well in time: $phase"
    sleep "${ASK_EVERY:-5}"
  done
}

health() {
  place=$(namespace)
  [ -n "$place" ] || die "$name has no Rollout"
  if [ "$name" = gateway ]; then
    # Its new release stands whole beside the old one; callers come to it only when it is promoted.
    settle "${PATIENCE:-3600}" promote
  else
    # Canaries take their steps, each watched by the analysis, which takes back what fails.
    settle "${PATIENCE:-3600}"
  fi
  scripts/smoke.sh "$name"
}

# Only what this run has changed: one step further back is a release that nobody asked for.
roll_back() {
  local hash revision
  [ -e "$before/$name.hash" ] || { say "$name was not begun: nothing to take back"; return; }
  hash=$(cat "$before/$name.hash") place=$(namespace)
  [ -n "$place" ] || { say "$name is not there: nothing to take back"; return; }
  if [ "$(template)" = "$(cat "$before/$name.template")" ]; then
    say "$name is what it was: nothing to take back"
    return
  fi
  [ "$hash" != none ] || die "$name had no release before this one, and stays"
  if [ "$(of rollouts '{.status.currentPodHash}')" != "$(of rollouts '{.status.stableRS}')" ]; then
    # All calls go to the pods of before at once, whatever becomes of the rest.
    kubectl argo rollouts abort "$name" --namespace "$place"
  fi
  revision=$(kubectl get replicasets --namespace "$place" --selector "rollouts-pod-template-hash=$hash" \
    --output 'jsonpath={.items[*].metadata.annotations.rollout\.argoproj\.io/revision}')
  [ -n "$revision" ] || die "$name: the pods of before ($hash) are not kept any more"
  kubectl argo rollouts undo "$name" --namespace "$place" --to-revision "$revision"
  # It was well before, and takes no small steps back.
  settle "${PATIENCE:-3600}" promote --full
}

case $verb in
  prepare) prepare ;;
  diff)
    render
    # It ends with 1 where something differs, which is what it is asked for.
    kubectl diff --server-side --force-conflicts --filename "$copy/release.yaml" --selector "$unstaged" || [ $? = 1 ]
    ;;
  migrate)
    # A Job cannot be changed, so that the one of the release before goes first.
    job=app.kubernetes.io/name=$name-migrate
    render
    kubectl delete jobs --all-namespaces --ignore-not-found --selector "$job"
    apply "$job"
    kubectl wait --for=condition=complete jobs --all-namespaces --selector "$job" --timeout=30m
    ;;
  roll-out)
    render
    remember
    apply "app.kubernetes.io/name=$name,tessera.io/stage=serve"
    ;;
  health) health ;;
  roll-back) roll_back ;;
esac
