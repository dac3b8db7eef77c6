#!/usr/bin/env bash
# Tries what docs/operations/ tells to do, on a suite of its own: restore, dead letters, keys, off-boarding.
#
#   scripts/operations/try.sh
#
# TESSERA_BIN names the program (default: the one that `make up` builds). Everything lies in a folder below /var/tmp that
# is removed at the end, also after a failure; TRY_KEEP=1 leaves it. Ends with a sentence at the first thing that is not
# as the pages say.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD/scripts/operations
source "$here/lib.sh"
[ $# = 0 ] || usage "what is $1?"
need jq curl setpriv
bin=${TESSERA_BIN:-${CARGO_TARGET_DIR:-target}/release/tessera}
[ -x "$bin" ] || die "there is no program $bin: build it with cargo build --release --bin tessera, or name it by TESSERA_BIN"
bin=$(realpath "$bin")
begun=$(date +%s)

home=$(mktemp -d /var/tmp/tessera-try.XXXXXX)
# The server's user passes through it.
chmod 711 "$home"
# Nothing of the caller's own suite, server or login may be meant by anything that follows.
unset ADMIN_DATABASE_URL TESSERA_TOKEN TESSERA_MASTER_KEY TESSERA_DATABASE_URL TESSERA_KAFKA_BROKERS TESSERA_PG_PORT TESSERA_ADDRESS
export TESSERA_HOME=$home/suite TESSERA=$bin PREFIX=tessera_
pid='' copy=$home/copy
finish() {
  local code=$?
  # A second signal must not cut this short.
  trap '' INT TERM
  set +e
  [ -z "$pid" ] || { kill "$pid" 2> /dev/null; wait "$pid" 2> /dev/null; }
  if [ "$code" != 0 ] && [ -f "$home/up.log" ]; then say "the suite's last lines:"; tail -5 "$home/up.log" >&2; fi
  [ ! -d "$copy" ] || "$here/point-in-time.sh" end "$copy" 2> /dev/null
  "$here/point-in-time.sh" stop 2> /dev/null
  if [ -n "${TRY_KEEP:-}" ]; then say "left in $home"; else rm -rf "$home"; fi
  [ "$code" = 0 ] || say "try: FAILED after $(($(date +%s) - begun)) s"
}
trap finish EXIT
trap 'exit 130' INT TERM

step() { say "== $* ($(($(date +%s) - begun)) s)"; }
fails() { die "this does not hold: $*"; }
same() { [ "$2" = "$3" ] || fails "$1: it is '$2' and not '$3'"; } # same SENTENCE IS WANTED
await() { # await SENTENCE SECONDS COMMAND...
  local sentence=$1 end=$((SECONDS + $2))
  shift 2
  until "$@" > /dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || fails "$sentence"
    sleep 0.2
  done
}
refused() { # refused SENTENCE WORDS COMMAND...: it fails, and says these words
  local sentence=$1 words=$2 said
  shift 2
  if said=$("$@" 2>&1); then fails "$sentence: it was done"; fi
  [[ $said == *"$words"* ]] || fails "$sentence: it said: $said"
}
quietly() { "$@" 2> "$home/said" || { cat "$home/said" >&2; fails "this ends well: ${*##*/}"; }; }
# As the user of a tenant; each has a login of its own.
as() { local who=$1; shift; TESSERA_CONFIG=$home/$who.toml "$bin" --output json "$@" 2> "$home/said" || { cat "$home/said" >&2; return 1; }; }
call() { as "$1" call "$2" "${3:-{\}}"; }
with_token() { TESSERA_TOKEN=$1 "$bin" --address "$address" --output json call "$2"; }
# Rows of the demo company in every table, by database; but for jobs, which come and go by themselves.
rows() {
  local database
  for database in $(databases); do
    ask "$database" -F ' ' -v id="$demo" -v database="$database" <<SQL
select format('select %L, %L, count(*) from %s where tenant_id = %L', :'database', name, name, :'id')
from ($TENANT_TABLES) t where name <> 'tessera.jobs' order by name \gexec
SQL
  done
}

up() { # up [ARGUMENTS]: returns when callers are served
  "$bin" up --listen "${address#http://}" "$@" < /dev/null >> "$home/up.log" 2>&1 &
  pid=$!
  await 'the suite comes up within two minutes' 120 served_or_gone
  kill -0 "$pid" 2> /dev/null || fails 'the suite comes up'
}
served_or_gone() { ! kill -0 "$pid" || curl -fsS --max-time 2 "$address/readyz"; }
down() {
  kill "$pid"
  wait "$pid" || fails 'the suite stops without an error'
  pid=''
}
no_lag() { [ "$(call "$1" ops.GetConsumerLag | jq '[.lags[]?.lag // 0 | tonumber] | add // 0')" = 0 ]; }
state_of() { call "$1" orders.GetOrder "{\"id\": \"$2\"}" | jq -r .state; }
order_is() { [ "$(state_of "$1" "$2")" = "ORDER_STATE_$3" ]; }
order() { # order WHO: places one and tells its id
  call "$1" orders.PlaceOrder "{\"account_id\": \"${account[$1]}\", \"lines\": [{\"product_id\": \"${product[$1]}\", \"quantity\": {\"value\": \"1\"}}],
    \"currency_code\": \"EUR\", \"payment_method\": \"card_ok\", \"customer_email\": \"customer@$1.example\"}" | jq -r .id
}
completed() { # completed WHO: an order that has gone all the way
  local id
  id=$(order "$1")
  await "an order of $1 completes within 30 s" 30 order_is "$1" "$id" COMPLETED
  printf '%s' "$id"
}
declare -A account product
demo='' keeper='' loaded_by='' backed_up_by=''
found() { # found WHO SLUG: signs a company up, with one customer, one product and stock of it
  TESSERA_PASSWORD=correct-horse-9-battery as "$1" login "boss@$1.example" --address "$address" --sign-up --tenant "$2" --company "Company $1" > /dev/null
  account[$1]=$(call "$1" crm.CreateAccount '{"account": {"display_name": "Anna", "type": "ACCOUNT_TYPE_CUSTOMER"}}' | jq -r .id)
  product[$1]=$(call "$1" catalog.CreateProduct '{"product": {"sku": "ONE", "name": "One", "unit": "pc", "price": {"currency_code": "EUR", "units": "10"}}}' | jq -r .id)
  call "$1" inventory.ReceiveStock "{\"lines\": [{\"product_id\": \"${product[$1]}\", \"quantity\": {\"value\": \"100\"}, \"unit_cost\": {\"currency_code\": \"EUR\", \"units\": \"4\"}}]}" > /dev/null
}

source "$here/try-cases.sh"
try_start
try_dead_letters
try_restore
try_master_keys
try_suspend
try_revoked_keys
try_erase
say "try: everything is as the pages say, in $(($(date +%s) - begun)) s"
