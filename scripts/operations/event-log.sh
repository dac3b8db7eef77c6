#!/usr/bin/env bash
# Moves what the event log and the databases know of each other, after a restore (docs/operations/restore.md).
#
#   scripts/operations/event-log.sh rewind SERVICE TIME       hands a service all events since TIME once more
#   scripts/operations/event-log.sh skip SERVICE|all          lets it go on behind the newest event
#   scripts/operations/event-log.sh republish SERVICE|all TIME   puts the events of its outbox since TIME into the log again
#   scripts/operations/event-log.sh show                      where each service stands
#
# Rewound or published again, an event has no second effect where it had one: the inbox, restored together with the
# effects, knows it for 31 days. TIME is like 2026-11-21T08:00:00Z; choose it earlier rather than later. The services
# must be stopped. rewind, skip and show are for the log embedded in PostgreSQL; for Kafka the page has its commands.
# Outboxes keep published events for a day. ADMIN_DATABASE_URL: see lib.sh.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

log() { ask "${PREFIX}log" "$@"; }
require_log() {
  has_line "${PREFIX}log" "$(databases)" || die "there is no ${PREFIX}log at $PGHOST:$PGPORT: events are in Kafka, see docs/operations/restore.md"
}
require_time() { [[ $1 =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$ ]] || die "'$1' is no time like 2026-11-21T08:00:00Z"; }
services() { databases | sed "s/^$PREFIX//" | grep -vx log; }
show() {
  log -F ' ' <<'SQL'
select o.group_name, t.name, sum(p.next_offset - greatest(o.committed, first.log_offset))
from bus.offsets o join bus.topics t on t.id = o.topic_id
join bus.partitions p on p.topic_id = o.topic_id and p.partition = o.partition
cross join lateral (select coalesce(min(e.log_offset), p.next_offset) as log_offset from bus.events e
  where e.topic_id = o.topic_id and e.partition = o.partition) first
group by 1, 2 order by 1, 2
SQL
}

case ${1:-}:$# in
  -h:* | --help:*) usage ;;
  show:1)
    connect_admin
    require_log
    show | awk '{print $1 " has " $3 " events of " $2 " before it"}' ;;
  rewind:3)
    require_time "$3"
    connect_admin
    require_log
    require_stopped "$(require_database "$2")"
    moved=$(log -v service="$2" -v time="$3" <<'SQL'
with oldest as (
  select o.id, min(e.log_offset) as log_offset from bus.offsets o
  join bus.events e on e.topic_id = o.topic_id and e.partition = o.partition and e.create_time >= :'time'
  where o.group_name = :'service' group by o.id),
moved as (
  update bus.offsets o set committed = oldest.log_offset from oldest
  where o.id = oldest.id and o.committed > oldest.log_offset
  returning (select count(*) from bus.events e
    where e.topic_id = o.topic_id and e.partition = o.partition and e.log_offset >= o.committed) as events)
select coalesce(sum(events), 0) from moved
SQL
    )
    say "$2 will be handed $moved events since $3 when it starts" ;;
  skip:2)
    connect_admin
    require_log
    names=$([ "$2" = all ] && services || { require_database "$2" > /dev/null && echo "$2"; })
    for service in $names; do require_stopped "$PREFIX$service"; done
    for service in $names; do
      skipped=$(log -v service="$service" <<'SQL'
with moved as (
  update bus.offsets o set committed = p.next_offset from bus.partitions p, bus.offsets before
  where p.topic_id = o.topic_id and p.partition = o.partition and before.id = o.id and o.group_name = :'service'
  returning p.next_offset - before.committed as events)
select coalesce(sum(events), 0) from moved
SQL
      )
      say "$service goes on behind the newest event, past $skipped"
    done ;;
  republish:3)
    require_time "$3"
    connect_admin
    names=$([ "$2" = all ] && services || { require_database "$2" > /dev/null && echo "$2"; })
    for service in $names; do require_stopped "$PREFIX$service"; done
    for service in $names; do
      marked=$(ask "$PREFIX$service" -v time="$3" <<'SQL'
with marked as (update tessera.outbox set publish_time = null where publish_time >= :'time' returning 1)
select count(*) from marked
SQL
      )
      say "$service will publish $marked events once more when it starts"
    done ;;
  *) usage 'name one of rewind, skip, republish, show with what it needs' ;;
esac
