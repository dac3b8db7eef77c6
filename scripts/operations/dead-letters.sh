#!/usr/bin/env bash
# Events that a consumer gave up on: of all tenants, and what to do about them.
#
#   scripts/operations/dead-letters.sh count                  by consumer, event and error, the most frequent first
#   scripts/operations/dead-letters.sh list [CONSUMER]        one line each, the oldest first; with --all those replayed, too
#   scripts/operations/dead-letters.sh show EVENT_ID          the event itself, and where it came from
#   scripts/operations/dead-letters.sh replay CONSUMER [EVENT_ID]   hands them out once more, the oldest first
#
# The first three read every service's database (ADMIN_DATABASE_URL: see lib.sh). `replay` calls the API as whoever is
# signed in, so it sees that tenant alone and needs ops.dead-letters.read and .replay; TESSERA names the program
# (default ./tessera). It ends with 1 when letters came back. Mend the cause first: docs/operations/dead-letters.md.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
tessera=${TESSERA:-./tessera}

letters() { # letters SQL [ARGUMENTS]: over each service's letters
  local sql=$1 database
  shift
  for database in $(databases | grep -vx "${PREFIX}log"); do ask "$database" -F $'\t' "$@" <<< "$sql"; done
}
slugs() { ask "${PREFIX}identity" -F $'\t' -c 'select tenant_id, slug from tenants'; }

count() {
  letters "select count(*), consumer, event_type, left(replace(error, E'\n', ' '), 120) from tessera.dead_letters
    where replay_time is null group by 2, 3, 4" | sort -rn
}

list() { # list CONSUMER ALL
  letters "select tenant_id, to_char(create_time at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), consumer, event_type, id, attempts,
      case when replay_time is null then 'open' else 'replayed' end, left(replace(error, E'\n', ' '), 120)
    from tessera.dead_letters where (:'consumer' in ('', consumer)) and (:'all' = 'true' or replay_time is null)" \
    -v consumer="$1" -v all="$2" |
    awk -F'\t' 'NR == FNR {slug[$1] = $2; next} {$1 = slug[$1] == "" ? $1 : slug[$1]; print $2, $1, $3, $4, $5, $6, $7, $8}' OFS='\t' <(slugs) - |
    sort
}

replay() { # replay CONSUMER EVENT_ID
  local consumer=$1 wanted=$2 page='' all=() answer event back
  while :; do
    answer=$("$tessera" --output json call ops.ListDeadLetters "$(jq -n --arg c "$consumer" --arg p "$page" '{consumer: $c, page_token: $p, page_size: 1000}')")
    # Newest first, as they are listed.
    mapfile -t -O "${#all[@]}" all < <(jq -r --arg id "$wanted" '.deadLetters[]? | select(.replayTime == null)
      | .eventId | select($id == "" or . == $id)' <<< "$answer")
    page=$(jq -r '.nextPageToken // ""' <<< "$answer")
    [ -n "$page" ] || break
  done
  [ "${#all[@]}" -gt 0 ] || die "there is no open letter of $consumer${wanted:+ with the event $wanted} in your tenant"
  for ((i = ${#all[@]} - 1; i >= 0; i--)); do
    event=${all[i]}
    "$tessera" --output json call ops.ReplayDeadLetter "$(jq -n --arg c "$consumer" --arg e "$event" '{consumer: $c, event_id: $e}')" > /dev/null
    say "replayed $event for $consumer"
  done
  caught_up "$consumer"
  answer=$("$tessera" --output json call ops.ListDeadLetters "$(jq -n --arg c "$consumer" '{consumer: $c, page_size: 1000}')")
  back=$(jq -r --args '[.deadLetters[]? | select(.replayTime == null) | select(.eventId as $e | $ARGS.positional | index($e))
    | "\(.eventId): \(.error)"] | join("\n")' "${all[@]}" <<< "$answer")
  [ -z "$back" ] || die "came back: $back"
  say "${#all[@]} replayed, none came back"
}

# Until the consumer has handled all that is in the log: an event that fails is tried for about fifteen seconds.
caught_up() {
  for _ in {1..120}; do
    [ "$("$tessera" --output json call ops.GetConsumerLag "$(jq -n --arg c "$1" '{consumer: $c}')" | jq '[.lags[]?.lag // 0 | tonumber] | add // 0')" != 0 ] || return 0
    sleep 0.5
  done
  die "$1 has not caught up within a minute; look again with: ${0##*/} list $1"
}

case ${1:-}:$# in
  -h:* | --help:*) usage ;;
  count:1) connect_admin; count ;;
  list:1 | list:2 | list:3)
    all=false consumer=''
    for word in "${@:2}"; do if [ "$word" = --all ]; then all=true; else consumer=$word; fi; done
    connect_admin
    list "$consumer" "$all" ;;
  show:2)
    is_uuid "$2" || die "'$2' is no event's id, which is a UUID in small letters"
    connect_admin
    found=$(letters "select jsonb_pretty(to_jsonb(d) - 'payload') || E'\n' || convert_from(payload, 'UTF8') from tessera.dead_letters d where id = :'id'" -v id="$2")
    [ -n "$found" ] || die "there is no dead letter of the event $2"
    printf '%s\n' "$found" ;;
  replay:2 | replay:3) need jq; replay "$2" "${3:-}" ;;
  *) usage 'name one of count, list, show, replay with what it needs' ;;
esac
