#!/usr/bin/env bash
# Builds the web console into console/dist, packed for browsers, where its sources are newer than what is there.
#
#   scripts/console.sh                 fails where it cannot be built
#   scripts/console.sh --if-possible   says then in a sentence that it is left out, and goes on
set -euo pipefail
cd "$(dirname "$0")/.."
built=console/dist/.built

leave_out() {
  if [ -e console/dist/index.html ]; then
    echo "console: $1; the one that was built before stays" >&2
  else
    echo "console: $1, so that it is left out" >&2
  fi
  [ "${optional:-}" = yes ] && exit 0
  exit 1
}
[ "${1:-}" != --if-possible ] || optional=yes
[ -f console/package.json ] || leave_out 'there is no folder console/'

# It is made with the sources of the client, not with what is built of them.
sources=(console clients/typescript/src)
newer() { # what was written after the console was built; folders tell of files that went
  find "${sources[@]}" \( -name node_modules -o -name dist -o -name screenshots -o -name test-results \) -prune \
    -o -newer "$built" -print -quit
}
if [ -e "$built" ] && [ -z "$(newer)" ]; then exit 0; fi

scripts/prepare.sh --node || leave_out 'Node.js 20.19 or newer is missing'
# The machine's own where that is new enough.
major=$(node --version 2>/dev/null | sed -E 's/^v([0-9]+).*/\1/' || true)
if [ "${major:-0}" -lt 20 ]; then export PATH=$PWD/tools/.venv/bin:$PATH; fi

build() {
  cd console || return
  # What is installed is what the lock file says.
  if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    npm ci --silent --no-fund --no-audit --ignore-scripts || return
  fi
  npm run --silent build
}
echo 'console: building' >&2
(build) >&2 || leave_out 'it could not be built'
node scripts/pack.mjs console/dist
touch "$built"
