#!/usr/bin/env bash
# Checks the format, vets, and runs the tests. Against TESSERA_URL, else a suite started from the program TESSERA_ALL.
set -euo pipefail
cd "$(dirname "$0")"
unformatted=$(gofmt -l ./*.go)
[ -z "$unformatted" ] || { echo "not formatted: $unformatted" >&2; exit 1; }
go vet .
go test -count=1 "$@" .
