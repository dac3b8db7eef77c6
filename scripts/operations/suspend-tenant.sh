#!/usr/bin/env bash
# Suspends a tenant, or lets it in again.
#
#   scripts/operations/suspend-tenant.sh TENANT_ID SLUG --by NAME --why TEXT [--end-keys]
#   scripts/operations/suspend-tenant.sh TENANT_ID SLUG --by NAME --why TEXT --resume
#
# Suspended: nobody of the tenant logs in, renews a session or exchanges an API key; sessions end. Access tokens that
# are out already work until they run out, 15 minutes at the most. Work under way (sagas, jobs, events) goes on to its
# end. API keys work again once the tenant is back, unless --end-keys ends them for good. Who and why goes to the
# tenant's audit log. ADMIN_DATABASE_URL: see lib.sh.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

tenant='' slug='' by='' why='' state=2 keys=false
while [ $# -gt 0 ]; do
  case $1 in
    --by) value "$@"; by=$VALUE; shift ;;
    --why) value "$@"; why=$VALUE; shift ;;
    --resume) state=1 ;;
    --end-keys) keys=true ;;
    -h | --help) usage ;;
    -*) usage "there is no option $1" ;;
    *) if [ -z "$tenant" ]; then tenant=$1; elif [ -z "$slug" ]; then slug=$1; else usage "what is $1?"; fi ;;
  esac
  shift
done
[ -n "$slug" ] || usage 'name the tenant by its id and its slug'
[ -n "$by" ] && [ -n "$why" ] || usage 'say who does it (--by) and why (--why)'
[ "$state" = 2 ] || [ "$keys" = false ] || usage '--end-keys does not go with --resume'

connect_admin
require_tenant "$tenant" "$slug"
changed=$(ask "${PREFIX}identity" -v id="$tenant" -v state="$state" -v by="operator:$by" -v why="$why" -v keys="$keys" <<'SQL'
begin;
select set_config('app.tenant_id', :'id', true) \g /dev/null
-- The row first: logins and renewals take its lock or read it after this.
with changed as (
  update tenants set state = :state, revision = revision + 1, update_time = now(), updated_by = :'by'
  where id = :'id' and state <> :state returning id)
insert into tessera.audit_log (tenant_id, id, time, actor, method, correlation_id, entity_type, entity_id, change, changes)
select id, gen_random_uuid(), now(), :'by', 'operations/suspend-tenant', gen_random_uuid()::text,
  'erp.identity.v1.Tenant', id, 'updated',
  jsonb_build_object('state', jsonb_build_object('to', case :state when 2 then 'TENANT_STATE_SUSPENDED' else 'TENANT_STATE_ACTIVE' end),
    'why', jsonb_build_object('to', :'why'))
from changed returning 'changed';
update sessions set end_time = now() where tenant_id = :'id' and end_time is null and :state = 2;
update api_key_secrets set expire_time = least(expire_time, now()) where tenant_id = :'id' and :keys;
commit;
SQL
)
word=$([ "$state" = 2 ] && echo suspended || echo active)
[ -n "$changed" ] || { say "the tenant $slug was $word already; its sessions were looked at again"; exit 0; }
say "the tenant $slug is $word"
[ "$state" = 1 ] || say "tokens that are out run out by $(date -u -d '+15 minutes' +%H:%M) UTC"
