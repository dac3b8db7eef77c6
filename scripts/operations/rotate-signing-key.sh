#!/usr/bin/env bash
# Turns the keys that sign access tokens.
#
#   scripts/operations/rotate-signing-key.sh show
#   scripts/operations/rotate-signing-key.sh turn      at leisure: the next key signs, the old one is published for an hour
#   scripts/operations/rotate-signing-key.sh reseal    has identity seal them under the first of its master keys
#   scripts/operations/rotate-signing-key.sh replace   both keys are made anew; tokens of the old one stay good for an hour
#   scripts/operations/rotate-signing-key.sh revoke    after a leak: every key goes, and with it every token that is out
#
# `turn` and `reseal` are done by the running identity, as each 30 days and each hour. `replace` (when nobody has the old
# master key any more) and `revoke` need identity stopped: a process that still runs knows the old keys for a minute more,
# and might make a key under the old master key.
# After `revoke` start gateway and services anew, too: they hold published keys for up to five minutes. Sessions stay;
# clients renew their tokens by themselves. ADMIN_DATABASE_URL: see lib.sh.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

[ $# = 1 ] || usage 'name one of show, turn, reseal, replace, revoke'
platform=00000000-0000-0000-0000-000000000000
identity() { ask "${PREFIX}identity" -v platform="$platform" "$@"; }
show() {
  identity -F ' ' <<'SQL'
select id, case state when 1 then 'NEXT' when 2 then 'ACTIVE' else 'RETIRED' end,
  case get_byte(secret_key, 0) when 0 then 'readable' else 'sealed' end,
  'since ' || to_char(coalesce(retire_time, activate_time, create_time) at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
from signing_keys where tenant_id = :'platform' order by state, retire_time
SQL
}
case $1 in
  -h | --help) usage ;;
  show) connect_admin; show ;;
  turn)
    connect_admin
    next=$(identity <<< "select id from signing_keys where tenant_id = :'platform' and state = 1")
    [ -n "$next" ] || die 'there is no next key: identity has never run on this database'
    # The service turns its keys itself, in the round that it makes each hour: the round comes now, and finds the time up.
    identity <<'SQL'
begin;
update signing_keys set activate_time = now() - interval '30 days' where tenant_id = :'platform' and state = 2;
update tessera.jobs set run_time = now() where tenant_id = :'platform' and kind = 'identity.tend';
commit;
SQL
    for _ in {1..60}; do
      active=$(identity <<< "select id from signing_keys where tenant_id = :'platform' and state = 2")
      [ "$active" != "$next" ] || { show; exit 0; }
      sleep 0.5
    done
    die 'the keys have not turned within 30 seconds: does identity run? They will when it does' ;;
  reseal)
    connect_admin
    secrets() { identity <<< "select id || md5(secret_key) from signing_keys where tenant_id = :'platform' and state < 3 order by id"; }
    before=$(secrets)
    [ -n "$before" ] || die 'there are no keys: identity has never run on this database'
    identity <<< "update tessera.jobs set run_time = now() where tenant_id = :'platform' and kind = 'identity.tend'"
    for _ in {1..60}; do
      [ "$(secrets)" = "$before" ] || { show; exit 0; }
      sleep 0.5
    done
    die 'the keys have not been sealed anew within 30 seconds: they are under the first master key already, or identity does not run, or it lacks the master key that they are under (its log says so)' ;;
  replace | revoke)
    connect_admin
    require_stopped "${PREFIX}identity"
    if [ "$1" = replace ]; then
      identity <<'SQL'
begin;
delete from signing_keys where tenant_id = :'platform' and state = 1;
update signing_keys set state = 3, retire_time = now() where tenant_id = :'platform' and state = 2;
commit;
SQL
    else
      identity <<< "delete from signing_keys where tenant_id = :'platform'"
    fi
    say 'identity makes new keys when it starts'
    show ;;
  *) usage "there is no '$1'" ;;
esac
