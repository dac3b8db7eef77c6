#!/usr/bin/env bash
# Every test. The saga under SIGKILL takes as long as half of the others and mostly waits, so that it runs beside them.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
long=saga_chaos skip=killed_anywhere_every_order_ends_whole

"$cargo" test --workspace --no-run
log=$(mktemp)
"$cargo" test --workspace --test $long >"$log" 2>&1 &
beside=$!
trap 'kill $beside 2>/dev/null || true; rm -f "$log"' EXIT
"$cargo" test --workspace -- --skip $skip
printf '\n== beside them: %s\n' $long
ended=0
wait $beside || ended=$?
cat "$log"
exit $ended
