#!/usr/bin/env bash
# Looks for a tenant in every row of every database, without trusting any list of tables.
#
#   scripts/operations/prove-erased.sh TENANT_ID [--text TEXT]... [--but DATABASE:SCHEMA.TABLE...]
#
# Every database, and every one that a restore has put aside, is dumped as pg_dump would for a backup, and the dump is
# searched for the tenant's id, as text and inside bytes; and for each TEXT, such as its slug, company or mail addresses.
# --but leaves out tables that were kept by decision. Ends with 1 and the tables found when there is anything left. ADMIN_DATABASE_URL: see lib.sh.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

tenant='' but=false
texts=() left_out=()
while [ $# -gt 0 ]; do
  case $1 in
    --text) value "$@"; texts+=("$VALUE"); shift ;;
    --but) but=true ;;
    -h | --help) usage ;;
    -*) usage "there is no option $1" ;;
    *) if [ $but = true ]; then left_out+=("$1"); elif [ -z "$tenant" ]; then tenant=$1; else usage "what is $1?"; fi ;;
  esac
  shift
done
[ -n "$tenant" ] || usage 'name the tenant by its id'
is_uuid "$tenant" || die "'$tenant' is no tenant's id, which is a UUID in small letters"
connect_admin
need pg_dump od

# Bytes are dumped as hexadecimal digits.
hex() { printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'; }
patterns=()
for text in "$tenant" ${texts[@]+"${texts[@]}"}; do
  [ "${#text}" -ge 3 ] || die "'$text' is too short to look for"
  patterns+=(-e "$text" -e "$(hex "$text")")
done
patterns+=(-e "${tenant//-/}")
searched=0 found=''
for database in $(databases) $(databases_aside); do
  options=()
  for name in ${left_out[@]+"${left_out[@]}"}; do
    [ "${name%%:*}" != "$database" ] || options+=("--exclude-table-data=${name#*:}")
  done
  dump=$(mktemp)
  trap 'rm -f "$dump" "$dump.said"' EXIT
  # It warns of foreign keys that a dump of rows alone could break at a restore, which nobody wants of this one.
  pg_dump --dbname "$database" --data-only ${options[@]+"${options[@]}"} > "$dump" 2> "$dump.said" ||
    die "cannot read all of $database: $(cat "$dump.said")"
  searched=$((searched + $(wc -c < "$dump")))
  # The lines of a table follow the COPY that names it.
  hits=$(grep -niF "${patterns[@]}" "$dump" | cut -d: -f1 || true)
  [ -z "$hits" ] || found+=$(awk -v hits="$hits" -v database="$database" '
    BEGIN {split(hits, lines, "\n"); for (i in lines) wanted[lines[i]] = 1}
    /^COPY / {table = $2}
    FNR in wanted {count[table]++}
    END {for (name in count) printf "%s:%s (%d rows) ", database, name, count[name]}' "$dump")
  rm -f "$dump" "$dump.said"
done
[ -z "$found" ] || die "something of the tenant is left in $found"
say "nothing of the tenant was found in $((searched / 1024)) KiB of dumps${left_out[*]:+, but for what was kept: ${left_out[*]}}"
