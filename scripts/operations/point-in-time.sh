#!/usr/bin/env bash
# Backups of the private server of `make up`, and a copy of it as it was at any moment since the oldest of them. In a
# cluster CloudNativePG does all of this; the rest of docs/operations/restore.md is the same.
#
#   scripts/operations/point-in-time.sh archive FOLDER        has the server keep its write-ahead log in FOLDER/wal
#   scripts/operations/point-in-time.sh base FOLDER           takes a base backup into FOLDER, while everything runs
#   scripts/operations/point-in-time.sh recover FOLDER TIME COPY   makes the server of TIME in the new folder COPY, starts
#                                                             it on a free port of this machine and prints its address
#   scripts/operations/point-in-time.sh end COPY              stops that server and removes its folder
#   scripts/operations/point-in-time.sh off                   ends the keeping of the log
#   scripts/operations/point-in-time.sh start                 starts the server alone, for a restore while the suite is down
#   scripts/operations/point-in-time.sh stop                  stops it; `tessera down` leaves alone what `start` started
#
# TIME is like 2026-11-21T08:00:00Z. `archive` and `off` count from the server's next start (`tessera down`, `tessera up`).
# FOLDER belongs on another disk than the server; nothing in it is ever deleted by this script. TESSERA_HOME: see lib.sh.
set -euo pipefail
source "$(dirname "$0")/lib.sh"

# As the user whom the data belong to: PostgreSQL refuses root.
as_server() {
  local user
  user=$(stat -c %U "$data")
  if [ "$user" = "$(id -un)" ]; then "$@"; else setpriv --reuid "$user" --regid "$(stat -c %G "$data")" --init-groups -- "$@"; fi
}
own() { chown "$(stat -c %U:%G "$data")" "$@"; }
# A folder that the server's user can write, and can come to.
prepare() {
  mkdir -p "$1"
  own "$1"
  chmod 700 "$1"
  as_server test -w "$1" || die "the user $(stat -c %U "$data"), as whom PostgreSQL runs, cannot come to $1; choose a folder below /var"
}
major() { cat "$data/PG_VERSION"; }
program() {
  local path=/usr/lib/postgresql/$(major)/bin/$1
  [ -x "$path" ] || path=$(command -v "$1") || die "needs $1 of PostgreSQL $(major); TESSERA_PG_BINDIR says where it is"
  printf '%s' "$path"
}
free_port() {
  local port
  for port in $(shuf -i 16000-19999 -n 50); do
    (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null || { printf '%s' "$port"; return; }
  done
  die 'found no free port'
}

archive() {
  local wal=$1/wal
  [[ $wal != *[\'\"%\\]* ]] || die 'the name of the folder has a quote, a percent sign or a backslash in it'
  prepare "$1"
  prepare "$wal"
  # A file that is there already is never written over; one that was cut short never gets its name.
  ask postgres -v command="test ! -f \"$wal/%f\" && cp \"%p\" \"$wal/%f.part\" && mv \"$wal/%f.part\" \"$wal/%f\"" <<'SQL'
alter system set archive_mode = on;
alter system set archive_command = :'command';
-- So that no more than a minute can be lost with the disk.
alter system set archive_timeout = '60s';
SQL
  say "the server keeps its log in $wal from its next start on: tessera down, tessera up"
}

base() {
  local name
  [ "$(ask postgres -c 'show archive_mode')" = on ] || die 'the server does not keep its log yet: point-in-time.sh archive FOLDER, then start it anew'
  [ -d "$1/wal" ] || die "there is no $1/wal: was another folder given to point-in-time.sh archive?"
  name=$1/base-$(date -u +%Y%m%dT%H%M%SZ)
  as_server "$(program pg_basebackup)" --pgdata "$name" --checkpoint fast --wal-method stream --no-password
  # When the copy is whole; only moments after it can be had back from it.
  as_server sh -c 'date -u +%Y-%m-%dT%H:%M:%SZ > "$1/ended"' sh "$name"
  say "a base backup lies in $name, for any moment from now on"
}

# The newest base backup that had ended by then.
base_before() { # base_before FOLDER TIME
  local file found=''
  for file in "$1"/base-*/ended; do
    [ -r "$file" ] && [ "$(date -u -d "$(cat "$file")" +%s)" -le "$(date -u -d "$2" +%s)" ] && found=$(dirname "$file")
  done
  printf '%s' "$found"
}

# What the live server has written until now goes to the archive, where it still runs.
flush() {
  local file
  ask postgres -c 'select 1' > /dev/null 2>&1 || { say 'the server does not run: only what it had archived can be had back'; return; }
  file=$(ask postgres <<< "select pg_walfile_name(pg_switch_wal())")
  for _ in {1..100}; do
    [ ! -f "$1/wal/$file" ] || return 0
    sleep 0.2
  done
  die "the log $file has not come to $1/wal within 20 seconds; look at pg_stat_archiver"
}

recover() {
  local folder=$1 time=$2 copy=$3 base port
  [[ $time =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z$ ]] || die "'$time' is no time like 2026-11-21T08:00:00Z"
  [ "$(date -u -d "$time" +%s)" -le "$(date +%s)" ] || die "$time has not come yet"
  [ ! -e "$copy" ] || die "$copy exists already"
  base=$(base_before "$folder" "$time")
  [ -n "$base" ] || die "$folder holds no base backup from before $time"
  flush "$folder"
  prepare "$copy"
  as_server cp -a "$base" "$copy/data"
  as_server chmod 700 "$copy/data"
  port=$(free_port)
  # Behind everything else in the file, so that it prevails; the copy archives nothing and knows no socket.
  as_server tee -a "$copy/data/postgresql.conf" > /dev/null <<CONF
include_if_exists = 'copy.conf'
CONF
  as_server tee "$copy/data/copy.conf" > /dev/null <<CONF
port = $port
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_wal_size = '1GB'
restore_command = 'cp "$folder/wal/%f" "%p"'
recovery_target_time = '${time%Z}+00'
recovery_target_action = 'promote'
CONF
  as_server tee "$copy/data/postgresql.auto.conf" < /dev/null
  as_server touch "$copy/data/recovery.signal"
  as_server "$(program pg_ctl)" start --silent --wait --timeout 600 --pgdata "$copy/data" --log "$copy/log" > /dev/null || {
    grep -E 'FATAL|PANIC' "$copy/log" >&2 || true
    die "the copy did not start; its log is $copy/log"
  }
  PGHOST=127.0.0.1 PGPORT=$port await_promotion "$copy"
  printf 'postgres://%s:%s@127.0.0.1:%s/postgres?sslmode=disable\n' "$PGUSER" "$PGPASSWORD" "$port"
}

await_promotion() {
  for _ in {1..600}; do
    [ "$(ask postgres -c 'select pg_is_in_recovery()' 2> /dev/null)" != f ] || return 0
    sleep 0.2
  done
  die "the copy is still recovering; its log is $1/log"
}

start() {
  # As `tessera up` starts it, which finds it running then.
  as_server "$(program pg_ctl)" start --silent --wait --timeout 120 --pgdata "$data" --log "$pg/run/server.log" > /dev/null ||
    die "the server did not start; its log is $pg/run/server.log"
}
stop() { as_server "$(program pg_ctl)" stop --silent --mode fast --pgdata "$data" > /dev/null || die 'the server did not stop'; }

case ${1:-} in -h | --help) usage ;; esac
case ${1:-}:$# in
  archive:2 | base:2) connect_admin ;;
  off:1)
    connect_admin
    ask postgres -c 'alter system reset archive_mode' -c 'alter system reset archive_command' -c 'alter system reset archive_timeout'
    say 'the server keeps no log from its next start on'
    exit 0 ;;
  start:1 | stop:1) ;;
  recover:4) url=$(admin_url); connect "$url" ;;
  end:2)
    data=$(realpath "$2")/data
    [ -f "$data/copy.conf" ] || die "$2 is no copy that this script made"
    as_server "$(program pg_ctl)" stop --silent --mode fast --pgdata "$data" > /dev/null || true
    rm -rf "${data%/data}"
    exit 0 ;;
  *) usage 'name one of archive, base, recover, end, off, start, stop with what it needs' ;;
esac
pg=$(private_folder) || die "there is no private server in ${TESSERA_HOME:-.tessera}"
data=$pg/data
"$1" ${2:+"$(realpath -m "$2")"} "${@:3}"
