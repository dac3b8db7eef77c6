#!/usr/bin/env bash
# What `tessera release apply` calls for each service of a stage, in a cluster as k8s/README.md describes it.
#
#   scripts/roll-out.sh migrate|roll-out|health|roll-back NAME IMAGE
#
# ENVIRONMENT names the overlay; kubectl with the plugin of Argo Rollouts must reach its cluster. What has no stage
# (namespaces, configuration, topics, the mesh) is applied before: `kubectl apply -l '!tessera.io/stage'`.
set -euo pipefail
cd "$(dirname "$0")/.."
verb=${1:?} name=${2:?} image=${3:?}
environment=${ENVIRONMENT:?names the overlay, such as staging}

kustomize=$PWD/tools/.bin/kustomize
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
# The overlay with the image of this release, rendered from a copy: a release changes nothing in the checkout.
render() {
  cp -r k8s istio "$copy"
  (cd "$copy/k8s/overlays/$environment" && "$kustomize" edit set image "registry.example/tessera/$name=$image")
  "$kustomize" build "$copy/k8s/overlays/$environment" > "$copy/release.yaml"
}
namespace() {
  kubectl get rollouts --all-namespaces --selector "app.kubernetes.io/name=$name" --output 'jsonpath={.items[0].metadata.namespace}'
}

case $verb in
  migrate)
    # A Job cannot be changed, so that the one of the release before goes first.
    job=app.kubernetes.io/name=$name-migrate
    render
    kubectl delete jobs --all-namespaces --ignore-not-found --selector "$job"
    kubectl apply --server-side --filename "$copy/release.yaml" --selector "$job"
    kubectl wait --for=condition=complete jobs --all-namespaces --selector "$job" --timeout=30m
    ;;
  roll-out)
    render
    kubectl apply --server-side --filename "$copy/release.yaml" --selector "app.kubernetes.io/name=$name,tessera.io/stage=serve"
    ;;
  health)
    if [ "$name" = gateway ]; then
      # Its new release stands whole beside the old one; callers come to it only now, and are the first to be asked for.
      kubectl argo rollouts promote gateway --namespace "$(namespace)"
    fi
    # Canaries take their steps, each watched by the analysis, which takes back what fails.
    kubectl argo rollouts status "$name" --namespace "$(namespace)" --timeout 60m
    if [ "$name" = gateway ] && [ -n "${SMOKE_URL:-}" ]; then
      for path in readyz .well-known/jwks.json openapi.json; do
        curl --fail --silent --show-error --max-time 10 --output /dev/null "$SMOKE_URL/$path"
      done
    fi
    ;;
  roll-back)
    kubectl argo rollouts abort "$name" --namespace "$(namespace)" || true
    kubectl argo rollouts undo "$name" --namespace "$(namespace)"
    ;;
  *)
    sed -n '2,8p' "$0" >&2
    exit 2
    ;;
esac
