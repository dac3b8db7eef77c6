#!/usr/bin/env bash
# Rules of the house that a machine can check. Prints what breaks them and fails.
set -uo pipefail
cd "$(dirname "$0")/.."
broken=0
rule() { # rule SENTENCE LINES
  [ -z "$2" ] && return
  broken=1
  printf 'tidy: %s\n%s\n' "$1" "$(printf '%s\n' "$2" | sed 's/^/  /' | head -20)"
}
rust() { git ls-files --cached --others --exclude-standard -- "$@" | grep '\.rs$' | grep -v '/tests/expected/' | xargs -r ls 2>/dev/null; }

sources=$(rust 'crates/*' 'services/*' 'gateway-grpcweb/*' 'tests/*')
rule 'no left-overs' "$(grep -nE 'todo!\(|unimplemented!\(|dbg!\(|FIXME|XXX' $sources)"
rule 'expect with a reason instead of allow; no ignored tests' "$(grep -nE '#!?\[allow\(|#\[ignore\]' $sources)"
rule 'files of at most 400 lines' "$(wc -l $sources | awk '$1 > 400 && $2 != "total" {print $2 ": " $1}')"
services=$(rust 'services/*/src/*' | grep -v '^services/all/')
rule 'services leave tenant, pool, status and clock to the engine' \
  "$(grep -nE 'PgPool|tonic::Status|now_utc|SystemTime::now|Uuid::now_v7|Uuid::new_v4' $services)"
unprotected=$(for file in services/*/migrations/*.sql; do
  grep -oE '^create table [a-z_]+' "$file" | awk '{print $3}' | while read -r table; do
    grep -q "tessera.protect('$table')" services/"$(cut -d/ -f2 <<<"$file")"/migrations/*.sql || echo "$file: $table"
  done
done)
rule 'every table is protected' "$unprotected"
domains='audit|catalog|crm|finance|identity|inventory|notification|orders|payments'
forbid() { # forbid NAMES MANIFEST...: none of the names among its run-time dependencies
  local names=$1; shift
  awk -v names="^($names) = " '/^\[/{on = ($0 == "[dependencies]")} on && $0 ~ names {print FILENAME ": " $1}' "$@"
}
layering=$(
  forbid "store|bus|host|contracts|testkit|local|$domains" crates/kit/Cargo.toml
  forbid "bus|host|contracts|testkit|local|$domains" crates/store/Cargo.toml
  forbid "store|host|contracts|testkit|local|$domains" crates/bus/Cargo.toml
  forbid "bus|host|testkit|local|$domains" crates/contracts/Cargo.toml
  forbid "testkit|local|$domains" crates/host/Cargo.toml
  for domain in ${domains//|/ }; do forbid "store::|testkit|local|$domains" "services/$domain/Cargo.toml"; done
)
rule 'dependencies point one way' "$layering"
[ $broken = 0 ] && echo 'tidy: nothing to say'
exit $broken
