#!/usr/bin/env bash
# Erases a suspended tenant from every database, and proves that nothing of it is left.
#
#   scripts/operations/erase-tenant.sh TENANT_ID SLUG --by NAME --append-only erase|keep [OPTIONS]
#
#   --append-only    what becomes of tables whose rows are never changed or deleted (journal, stock moves, audit log):
#                    there is no default, since somebody must decide it; the answer stands in the protocol
#   --keep NAME      keeps one more table, such as finance:public.invoices, or all of a service's own tables, such as
#                    finance; as often as needed. What a kept table refers to is kept with it
#   --remainder FILE erases what was kept before, once the time for that is over: FILE is the protocol of then
#   --protocol FILE  where the protocol goes, default erasure-SLUG-TIME.tsv; it names no person of the tenant
#   --since MINUTES  how long the tenant must have been suspended, default 15: so long may an access token be good
#   --dry-run        tells what would be erased, and changes nothing
#
# Tables are found in the catalogue: every one with a column tenant_id. Each database is one transaction; an erasure that
# was cut short is done by calling it again, as identity comes last. Nothing of the tenant may be under way. Backups, files
# and Kafka's topics are not touched: docs/operations/tenant-off-boarding.md. ADMIN_DATABASE_URL: see lib.sh.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

tenant='' slug='' by='' append_only='' protocol='' since=15 dry=false remainder=''
keep=()
while [ $# -gt 0 ]; do
  case $1 in
    --by) value "$@"; by=$VALUE; shift ;;
    --append-only) value "$@"; append_only=$VALUE; shift ;;
    --keep) value "$@"; keep+=("$VALUE"); shift ;;
    --protocol) value "$@"; protocol=$VALUE; shift ;;
    --remainder) value "$@"; remainder=$VALUE; shift ;;
    --since) value "$@"; since=$VALUE; shift ;;
    --dry-run) dry=true ;;
    -h | --help) usage ;;
    -*) usage "there is no option $1" ;;
    *) if [ -z "$tenant" ]; then tenant=$1; elif [ -z "$slug" ]; then slug=$1; else usage "what is $1?"; fi ;;
  esac
  shift
done
[ -n "$slug" ] || usage 'name the tenant by its id and its slug'
[ -n "$by" ] || usage 'say who does it (--by)'
[[ $since =~ ^[0-9]+$ ]] || usage '--since is a number of minutes'
[[ $append_only =~ ^(erase|keep)$ ]] || usage 'decide what becomes of append-only tables: --append-only erase, or --append-only keep'
protocol=${protocol:-erasure-$slug-$(date -u +%Y%m%dT%H%M%SZ).tsv}
[ ! -e "$protocol" ] || die "$protocol exists already"

# Refuses while the tenant could still write, or others could still write for it.
require_quiet() {
  local state busy
  state=$(ask "${PREFIX}identity" -v id="$tenant" -v since="$since" <<'SQL'
select case when state <> 2 then 'is not suspended (suspend-tenant.sh)'
  when update_time > now() - make_interval(mins => :since) then
    'was suspended at ' || to_char(update_time at time zone 'utc', 'HH24:MI') || ' UTC: tokens may be good for ' || :since || ' minutes after that'
  when exists (select from sessions s where s.tenant_id = :'id' and s.end_time is null) then 'has open sessions'
  else '' end from tenants where id = :'id'
SQL
  )
  [ -z "$state" ] || die "the tenant $slug $state"
  # A job may be at work just now; whatever takes longer needs a look.
  for _ in {1..50}; do
    busy=$(under_way)
    [ -n "$busy" ] || return 0
    sleep 0.2
  done
  die "something of $slug is under way: ${busy//$'\n'/, }"
}

# Refuses while there are copies that it would not look into.
require_none_aside() {
  local aside
  aside=$(databases_aside)
  [ -z "$aside" ] || die "a restore has put aside ${aside//$'\n'/, }, which may hold the tenant: drop it first"
}

# What still moves by itself, of every database.
under_way() {
  local database
  for database in $(databases); do
    ask "$database" -v id="$tenant" <<'SQL'
select to_regclass('tessera.outbox') is not null as service, to_regclass('public.sagas') is not null as sagas,
  to_regclass('bus.events') is not null as log \gset
\if :service
select format('%s events wait to be published by %s', count(*), current_database()) from tessera.outbox
where tenant_id = :'id' and publish_time is null having count(*) > 0;
select format('%s jobs run in %s', count(*), current_database()) from tessera.jobs
where tenant_id = :'id' and lease_time > now() having count(*) > 0;
\endif
\if :sagas
select count(*) || ' sagas have not ended' from sagas where tenant_id = :'id' and end_time is null having count(*) > 0;
\endif
\if :log
select count(*) || ' events wait for ' || o.group_name from bus.events e
join bus.offsets o on o.topic_id = e.topic_id and o.partition = e.partition
where e.tenant_id = :'id' and e.log_offset >= o.committed group by o.group_name;
\endif
SQL
  done
}

# One database in one transaction; prints the protocol's lines.
erase() { # erase DATABASE
  local database=$1 kept
  kept=$(printf '%s\n' ${keep[@]+"${keep[@]}"} |
    sed -n -e "s/^${database#"$PREFIX"}://p" -e "s/^${database#"$PREFIX"}$/all/p")
  ask "$database" -F $'\t' -v id="$tenant" -v database="$database" -v append_only="$append_only" -v kept="$kept" \
    -v end="$([ $dry = true ] && echo rollback || echo commit)" <<SQL
begin;
-- For this session alone: triggers that refuse, and foreign keys, which cannot break as all of the tenant goes.
set local session_replication_role = replica;
select set_config('erase.tenant', :'id', true) \g /dev/null
create temp table plan on commit drop as
with recursive tables as ($TENANT_TABLES),
wanted as (
  select oid, case when append_only then 'append-only, kept by decision' else 'kept by decision' end as why from tables
  where name = any(string_to_array(:'kept', E'\n')) or (:'kept' ~ '(^|\n)all($|\n)' and name like 'public.%') or (append_only and :'append_only' = 'keep')
  union
  select f.confrelid, 'kept, as a kept table refers to it' from wanted w
  join pg_constraint f on f.conrelid = w.oid and f.contype = 'f' and f.confrelid <> f.conrelid
  join tables t on t.oid = f.confrelid)
select t.oid, t.name, coalesce((select min(why) from wanted w where w.oid = t.oid),
    case when t.append_only then 'append-only, erased by decision' else 'erased' end) as decision,
  exists (select from wanted w where w.oid = t.oid) as kept, 0::bigint as rows_before, 0::bigint as rows_left
from tables t;
do \$\$
declare
  one record;
  before bigint;
  remaining bigint;
begin
  for one in select * from plan order by name loop
    execute format('select count(*) from %s where tenant_id = %L', one.name, current_setting('erase.tenant')) into before;
    if not one.kept then
      execute format('delete from %s where tenant_id = %L', one.name, current_setting('erase.tenant'));
    end if;
    execute format('select count(*) from %s where tenant_id = %L', one.name, current_setting('erase.tenant')) into remaining;
    if not one.kept and remaining > 0 then
      raise exception '% rows of % are still there', remaining, one.name;
    end if;
    update plan set rows_before = before, rows_left = remaining where oid = one.oid;
  end loop;
end \$\$;
select :'database', name, rows_before, rows_left, decision from plan order by name;
:end;
SQL
}

connect_admin
if [ -z "$remainder" ]; then
  require_tenant "$tenant" "$slug"
  require_quiet
  [ $dry = true ] || require_none_aside
else
  is_uuid "$tenant" || die "'$tenant' is no tenant's id, which is a UUID in small letters"
  grep -qF "# erasure of the tenant $slug ($tenant)," "$remainder" || die "$remainder is no protocol of an erasure of $slug ($tenant)"
fi
for name in ${keep[@]+"${keep[@]}"}; do
  database=$(require_database "${name%%:*}")
  [[ $name != *:* ]] || [ -n "$(ask "$database" -v name="${name#*:}" <<< "select 1 from ($TENANT_TABLES) t where name = :'name'")" ] ||
    die "$database has no table ${name#*:} with rows of tenants; write it as ${name%%:*}:public.invoices"
done

{
  printf '# erasure of the tenant %s (%s), begun %s by %s; append-only tables: %s%s\n' \
    "$slug" "$tenant" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$by" "$append_only" "$([ $dry = true ] && echo '; DRY RUN, nothing was changed')"
  printf 'database\ttable\trows\tleft\tdecision\n'
} > "$protocol"
for database in $(databases); do erase "$database" >> "$protocol"; done
summary=$(awk -F'\t' '!/^#/ && NR > 2 {before += $3; left += $4} END {printf "%d rows erased, %d kept", before - left, left}' "$protocol")
if [ $dry = true ]; then
  say "dry run: $summary; what it would do stands in $protocol"
  exit 0
fi
# What was deleted lies in the files until it is vacuumed; then the space is written over.
for database in $(databases); do ask "$database" -c 'vacuum'; done
kept=$(awk -F'\t' '!/^#/ && NR > 2 && $4 > 0 {print $1 ":" $2}' "$protocol")
proof=$("$(dirname "$0")/prove-erased.sh" "$tenant" ${kept:+--but $kept} 2>&1) || { printf '# %s\n' "$proof" >> "$protocol"; die "$proof"; }
printf '# ended %s: %s; %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$summary" "$proof" >> "$protocol"
say "the tenant $slug is erased: $summary; protocol in $protocol"
say "$proof"
