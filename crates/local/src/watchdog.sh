# $1: the cluster's folder; $2: how many seconds nobody may use it before it is stopped.
# Locks: 9 is ours, 8 keeps starters out, 7 is held (shared) by everybody who uses the cluster.
cd "$1" || exit 1
command -v flock >/dev/null || exit 1
exec 9<watchdog.lock
flock -n 9 || exit 0
pidfile=data/postmaster.pid
step=2
idle=0

is_server() {
    [ -n "$1" ] && kill -0 "$1" 2>/dev/null || return 1
    [ ! -e /proc/self/cmdline ] || tr '\0' ' ' <"/proc/$1/cmdline" | grep -qF "$PWD/data"
}

while :; do
    sleep "$step"
    exec 7<users.lock
    if flock -n 7; then idle=$((idle + step)); else idle=0; fi
    exec 7<&-
    if [ "$idle" -lt "$2" ] && [ -e "$pidfile" ]; then continue; fi
    exec 8<start.lock 7<users.lock
    if flock -n 8 && flock -n 7; then
        pid=$(head -n 1 "$pidfile" 2>/dev/null)
        is_server "$pid" || exit 0
        kill -INT "$pid"
        waited=0
        while is_server "$pid" && [ "$waited" -lt 60 ]; do
            sleep 1
            waited=$((waited + 1))
        done
        exit 0
    fi
    exec 8<&- 7<&-
    idle=0
done
