#!/usr/bin/env bash
# Writes everything that the suite holds of a tenant into files, to be handed over to it.
#
#   scripts/operations/export-tenant.sh TENANT_ID SLUG FOLDER
#   scripts/operations/export-tenant.sh --check FOLDER      whether the files are whole, as manifest.tsv tells
#
# One CSV file (RFC 4180, UTF-8, with a head line) for each table of each database that has rows of the tenant, found in
# the catalogue. manifest.tsv lists rows and SHA-256 of each. Left out, and listed there as withheld: columns that hold
# what proves somebody (hash, secret_key), and kept answers, which say in bytes what the other tables say. FOLDER is
# made, readable for you alone, and must not exist. Each database is read at one moment; suspend the tenant first, so
# that these moments agree. ADMIN_DATABASE_URL: see lib.sh.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
umask 077

check() {
  local folder=$1 bad=0 database table rows sum file
  [ -r "$folder/manifest.tsv" ] || die "$folder holds no manifest.tsv, so it is no whole export"
  while IFS=$'\t' read -r database table rows sum file; do
    [ "$rows" != withheld ] && [ "$database" != database ] || continue
    [ "$(sha256sum < "$folder/$file" 2> /dev/null | cut -d' ' -f1)" = "$sum" ] || { say "$file: is missing or was changed"; bad=1; }
  done < "$folder/manifest.tsv"
  [ "$bad" = 0 ] || die "$folder is not as it was exported"
  say "$folder is whole: $(($(grep -cv -e withheld "$folder/manifest.tsv") - 1)) tables"
}

# The statements of one database: a `\copy` for each table, over one snapshot. Line by line, as psql wants them.
statements() { # statements DATABASE FOLDER
  echo 'begin isolation level repeatable read read only;'
  ask "$1" -v id="$tenant" -v folder="$2" <<SQL
with tables as ($TENANT_TABLES),
columns as (
  select t.oid, t.name, a.attnum,
    case when a.atttypid = 'bytea'::regtype and a.attname = 'payload'
      -- Events are text; the few that are none must be seen all the same.
      then format('tessera_text(%1\$I) as %1\$I', a.attname) else quote_ident(a.attname) end as expression
  from tables t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
  where a.attname not in ('hash', 'secret_key') and t.name <> 'tessera.idempotency'),
keys as (
  select t.oid, string_agg(quote_ident(a.attname), ', ' order by k.place) as list
  from tables t join pg_index i on i.indrelid = t.oid and i.indisprimary
  cross join unnest(i.indkey) with ordinality as k (attnum, place)
  join pg_attribute a on a.attrelid = t.oid and a.attnum = k.attnum group by t.oid)
select format('\copy (select %s from %s where tenant_id = %L%s) to %L with (format csv, header)',
  replace(string_agg(c.expression, ', ' order by c.attnum), 'tessera_text', 'pg_temp.tessera_text'), c.name, :'id',
  coalesce(' order by ' || k.list, ''), :'folder' || '/' || c.name || '.csv')
from columns c left join keys k using (oid) group by c.oid, c.name, k.list order by c.name
SQL
  echo 'commit;'
}

export_database() { # export_database DATABASE
  local database=$1 place=$folder/${1#"$PREFIX"} file rows
  mkdir "$place"
  { cat <<'SQL'
create function pg_temp.tessera_text(bytes bytea) returns text language plpgsql as $$
begin return convert_from(bytes, 'UTF8'); exception when others then return bytes::text; end $$;
SQL
    statements "$database" "$place"
  } > "$place/statements.sql"
  ask "$database" -f "$place/statements.sql"
  rm "$place/statements.sql"
  for file in "$place"/*.csv; do
    rows=$(rows_of "$file")
    if [ "$rows" = 0 ]; then rm "$file"; continue; fi
    printf '%s\t%s\t%s\t%s\t%s\n' "$database" "$(basename "$file" .csv)" "$rows" \
      "$(sha256sum < "$file" | cut -d' ' -f1)" "${file#"$folder"/}" >> "$folder/manifest.tsv"
  done
  ask "$database" -v database="$database" -F $'\t' <<SQL >> "$folder/manifest.tsv"
with tables as ($TENANT_TABLES)
select :'database', t.name, 'withheld', a.attname, '' from tables t
join pg_attribute a on a.attrelid = t.oid and not a.attisdropped and a.attnum > 0
where a.attname in ('hash', 'secret_key') or (t.name = 'tessera.idempotency' and a.attname = 'response') order by 2, 4
SQL
  rmdir "$place" 2> /dev/null || true
}

# Records of a CSV file: a line break inside quotes is none.
rows_of() { awk 'BEGIN {records = -1} {quotes += gsub(/"/, "\""); if (quotes % 2 == 0) records++} END {print records < 0 ? 0 : records}' "$1"; }

[ "${1:-}" != --help ] && [ "${1:-}" != -h ] || usage
if [ "${1:-}" = --check ]; then
  [ $# = 2 ] || usage '--check needs a folder'
  check "$2"
  exit 0
fi
[ $# = 3 ] || usage 'name the tenant by its id and its slug, and a folder'
tenant=$1 slug=$2 folder=$3
[ ! -e "$folder" ] || die "$folder exists already"
[[ $folder != *[\'\\]* ]] || die 'the name of the folder has a quote or a backslash in it'
connect_admin
require_tenant "$tenant" "$slug"
[ "$(ask "${PREFIX}identity" -v id="$tenant" <<< "select state from tenants where id = :'id'")" = 2 ] ||
  say "warning: the tenant $slug is not suspended, so that what is written meanwhile may be in one file and not in another"
mkdir -p "$folder"
folder=$(realpath "$folder")
printf 'database\ttable\trows\tsha256\tfile\n' > "$folder/manifest.tsv"
for database in $(databases); do export_database "$database"; done
cat > "$folder/README.txt" <<TEXT
Everything that Tessera held of the tenant $slug ($tenant) on $(date -u +%Y-%m-%d) at $(date -u +%H:%M) UTC.

One CSV file a table, one folder a service. manifest.tsv lists the files with their rows and SHA-256, and what was
withheld: proofs of identity, which are of use to nobody but the service itself. Amounts are whole minor units (cents)
beside their currency; times are in UTC where they say so by +00; columns that begin with { or [ hold JSON.
The journal is finance/public.journal_entries.csv and public.journal_lines.csv, its documents finance/public.invoices.csv.
TEXT
check "$folder"
say "$(awk -F'\t' 'NR > 1 && $3 != "withheld" {rows += $3} END {print rows + 0}' "$folder/manifest.tsv") rows in $folder"
