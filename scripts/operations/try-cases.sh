# What try.sh goes through, page by page; read by it, not run.

# A server that archives, a base backup, a demo company and a second tenant.
try_start() {
  step 'a suite of its own, whose server archives'
  address=http://127.0.0.1:$(for _ in {1..50}; do p=$((RANDOM % 4000 + 24000)); (exec 3<> "/dev/tcp/127.0.0.1/$p") 2> /dev/null || { echo $p; break; }; done)
  up
  refused 'no base backup without an archive' 'does not keep its log yet' "$here/point-in-time.sh" base "$home/backup"
  "$here/point-in-time.sh" archive "$home/backup"
  down
  # The server alone: from here on it outlives the suite, as a database does in a cluster.
  "$here/point-in-time.sh" start
  up
  # Beside what follows, as in any night: a backup stops nobody.
  "$here/point-in-time.sh" base "$home/backup" &
  backed_up_by=$!
  step 'two tenants: the demo company and keeper'
  found keeper keeper
  completed keeper > /dev/null
  keeper=$(as keeper whoami | jq -r .tenantId)
  # Beside what follows, where finance takes its time to give an event of keeper up.
  as demo demo --address "$address" > "$home/demo.json" &
  loaded_by=$!
}
loaded() {
  wait "$backed_up_by" || fails 'a base backup is taken'
  wait "$loaded_by" || fails 'the demo company is loaded'
  same 'the demo reconciles' "$(jq -r .reconciled "$home/demo.json")" true
  demo=$(as demo whoami | jq -r .tenantId)
}

# docs/operations/dead-letters.md: an accountant blocks an account that invoices are booked on.
try_dead_letters() {
  step 'a dead letter is made, found, and replayed'
  connect_admin
  local receivable sick event before
  receivable=$(call keeper finance.ListLedgerAccounts '{"filter": "role = RECEIVABLE"}' | jq -r '.ledgerAccounts[0].id')
  block() { call keeper finance.UpdateLedgerAccount "{\"ledger_account\": {\"id\": \"$receivable\", \"blocked\": $1}, \"update_mask\": \"blocked\"}" > /dev/null; }
  block true
  sick=$(order keeper)
  # At leisure, while finance tries: the running service turns its keys, and tokens that are out stay good.
  local token
  token=$(as keeper whoami --token)
  "$here/rotate-signing-key.sh" turn > "$home/keys"
  same 'a turned key is RETIRED, another ACTIVE, another NEXT' "$(awk '{print $2}' "$home/keys" | tr '\n' ' ')" 'NEXT ACTIVE RETIRED '
  with_token "$token" identity.GetCurrentUser > /dev/null 2>&1 || fails 'tokens of a key that was turned at leisure stay good'

  await 'finance gives the event up within a minute' 60 letter_of "$sick"
  event=$("$here/dead-letters.sh" list finance | awk -F'\t' '{print $5}')
  same 'one letter is open' "$(wc -w <<< "$event")" 1
  same 'the list names tenant and event' "$("$here/dead-letters.sh" list finance | cut -f 2-4)" "$(printf 'keeper\tfinance\torder.captured')"
  grep -qF "$sick" <<< "$("$here/dead-letters.sh" show "$event")" || fails 'a letter shows its event'
  order_is keeper "$sick" CONFIRMED || fails 'an order whose invoice is missing waits'
  refused 'a letter whose cause is still there comes back' 'came back' env TESSERA_CONFIG="$home/keeper.toml" "$here/dead-letters.sh" replay finance
  block false
  TESSERA_CONFIG=$home/keeper.toml "$here/dead-letters.sh" replay finance "$event"
  await 'the order completes once its letter was replayed' 30 order_is keeper "$sick" COMPLETED
  loaded
  same 'no letter is open' "$("$here/dead-letters.sh" list)" ''
  await 'nothing waits in the log' 30 no_lag keeper
  before=$(ask tessera_finance -c 'select count(*) from journal_entries')
  call keeper ops.ReplayDeadLetter "{\"event_id\": \"$event\", \"consumer\": \"finance\"}" > /dev/null
  await 'the second replay is read' 30 no_lag keeper
  same 'a second replay has no second effect' "$(ask tessera_finance -c 'select count(*) from journal_entries')" "$before"
  same 'one invoice for the order' "$(ask tessera_finance -c "select count(*) from invoices where order_id = '$sick'")" 1
}
letter_of() { [ -n "$("$here/dead-letters.sh" list finance)" ] && order_is keeper "$1" CONFIRMED; }

# docs/operations/restore.md: orders alone goes back, everybody else stays.
try_restore() {
  step 'the database of orders goes back to a moment, and the services are reconciled'
  local moment url stamp ghost intent reservation invoice orders before token
  await 'nothing waits in the log' 30 no_lag keeper
  "$here/reconcile.sh" || fails 'the services agree before'
  orders=$(ask tessera_orders -c 'select count(*) from orders')
  # The clock must be past the second that names the moment, or what follows would still belong to it.
  moment=$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)
  ghost=$(completed keeper)
  intent=$(ask tessera_payments -c "select id from payment_intents where source_id = '$ghost'")
  reservation=$(ask tessera_inventory -c "select id from reservations where source_id = '$ghost'")
  invoice=$(ask tessera_finance -c "select id from invoices where order_id = '$ghost'")
  await 'the goods of the order leave' 30 shipped "$reservation"
  before=$(ask tessera_finance -c 'select count(*) from journal_entries')
  url=$("$here/point-in-time.sh" recover "$home/backup" "$moment" "$copy")
  token=$(as keeper whoami --token)
  refused 'a service that runs is not restored' 'in use' "$here/restore-database.sh" orders --from "$url"
  down
  quietly "$here/restore-database.sh" orders --from "$url"
  stamp=$(sed -n 's/.*--back //p' "$home/said")
  same 'orders is as it was then' "$(ask tessera_orders -c 'select count(*) from orders')" "$orders"
  quietly "$here/restore-database.sh" orders --back "$stamp"
  same 'the way back leads back' "$(ask tessera_orders -c 'select count(*) from orders')" "$((orders + 1))"
  quietly "$here/restore-database.sh" orders --back "$(sed -n 's/.*_until_//p' "$home/said")"
  same 'orders is as it was then, again' "$(ask tessera_orders -c 'select count(*) from orders')" "$orders"
  "$here/reconcile.sh" > "$home/findings" 2> /dev/null && fails 'a lost order is found'
  same 'what the others know of the lost order is found' "$(cut -f 1 "$home/findings" | tr '\n' ' ')" \
    'goods-without-order invoice-without-order money-without-order order-counter-behind '
  quietly "$here/event-log.sh" rewind orders "$(date -u -d "$moment - 1 hour" +%Y-%m-%dT%H:%M:%SZ)"
  grep -q 'handed [1-9][0-9]* events' "$home/said" || fails 'there are events to be handed out again'
  "$here/raise-counters.sh"
  # While nothing runs: keys made anew, as when nobody has the master key any more.
  "$here/rotate-signing-key.sh" replace > "$home/keys"
  same 'nothing is left but the public half of the key that signed' "$(awk '{print $2}' "$home/keys" | sort -u)" RETIRED
  up
  with_token "$token" identity.GetCurrentUser > /dev/null 2>&1 || fails 'tokens of a replaced key stay good for their time'
  renewed > /dev/null || fails 'sessions are renewed with the new keys'
  await 'what was handed out again is handled' 60 no_lag keeper
  same 'no letter is open' "$("$here/dead-letters.sh" list)" ''
  same 'nothing was booked twice' "$(ask tessera_finance -c 'select count(*) from journal_entries')" "$before"
  # The customer's money and goods come back by the API, as for any cancelled sale.
  call keeper payments.RefundPayment "{\"id\": \"$intent\"}" > /dev/null
  call keeper inventory.ReturnReservation "{\"id\": \"$reservation\"}" > /dev/null
  call keeper finance.CreateCreditNote "{\"id\": \"$invoice\", \"memo\": \"order lost in a restore\"}" > /dev/null
  await 'the services agree again' 30 "$here/reconcile.sh"
  same 'the next order takes no number twice' "$(call keeper orders.GetOrder "{\"id\": \"$(completed keeper)\"}" | jq -r .number)" SO-000004
  "$here/point-in-time.sh" end "$copy"
}
shipped() { [ "$(ask tessera_inventory -c "select state from reservations where id = '$1'")" = 3 ]; }

# docs/operations/keys-and-certificates.md: a master key, and another one.
try_master_keys() {
  step 'a master key is set, then changed'
  local token old new
  old=$(head -c 32 /dev/urandom | base64) new=$(head -c 32 /dev/urandom | base64)
  token=$(as keeper whoami --token)
  down
  export TESSERA_MASTER_KEY=$old
  up --no-demo
  "$here/rotate-signing-key.sh" reseal > "$home/keys"
  same 'keys are sealed under the master key' "$(grep -v RETIRED "$home/keys" | awk '{print $3}' | sort -u)" sealed
  down
  # The new master key alone cannot open the keys: nobody could sign in.
  TESSERA_MASTER_KEY=$new
  up --no-demo
  refused 'another master key alone opens nothing' '' renewed
  down
  TESSERA_MASTER_KEY=$new,$old
  up --no-demo
  renewed > /dev/null || fails 'sessions are renewed while both master keys are in use'
  "$here/rotate-signing-key.sh" reseal > "$home/keys"
  down
  TESSERA_MASTER_KEY=$new
  up --no-demo
  renewed > /dev/null || fails 'sessions are renewed under the new master key alone'
  with_token "$token" identity.GetCurrentUser > /dev/null 2>&1 || fails 'no token was refused by all this'
}

# The same page: every key goes, and every token with it. What try_suspend has suspended has no good token after it.
try_revoked_keys() {
  step 'a signing key has leaked'
  local token method
  token=$(as keeper whoami --token)
  down
  "$here/rotate-signing-key.sh" revoke > /dev/null
  same 'no key is left' "$("$here/rotate-signing-key.sh" show)" ''
  up --no-demo
  refused 'a token of a revoked key is refused' "key is unknown" with_token "$token" identity.GetCurrentUser
  for method in crm.ListAccounts finance.ListInvoices orders.ListOrders; do
    refused "a token of a revoked key is refused by $method" 'key is unknown' with_token "$token" "$method"
  done
  token=$(renewed) || fails 'sessions outlive a revoked key'
  for method in crm.ListAccounts catalog.ListProducts finance.ListInvoices inventory.ListWarehouses orders.ListOrders payments.ListPaymentIntents notification.ListDeliveries; do
    with_token "$token" "$method" > /dev/null 2>&1 || fails "a token of the new key is taken by $method"
  done
}
# A new pair of tokens for the session of keeper, as its client would ask for one; tells the access token.
renewed() {
  local config=$home/keeper.toml answer
  answer=$(curl -sS --max-time 20 -H 'content-type: application/json' "$address/erp.identity.v1.AuthService/RefreshToken" \
    -d "{\"refreshToken\": \"$(sed -n 's/^refresh_token = "\(.*\)"/\1/p' "$config")\"}")
  jq -e .tokens > /dev/null <<< "$answer" || { printf '%s\n' "$answer" >&2; return 1; }
  sed -i -e "s|^access_token = .*|access_token = \"$(jq -r .tokens.accessToken <<< "$answer")\"|" \
    -e "s|^refresh_token = .*|refresh_token = \"$(jq -r .tokens.refreshToken <<< "$answer")\"|" "$config"
  jq -r .tokens.accessToken <<< "$answer"
}

# docs/operations/tenant-off-boarding.md: the demo company leaves.
try_suspend() {
  step 'a tenant is suspended and exported'
  refused 'a slip of the hand names no tenant' 'is called keeper' "$here/suspend-tenant.sh" "$keeper" demo --by try --why 'a slip'
  "$here/suspend-tenant.sh" "$demo" demo --by try --why 'contract ended' --end-keys
  refused 'nobody of a suspended tenant signs in' SUSPENDED env "TESSERA_CONFIG=$home/back.toml" "TESSERA_PASSWORD=$(demo_password)" \
    "$bin" --address "$address" login demo@tessera.example < /dev/null
  refused 'nothing is erased while tokens are good' 'tokens may be good' "$here/erase-tenant.sh" "$demo" demo --by try --append-only erase
  "$here/export-tenant.sh" "$demo" demo "$home/export"
  awk -F'\t' 'NR > 1 && $3 != "withheld" && $2 != "tessera.jobs" {print $1, $2, $3}' "$home/export/manifest.tsv" | sort > "$home/exported"
  rows | awk '$3 > 0 && $2 != "tessera.idempotency"' | sort | diff - "$home/exported" >&2 || fails 'the export has every row of every table'
  if grep -rqF "$(ask tessera_identity -c "select hash from passwords where tenant_id = '$demo'")" "$home/export"; then fails 'no proof of identity leaves the house'; fi
  echo x >> "$home/export/crm/public.accounts.csv"
  refused 'a changed export is noticed' 'is missing or was changed' "$here/export-tenant.sh" --check "$home/export"
}

# The same page: with its tokens revoked nothing must be waited for. Keeper stays whole, until it leaves, too.
try_erase() {
  local aside
  step 'a tenant is erased beside another'
  await 'nothing waits in the log' 30 no_lag keeper
  refused 'somebody must decide on the journal' 'decide what becomes' "$here/erase-tenant.sh" "$demo" demo --by try
  "$here/erase-tenant.sh" "$demo" demo --by try --append-only keep --keep finance --since 0 --dry-run --protocol "$home/dry.tsv"
  grep -q 'public.invoices.*kept by decision' "$home/dry.tsv" || fails 'what is kept stands in the protocol'
  [ "$(ask tessera_orders -c "select count(*) from orders where tenant_id = '$demo'")" -gt 80 ] || fails 'a dry run changes nothing'
  refused 'before the erasure there is something left' 'is left in' "$here/prove-erased.sh" "$demo"
  refused 'what a restore has put aside is not forgotten' 'drop it first' \
    "$here/erase-tenant.sh" "$demo" demo --by try --append-only erase --since 0 --protocol "$home/aside.tsv"
  for aside in $(databases_aside); do ask postgres -v name="$aside" <<< 'drop database :"name"'; done
  fingerprints > "$home/before"
  "$here/erase-tenant.sh" "$demo" demo --by try --append-only erase --since 0 --protocol "$home/erased.tsv"
  fingerprints > "$home/after"
  diff "$home/before" "$home/after" >&2 || fails 'the tenant beside it is whole, row by row'
  same 'no table has a row of it' "$(rows | awk '$3 > 0')" ''
  same 'every table was looked at' "$(rows | wc -l)" "$(wc -l < "$home/before")"
  "$here/prove-erased.sh" "$demo" --text demo@tessera.example
  same 'the journal is append-only as before' \
    "$(ask tessera_finance -c "select tgenabled from pg_trigger where tgname = 'append_only' and tgrelid = 'journal_entries'::regclass")" O
  completed keeper > /dev/null
  await 'the services agree' 30 "$here/reconcile.sh"

  step 'the other tenant leaves, too, and its books are kept for a while'
  "$here/suspend-tenant.sh" "$keeper" keeper --by try --why 'contract ended'
  await 'what was under way has ended' 30 quiet
  "$here/erase-tenant.sh" "$keeper" keeper --by try --append-only erase --keep finance --since 0 --protocol "$home/kept.tsv"
  same 'the books are kept' "$(ask tessera_finance -c "select count(*) from journal_entries where tenant_id = '$keeper'" | sed 's/^0$/none/')" \
    "$(awk '$2 == "public.journal_entries" {print $4}' "$home/kept.tsv")"
  refused 'the proof tells what was kept' 'tessera_finance:public.invoices' "$here/prove-erased.sh" "$keeper"
  refused 'another protocol does not do' 'is no protocol' "$here/erase-tenant.sh" "$keeper" keeper --by try --append-only erase --remainder "$home/erased.tsv"
  "$here/erase-tenant.sh" "$keeper" keeper --by try --append-only erase --remainder "$home/kept.tsv" --protocol "$home/remainder.tsv"
  "$here/prove-erased.sh" "$keeper" --text boss@keeper.example
  down
}
quiet() { [ "$(ask tessera_orders -c 'select count(*) from sagas where end_time is null')" = 0 ] && [ -z "$("$here/event-log.sh" show | awk '$3 > 0')" ]; }
demo_password() { sed -n 's/^demo_login = "\(.*\)"/\1/p' "$TESSERA_HOME/secrets.toml"; }
# Rows and a sum over their contents, of whoever is not the demo company, for every table but that of
# jobs, which come and go by themselves.
fingerprints() {
  local database
  for database in $(databases); do
    ask "$database" -F ' ' -v id="$demo" <<SQL
select format('select current_database(), %L, count(*), md5(string_agg(to_jsonb(t)::text, '''' order by to_jsonb(t)::text)) from %s t where tenant_id <> %L', name, name, :'id')
from ($TENANT_TABLES) t where name <> 'tessera.jobs' order by name \gexec
SQL
  done
}
