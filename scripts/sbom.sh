#!/usr/bin/env bash
# Writes the bill of materials of each program to sbom/<program>.cdx.json, as CycloneDX, and looks whether it holds what
# it must: a list that is empty would say of every vulnerability that we do not have it.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/tools/bin:$PATH
rm -rf sbom
mkdir sbom
programs=$(scripts/images.sh --list)
# Of the platform that the images are of; without what only builds and tests need. The plugin writes beside each
# manifest, so that the files are gathered, and those of libraries and of other programs thrown away.
cargo cyclonedx --quiet --format json --spec-version 1.5 --describe binaries --no-build-deps \
  --target x86_64-unknown-linux-gnu
for program in $programs; do
  found=$(find services gateway-grpcweb -maxdepth 2 -name "${program}_bin.cdx.json")
  [ -n "$found" ] || { echo "sbom: nothing was written for $program" >&2; exit 1; }
  mv "$found" "sbom/$program.cdx.json"
done
git ls-files --others --ignored --exclude='*.cdx.json' -- crates services gateway-grpcweb tests benches | xargs -r rm -f
python3 - sbom/*.cdx.json <<'PY'
import json, sys
for path in sys.argv[1:]:
    bom = json.load(open(path))
    names = {component["name"] for component in bom.get("components", [])}
    if bom.get("bomFormat") != "CycloneDX" or "tonic" not in names:
        sys.exit(f"sbom: {path} does not name tonic among its {len(names)} components")
    print(f"{path}: {len(names)} components")
PY
