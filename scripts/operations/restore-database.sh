#!/usr/bin/env bash
# Puts the database of one service, or of all, back to what a recovered copy of the server holds.
#
#   scripts/operations/restore-database.sh SERVICE|all --from COPY_URL [--check-only]
#   scripts/operations/restore-database.sh SERVICE|all --back STAMP     puts what was replaced then in its place again
#
# COPY_URL is a superuser's address of the copy: point-in-time.sh recover prints it, and CloudNativePG makes such a
# cluster. The service must be stopped. Its database is restored beside the one in use, its tables are counted against
# the copy's, and only then the two change names; what was in use stays as tessera_<service>_until_STAMP, so that rows
# can be looked up in it, and the way back is short. What other services, the event log and the world know stays as it
# is: read docs/operations/restore.md first. ADMIN_DATABASE_URL: see lib.sh.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

service='' from='' back='' check_only=false
while [ $# -gt 0 ]; do
  case $1 in
    --from) value "$@"; from=$VALUE; shift ;;
    --back) value "$@"; back=$VALUE; shift ;;
    --check-only) check_only=true ;;
    -h | --help) usage ;;
    -*) usage "there is no option $1" ;;
    *) [ -z "$service" ] || usage "what is $1?"; service=$1 ;;
  esac
  shift
done
[ -n "$service" ] || usage 'name a service, or all'
[ -n "$from$back" ] && { [ -z "$from" ] || [ -z "$back" ]; } || usage 'say where from (--from), or which restore to undo (--back)'

# Rows of every table, one line each: exact, as a restore that lost a row is none.
counts() { # counts DATABASE
  ask "$1" -F ' ' <<'SQL'
select format('select %L, count(*) from %I.%I', n.nspname || '.' || c.relname, n.nspname, c.relname)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_'
order by n.nspname, c.relname \gexec
SQL
}
on_copy() { (connect "$from" && "$@"); }
copies() { # the databases to be restored
  if [ "$service" = all ]; then on_copy databases; else on_copy require_database "$service" && echo; fi
}

# Beside the one in use, with its owner and its closed doors.
make_beside() { # make_beside DATABASE
  local database=$1 beside=$1_restored owner
  owner=$(on_copy ask postgres -v name="$database" <<< "select pg_get_userbyid(datdba) from pg_database where datname = :'name'")
  [ -n "$(ask postgres -v owner="$owner" <<< "select 1 from pg_roles where rolname = :'owner'")" ] ||
    die "the server at $PGHOST:$PGPORT has no role $owner: make the roles first (tessera up, or the Database resources)"
  ask postgres -v name="$beside" -v owner="$owner" -v login="${owner%_owner}" <<'SQL'
set client_min_messages = error;
drop database if exists :"name";
create database :"name" owner :"owner" template template0 encoding 'UTF8';
revoke all on database :"name" from public;
grant connect, temporary on database :"name" to :"login", :"owner";
SQL
  on_copy pg_dump --dbname "$database" --format custom --file "$work/$database.dump"
  pg_restore --dbname "$beside" --exit-on-error "$work/$database.dump"
  rm "$work/$database.dump"
  diff <(on_copy counts "$database") <(counts "$beside") >&2 || die "$beside does not hold what the copy holds; nothing was replaced"
  ask "$beside" -c analyze
}

# The second of now, unless another restore had it.
fresh_stamp() {
  local stamp
  while stamp=$(date -u +%Y%m%dt%H%M%Sz); do
    [ -n "$(ask postgres -v stamp="_until_$stamp" <<< "select 1 from pg_database where right(datname, length(:'stamp')) = :'stamp' limit 1")" ] || break
    sleep 0.2
  done
  printf '%s' "$stamp"
}

# Both names change in one transaction.
swap() { # swap DATABASE NEW OLD: what is called NEW becomes DATABASE, which becomes OLD
  require_stopped "$1"
  ask postgres -v name="$1" -v new="$2" -v old="$3" <<'SQL'
begin;
alter database :"name" rename to :"old";
alter database :"new" rename to :"name";
commit;
SQL
}

connect_admin
if [ -n "$back" ]; then
  names=$(ask postgres -v prefix="$PREFIX" -v stamp="_until_$back" -v one="$([ "$service" = all ] || echo "$PREFIX$service")" <<'SQL'
select left(datname, length(datname) - length(:'stamp')) from pg_database
where starts_with(datname, :'prefix' || case :'one' when '' then '' else substr(:'one', length(:'prefix') + 1) || '_until' end)
  and right(datname, length(:'stamp')) = :'stamp'
SQL
  )
  [ -n "$names" ] || die "there is no database of $service from the restore $back"
  for database in $names; do require_stopped "$database"; done
  stamp=$(fresh_stamp)
  for database in $names; do
    swap "$database" "${database}_until_$back" "${database}_until_$stamp"
    say "$database is what it was before $back; the restored one is now ${database}_until_$stamp"
  done
  exit 0
fi

need pg_dump pg_restore diff
names=$(copies)
[ -n "$names" ] || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ $check_only = true ] || for database in $names; do require_stopped "$database"; done
for database in $names; do
  make_beside "$database"
  say "$database of the copy is restored as ${database}_restored: $(counts "${database}_restored" | awk '{rows += $2} END {print rows}') rows, as many as in the copy"
done
if [ $check_only = true ]; then
  for database in $names; do ask postgres -v name="${database}_restored" <<< 'drop database :"name"'; done
  say 'checked only: nothing was replaced'
  exit 0
fi
stamp=$(fresh_stamp)
for database in $names; do
  swap "$database" "${database}_restored" "${database}_until_$stamp"
  say "$database is the restored one; what was in use is ${database}_until_$stamp"
done
say "the way back: ${0##*/} $service --back $stamp"
