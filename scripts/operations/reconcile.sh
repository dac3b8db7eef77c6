#!/usr/bin/env bash
# Holds the services' databases against one another, and tells every record on which they disagree.
#
#   scripts/operations/reconcile.sh            all tenants; ends with 1 when there are findings
#   scripts/operations/reconcile.sh TENANT_ID  one tenant
#
# One line a finding: its kind, the tenant, the record, and a sentence. Orders that are under way are left out, and so is
# what has happened in the last minute: events need a moment. docs/operations/restore.md says what to do about each kind.
# Reads only. ADMIN_DATABASE_URL: see lib.sh.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
case ${1:-} in -h | --help) usage ;; esac
[ $# -le 1 ] || usage 'name one tenant at the most'
[ $# = 0 ] || is_uuid "$1" || die "'$1' is no tenant's id, which is a UUID in small letters"
connect_admin

copy() { # copy SERVICE TABLE COLUMNS QUERY: what a service knows, as a table of this session
  printf 'create temp table %s (%s);\n' "$2" "$3"
  printf "\\\\copy %s from program 'psql -XqAt -d %s -c \"copy (%s) to stdout\"'\n" "$2" "$PREFIX$1" "${4//\'/\'\'}"
}
{
  copy orders orders 'tenant uuid, id uuid, number text, state int, total bigint, invoice uuid, open bool, at timestamptz' \
    'select o.tenant_id, o.id, o.number, o.state, coalesce(o.total_minor, 0), o.invoice_id, exists (select from sagas s where s.tenant_id = o.tenant_id and s.order_id = o.id and s.end_time is null), o.update_time from orders o'
  copy orders order_numbers 'tenant uuid, last bigint' 'select tenant_id, last from order_numbers'
  copy finance invoices 'tenant uuid, id uuid, order_id uuid, order_number text, kind int, year int, number text, total bigint, at timestamptz' \
    'select tenant_id, id, order_id, order_number, kind, extract(year from issue_date)::int, number, total_minor, update_time from invoices'
  copy finance counters 'tenant uuid, kind int, year int, last bigint' 'select tenant_id, kind, year, last_number from document_counters'
  copy finance unbalanced 'tenant uuid, id uuid' \
    'select tenant_id, id from journal_entries where not journal_is_balanced(lines, currency_code)'
  copy finance lines 'tenant uuid, currency text, amount numeric' 'select tenant_id, currency_code, sum(amount) from journal_lines group by 1, 2'
  copy payments intents 'tenant uuid, id uuid, order_id uuid, kept bigint, at timestamptz' \
    'select tenant_id, id, source_id, coalesce(captured_minor, 0) - coalesce(refunded_minor, 0), update_time from payment_intents'
  copy inventory reservations 'tenant uuid, id uuid, order_id uuid, state int, at timestamptz' \
    'select tenant_id, id, source_id, state, update_time from reservations'
  copy inventory levels 'tenant uuid, id uuid, on_hand numeric, moved numeric' \
    'select l.tenant_id, l.id, l.on_hand, coalesce((select sum(m.quantity) from stock_moves m where m.tenant_id = l.tenant_id and m.product_id = l.product_id and m.warehouse_id = l.warehouse_id), 0) from stock_levels l'
  copy identity tenants 'tenant uuid' 'select tenant_id from tenants'
  cat <<'SQL'
create temp view findings as
select 'order-without-invoice' as kind, o.tenant, o.number as record, 'is complete, and finance has no invoice of it' as text
  from orders o left join invoices i on i.tenant = o.tenant and i.order_id = o.id and i.kind = 1
  where o.state = 4 and i.id is null and not o.open and o.at < now() - interval '1 minute'
union all
select 'invoice-of-another-total', o.tenant, o.number, format('comes to %s, its invoice %s to %s', o.total, i.number, i.total)
  from orders o join invoices i on i.tenant = o.tenant and i.order_id = o.id and i.kind = 1 where o.total <> i.total
union all
select 'order-names-another-invoice', o.tenant, o.number, format('names an invoice that finance does not have; its own is %s', coalesce(i.number, 'missing'))
  from orders o left join invoices i on i.tenant = o.tenant and i.order_id = o.id and i.kind = 1
  where o.invoice is not null and i.id is distinct from o.invoice
union all
select 'invoice-without-order', i.tenant, i.number, format('is of the order %s (%s), which orders does not know', i.order_number, i.order_id)
  from invoices i left join orders o on o.tenant = i.tenant and o.id = i.order_id
  where i.order_id is not null and o.id is null and i.kind = 1
    and not exists (select from invoices n where n.tenant = i.tenant and n.order_id = i.order_id and n.kind = 2)
union all
select 'order-number-twice', i.tenant, i.order_number, 'was given to more than one order'
  from (select tenant, id, number from orders union select tenant, order_id, order_number from invoices where order_id is not null) as i (tenant, id, order_number)
  group by i.tenant, i.order_number having count(distinct i.id) > 1
union all
select 'money-without-order', p.tenant, p.id::text, format('has %s captured and not refunded, for the order %s, which orders does not know', p.kept, p.order_id)
  from intents p left join orders o on o.tenant = p.tenant and o.id = p.order_id where p.kept > 0 and o.id is null
union all
select 'order-not-paid', o.tenant, o.number, format('is complete at %s, and payments holds %s', o.total, coalesce(p.kept, 0))
  from orders o left join intents p on p.tenant = o.tenant and p.order_id = o.id
  where o.state = 4 and not o.open and o.total <> coalesce(p.kept, 0)
union all
select 'money-of-dead-order', o.tenant, o.number, format('is cancelled or has failed, and payments holds %s', p.kept)
  from orders o join intents p on p.tenant = o.tenant and p.order_id = o.id where o.state in (6, 7) and not o.open and p.kept > 0
union all
select 'goods-without-order', r.tenant, r.id::text, format('holds or has sent goods for the order %s, which orders does not know', r.order_id)
  from reservations r left join orders o on o.tenant = r.tenant and o.id = r.order_id where r.state in (1, 2, 3) and o.id is null
union all
select 'goods-not-sent', o.tenant, o.number, 'is complete, and inventory has not let its goods go'
  from orders o left join reservations r on r.tenant = o.tenant and r.order_id = o.id
  where o.state = 4 and not o.open and r.state is distinct from 3 and o.at < now() - interval '1 minute'
    and coalesce(r.at, '-infinity') < now() - interval '1 minute'
union all
select 'goods-of-dead-order', o.tenant, o.number, 'is cancelled or has failed, and inventory holds or has sent its goods'
  from orders o join reservations r on r.tenant = o.tenant and r.order_id = o.id
  where o.state in (6, 7) and not o.open and r.state in (1, 2, 3) and o.at < now() - interval '1 minute' and r.at < now() - interval '1 minute'
union all
select 'order-counter-behind', n.tenant, 'SO', format('the counter stands at %s, and %s was given', n.last, max(g.number))
  from order_numbers n join (select tenant, number from orders union select tenant, order_number from invoices) g on g.tenant = n.tenant and g.number ~ '^SO-[0-9]+$'
  group by n.tenant, n.last having max(substr(g.number, 4)::bigint) > n.last
union all
select 'document-counter-behind', c.tenant, c.year::text, format('the counter stands at %s, and %s was given', c.last, max(i.number))
  from counters c join invoices i on i.tenant = c.tenant and i.kind = c.kind and i.year = c.year
  group by c.tenant, c.kind, c.year, c.last having max(substring(i.number from '[0-9]+$')::bigint) > c.last
union all
select 'ledger-unbalanced', tenant, id::text, 'does not sum to zero' from unbalanced
union all
select 'ledger-unbalanced', tenant, currency, format('the lines of the journal sum to %s', amount) from lines where amount <> 0
union all
select 'stock-not-its-moves', tenant, id::text, format('has %s on hand, and its moves sum to %s', on_hand, moved) from levels where on_hand <> moved
union all
select 'tenant-unknown', k.tenant, k.place, 'knows a tenant that identity does not know'
  from (select tenant, 'orders' from orders union select tenant, 'finance' from invoices union select tenant, 'payments' from intents
    union select tenant, 'inventory' from levels) as k (tenant, place)
  where not exists (select from tenants t where t.tenant = k.tenant);
select kind, tenant, record, text from findings where :'tenant' in ('', tenant::text) order by 1, 2, 3;
SQL
} > "${script:=$(mktemp)}"
trap 'rm -f "$script"' EXIT
findings=$(ask postgres -F $'\t' -v tenant="${1:-}" -f "$script")
[ -n "$findings" ] || { say 'the services agree'; exit 0; }
printf '%s\n' "$findings"
die "$(wc -l <<< "$findings") findings"
