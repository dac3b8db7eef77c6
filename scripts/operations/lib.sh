# What the scripts of this folder share; read by them, not run.
#
# They reach PostgreSQL as its administrator (a superuser: row-level security hides rows from everybody else) by
# ADMIN_DATABASE_URL, such as postgres://postgres:PASSWORD@127.0.0.1:5432/postgres; without it, the private server of
# `make up` in TESSERA_HOME (default .tessera). PREFIX (default tessera_) is what the databases' names begin with.
PREFIX=${PREFIX:-tessera_}

# The programs of PostgreSQL themselves where Debian keeps them: what it puts into the PATH takes ten times as long.
newest=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)
PATH=${TESSERA_PG_BINDIR:+$TESSERA_PG_BINDIR:}$newest:$PATH

say() { printf '%s\n' "$*" >&2; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }
usage() { # usage [COMPLAINT]: the head of the script, as help or as the answer to a wrong command line
  [ $# = 0 ] || { printf '%s: %s\n\n' "${0##*/}" "$1"; } >&2
  sed -n '2,/^[^#]/p' "$0" | sed -n 's/^# \{0,1\}//p' >&$(($# > 0 ? 2 : 1))
  exit $(($# > 0 ? 2 : 0))
}
value() { [ -n "${2:-}" ] || usage "$1 needs something behind it"; VALUE=$2; } # value OPTION VALUE...
need() { for program; do command -v "$program" > /dev/null || die "needs the program $program, which is not in the PATH"; done; }

unescape() { printf '%b' "${1//%/\\x}"; }

# The folder of the private server: beside the project, or where the server's user can enter.
private_folder() {
  local home name sum
  home=$(realpath -m "${TESSERA_HOME:-.tessera}")
  [ -r "$home/pg/password" ] && { printf '%s' "$home/pg"; return; }
  name=$(basename "$(dirname "$home")") sum=$(printf '%s' "$home" | sha256sum | cut -c1-8)
  for base in "${XDG_STATE_HOME:-/nonexistent}/tessera" "/var/tmp/tessera-$(id -u)"; do
    [ -r "$base/$name-$sum/pg/password" ] && { printf '%s' "$base/$name-$sum/pg"; return; }
  done
  return 1
}

# The administrator's address, from the environment or of the private server.
admin_url() {
  local folder
  [ -z "${ADMIN_DATABASE_URL:-}" ] || { printf '%s' "$ADMIN_DATABASE_URL"; return; }
  folder=$(private_folder) || die "set ADMIN_DATABASE_URL to a superuser's address, such as postgres://postgres:PASSWORD@127.0.0.1:5432/postgres; there is no private server in ${TESSERA_HOME:-.tessera} either"
  printf 'postgres://postgres:%s@127.0.0.1:%s/postgres?sslmode=disable' "$(tr -d '\n' < "$folder/password")" "$(cat "$folder/port")"
}

# connect URL: from here on libpq's programs go there. By its variables and not by arguments: a list of processes must
# not show the password.
connect() {
  local url=$1 pair
  [[ $url =~ ^postgres(ql)?://([^:@/]*)(:([^@/]*))?@([^:/?]*)(:([0-9]+))?(/([^?]*))?(\?(.*))?$ ]] ||
    die 'the address of a database must look like postgres://USER:PASSWORD@HOST:PORT/postgres'
  PGUSER=$(unescape "${BASH_REMATCH[2]}") PGPASSWORD=$(unescape "${BASH_REMATCH[4]}")
  PGHOST=$(unescape "${BASH_REMATCH[5]}") PGPORT=${BASH_REMATCH[7]:-5432}
  export PGUSER PGPASSWORD PGHOST PGPORT PGDATABASE=postgres PGAPPNAME=tessera-operations PGCONNECT_TIMEOUT=10
  unset PGSSLMODE PGSSLROOTCERT
  local IFS='&'
  for pair in ${BASH_REMATCH[11]}; do
    case $pair in
      sslmode=*) export PGSSLMODE=${pair#*=} ;;
      sslrootcert=*) export PGSSLROOTCERT; PGSSLROOTCERT=$(unescape "${pair#*=}") ;;
      host=*) PGHOST=$(unescape "${pair#*=}") ;;
      *) die "the address of a database has the parameter ${pair%%=*}, which this script does not know" ;;
    esac
  done
}

# has_line LINE TEXT. Not by a pipe into grep -q, which ends at the first match and makes the writer fail.
has_line() { grep -qxF -- "$1" <<< "$2"; }

# ask DATABASE [ARGUMENTS OF PSQL]: rows without a frame; the first error ends it.
ask() { local database=$1; shift; psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$database" "$@"; }

# Connects as the administrator, and tells in a sentence when that is not possible.
connect_admin() {
  need psql
  local url super
  url=$(admin_url)
  connect "$url"
  super=$(ask postgres -c "select rolsuper from pg_roles where rolname = current_user" 2>&1) ||
    die "cannot log in to PostgreSQL at $PGHOST:$PGPORT as $PGUSER: $super"
  [ "$super" = t ] || die "$PGUSER is no superuser of the server at $PGHOST:$PGPORT: row-level security would hide rows"
  has_line "${PREFIX}identity" "$(databases)" || die "there is no database ${PREFIX}identity at $PGHOST:$PGPORT; PREFIX is what the databases' names begin with"
}

# Databases of the suite that are in use, identity last: it knows the tenants until everything else is done.
databases() {
  ask postgres -v prefix="$PREFIX" <<'SQL'
select datname from pg_database
where starts_with(datname, :'prefix') and datallowconn and datname !~ '_(until|restored)(_|$)'
order by datname = :'prefix' || 'identity', datname
SQL
}

# What a restore has put aside, or has not yet put in use.
databases_aside() {
  ask postgres -v prefix="$PREFIX" <<'SQL'
select datname from pg_database
where starts_with(datname, :'prefix') and datallowconn and datname ~ '_(until|restored)(_|$)' order by datname
SQL
}

require_database() { # require_database SERVICE: its database's name
  local name=$PREFIX$1
  has_line "$name" "$(databases)" || die "there is no database $name at $PGHOST:$PGPORT; there are: $(databases | tr '\n' ' ')"
  printf '%s' "$name"
}

is_uuid() { [[ $1 =~ ^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$ ]]; }

# require_tenant ID SLUG: both must name the same tenant, so that a slip of the hand names none.
require_tenant() {
  local found
  is_uuid "$1" || die "'$1' is no tenant's id, which is a UUID in small letters"
  [ "$1" != 00000000-0000-0000-0000-000000000000 ] || die 'that tenant is the platform itself, with its signing keys'
  found=$(ask "${PREFIX}identity" -v id="$1" <<< "select slug from tenants where id = :'id'")
  [ -n "$found" ] || die "there is no tenant $1"
  [ "$found" = "$2" ] || die "the tenant $1 is called $found, not $2"
}

# require_stopped DATABASE: nobody else may be connected. Tells who is, after a while in which who has just left may go.
require_stopped() {
  local who
  for _ in {1..25}; do
    who=$(connected "$1")
    [ -n "$who" ] || return 0
    sleep 0.2
  done
  die "$1 is in use by $who: stop its service first"
}
connected() {
  ask postgres -v name="$1" <<'SQL'
select string_agg(distinct usename || case application_name when '' then '' else ' (' || application_name || ')' end, ', ')
from pg_stat_activity where datname = :'name' and pid <> pg_backend_pid() and backend_type = 'client backend'
SQL
}

# The tables that hold rows of tenants, of the connected database: whatever has a column tenant_id.
TENANT_TABLES="select c.oid, format('%I.%I', n.nspname, c.relname) as name,
    exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgname = 'append_only' and not t.tgisinternal) as append_only
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
  where c.relkind in ('r', 'p') and not c.relispartition and n.nspname not in ('pg_catalog', 'information_schema')
    and n.nspname !~ '^pg_(toast|temp)'"
