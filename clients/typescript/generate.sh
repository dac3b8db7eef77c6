#!/usr/bin/env bash
# Writes src/gen anew from the contracts in proto/. The same contracts give the same bytes, so CI can compare.
set -euo pipefail
cd "$(dirname "$0")"
buf=
for one in ../../tools/node_modules/@bufbuild/buf-*/bin/buf; do
  [ -x "$one" ] && buf=$one
done
if [ -z "$buf" ]; then
  echo "generate: buf is missing; run scripts/prepare.sh --tools" >&2
  exit 1
fi
[ -d node_modules/@bufbuild/protoc-gen-es ] || npm ci --ignore-scripts
exec "$buf" generate
