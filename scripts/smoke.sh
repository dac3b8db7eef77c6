#!/usr/bin/env bash
# Uses the suite as its users do, from outside: signs in, reads a page of what each service keeps, and signs out. It changes
# nothing else.
#
#   scripts/smoke.sh [SERVICE...]    these services; all of them without a name, or by the name of the gateway
#   scripts/smoke.sh --check         only whether it is told what it needs
#
# SMOKE_URL is where the gateway is, such as https://api.example; SMOKE_EMAIL and SMOKE_PASSWORD are of a user who may read
# everything in a tenant of its own. SMOKE_URL=none tries nothing, and says so: before the first release there is nobody.
set -euo pipefail
die() { printf 'smoke: %s\n' "$*" >&2; exit 1; }
# One list of each service, which asks its database as the caller's tenant.
declare -A pages=(
  [audit]=audit-entries [catalog]=products [crm]=accounts [finance]=ledger-accounts [identity]=users
  [inventory]=warehouses [notification]=deliveries [orders]=orders [payments]=payment-intents
)
for name in SMOKE_URL SMOKE_EMAIL SMOKE_PASSWORD; do
  [ -n "${!name:-}" ] || [ "${SMOKE_URL:-}" = none ] ||
    die "$name is not set: nothing would notice a release that does not work (SMOKE_URL=none brings it out untried)"
done
if [ "$SMOKE_URL" = none ]; then
  echo 'smoke: SMOKE_URL=none: NOTHING IS TRIED' >&2
  exit 0
fi
for program in curl jq; do command -v "$program" > /dev/null || die "needs the program $program"; done
[ "${1:-}" != --check ] || exit 0

answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
token=
# call METHOD PATH [BODY]: prints the status; what was answered lies in $answer. Neither password nor token is an argument
# of curl, as everybody on the machine may read those.
call() {
  local options=(--silent --show-error --max-time 10 --request "$1" --output "$answer" --write-out '%{http_code}')
  [ $# -lt 3 ] || options+=(--header 'content-type: application/json' --data @-)
  curl "${options[@]}" --config <([ -z "$token" ] || printf 'header = "authorization: Bearer %s"\n' "$token") \
    "$SMOKE_URL/api/v1/$2" <<< "${3:-}"
}
expect() { # expect STATUS METHOD PATH [BODY]
  local wanted=$1 got
  shift
  got=$(call "$@") || die "$1 $2: no answer"
  [ "$got" = "$wanted" ] || die "$1 $2 answers $got instead of $wanted: $(jq -r '.message // .code // empty' "$answer" 2> /dev/null | head -c 300)"
}

wanted=("$@")
if [ $# = 0 ] || [ "$1" = gateway ]; then
  mapfile -t wanted < <(printf '%s\n' "${!pages[@]}" | sort)
fi
# A door that lets everybody in would pass all that follows.
expect 401 GET "${pages[identity]}?page_size=1"
expect 200 POST auth:login "$(jq -n '{email: env.SMOKE_EMAIL, password: env.SMOKE_PASSWORD}')"
token=$(jq -r '.tokens.accessToken // empty' "$answer")
session=$(jq -c '{refreshToken: .tokens.refreshToken}' "$answer")
[ -n "$token" ] || die 'POST auth:login gives no tokens'
for service in "${wanted[@]}"; do
  page=${pages[$service]:-}
  [ -n "$page" ] || die "knows no page of $service"
  expect 200 GET "$page?page_size=1"
  jq -e 'type == "object"' "$answer" > /dev/null || die "GET $page answers no JSON"
done
expect 200 POST auth:logout "$session"
echo "smoke: signed in, and read of ${wanted[*]}" >&2
