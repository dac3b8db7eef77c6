#!/usr/bin/env bash
# Checks formats and types and runs the tests. Against TESSERA_URL, else a suite started from the program TESSERA_ALL.
set -euo pipefail
cd "$(dirname "$0")"
./generate.sh --venv
.venv/bin/ruff format --check --quiet .
.venv/bin/ruff check --quiet .
.venv/bin/mypy
.venv/bin/pytest "$@"
