#!/usr/bin/env bash
# Raises the counters of numbers to what any service has seen of them, after a restore of orders or finance.
#
#   scripts/operations/raise-counters.sh
#
# A restored counter would give numbers a second time that customers have on paper already. Order numbers are raised to
# what orders and the invoices of finance name, document numbers to what finance's own journal and the orders name. The
# numbers between are lost, and the gap is to be explained in the books. Orders and finance must be stopped.
# ADMIN_DATABASE_URL: see lib.sh.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
case ${1:-} in -h | --help) usage ;; esac
[ $# = 0 ] || usage "what is $1?"
connect_admin
require_stopped "${PREFIX}orders"
require_stopped "${PREFIX}finance"

# raise SERVICE OTHER QUERY STATEMENT: what OTHER has seen comes into the table `seen` of a session with SERVICE.
raise() {
  local script
  script=$(mktemp)
  printf 'create temp table seen (tenant uuid, kind int, year int, number bigint);\n' > "$script"
  printf "\\\\copy seen from program 'psql -XqAt -d %s -c \"copy (%s) to stdout\"'\n" "$PREFIX$2" "${3//\'/\'\'}" >> "$script"
  printf '%s\n' "$4" >> "$script"
  ask "$PREFIX$1" -f "$script" >&2
  rm "$script"
}
raise orders finance \
  "select tenant_id, 0, 0, max(substr(order_number, 4)::bigint) from invoices where order_number ~ '^SO-[0-9]+\$' group by 1" \
  "insert into seen select tenant_id, 0, 0, max(substr(number, 4)::bigint) from orders where number ~ '^SO-[0-9]+\$' group by 1;
   update order_numbers n set last = s.number from (select tenant, max(number) as number from seen group by 1) s
   where s.tenant = n.tenant_id and s.number > n.last
   returning format('orders of the tenant %s go on behind SO-%s', n.tenant_id, lpad(n.last::text, 6, '0'));"
raise finance orders \
  "select tenant_id, 1, substring(invoice_number from '-([0-9]{4})-')::int, max(substring(invoice_number from '[0-9]+\$')::bigint) from orders where invoice_number ~ '-[0-9]{4}-[0-9]+\$' group by 1, 3" \
  "insert into seen select tenant_id, kind, extract(year from issue_date)::int, max(substring(number from '[0-9]+\$')::bigint) from invoices group by 1, 2, 3;
   update document_counters c set last_number = s.number from (select tenant, kind, year, max(number) as number from seen group by 1, 2, 3) s
   where s.tenant = c.tenant_id and s.kind = c.kind and s.year = c.year and s.number > c.last_number
   returning format('documents of the tenant %s of the kind %s go on behind %s of %s', c.tenant_id, c.kind, c.last_number, c.year);"
