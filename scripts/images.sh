#!/usr/bin/env bash
# Builds the image of each program, all from one build.
#
#   scripts/images.sh            build, and load into the engine of this machine
#   scripts/images.sh --push     build, push with provenance and bill of materials, and write the digests
#                                to .tessera/images/digests.txt, as a release names them
#   scripts/images.sh --list     the names of the programs, which are the Dockerfile's targets
#
# REGISTRY and VERSION name them: $REGISTRY/tessera/crm:$VERSION. CACHE is a registry's reference for the layers.
set -euo pipefail
cd "$(dirname "$0")/.."
targets=$(sed -nE 's/^FROM (service|runtime) AS ([a-z]+)$/\2/p' Dockerfile | grep -v '^service$' | sort)
[ "${1:-}" != --list ] || { echo "$targets"; exit 0; }

registry=${REGISTRY:-registry.example}
version=${VERSION:-$(sed -nE '/^\[workspace.package\]/,/^$/s/^version = "(.*)"$/\1/p' Cargo.toml)}
options=(--build-arg "VERSION=$version" --build-arg "REVISION=$(git rev-parse HEAD)")
[ -z "${RUNTIME:-}" ] || options+=(--build-arg "RUNTIME=$RUNTIME")
[ -z "${CACHE:-}" ] || options+=(--cache-from "type=registry,ref=$CACHE")
case "${1:-}" in
  --push)
    options+=(--push --provenance mode=max --sbom true)
    [ -z "${CACHE:-}" ] || options+=(--cache-to "type=registry,ref=$CACHE,mode=max")
    ;;
  '') options+=(--load) ;;
  *) sed -n '2,9p' "$0" >&2; exit 2 ;;
esac
mkdir -p .tessera/images
: > .tessera/images/digests.txt
for target in $targets; do
  image=$registry/tessera/$target
  docker buildx build "${options[@]}" --target "$target" --tag "$image:$version" \
    --metadata-file ".tessera/images/$target.json" .
  digest=$(sed -nE 's/.*"containerimage\.digest": *"(sha256:[0-9a-f]+)".*/\1/p' ".tessera/images/$target.json")
  echo "$image@$digest" >> .tessera/images/digests.txt
done
cat .tessera/images/digests.txt
