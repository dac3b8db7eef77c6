#!/usr/bin/env bash
# Writes erp/ from proto/, with buf and the generators that tools/go.mod pins. Needs Go, and buf as `make tools` installs it.
set -euo pipefail
cd "$(dirname "$0")"
root=$PWD/../..
buf=$(ls "$root"/tools/node_modules/@bufbuild/buf-*/bin/buf 2>/dev/null | head -1)
[ -n "$buf" ] || { echo 'generate: buf is missing; run `make tools`' >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go -C tools build -o "$work/bin/" google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc
# Written beside the old files first, so that a failure leaves those as they are.
(cd "$root/proto" && PATH="$work/bin:$PATH" "$buf" generate --template "$OLDPWD/buf.gen.yaml" --path erp --output "$work/out")
rm -rf erp
cp -r "$work/out/erp" erp
