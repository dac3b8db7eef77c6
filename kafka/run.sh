#!/usr/bin/env bash
# Runs a real single-node Kafka broker (KRaft, no ZooKeeper) for tests and for trying things out.
#
#   kafka/run.sh                 fetch what is missing, start on a free port, print the address, stay until Ctrl-C
#   kafka/run.sh --ports P C     the broker on port P, its controller on port C
#   kafka/run.sh --data DIR      keep the log in DIR (default .kafka/data; kept between runs)
#   kafka/run.sh -- COMMAND      run COMMAND with TESSERA_TEST_KAFKA set to the address, then stop the broker
#   kafka/run.sh --fetch         only fetch
#
# The address is the only line on stdout; everything else goes to stderr and to DIR/../kafka.log.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
home=$root/.kafka
data=$home/data
port=
controller=
fetch_only=
while [ $# -gt 0 ]; do
  case $1 in
    --ports) port=$2 controller=$3; shift 3 ;;
    --data) mkdir -p "$2"; data=$(cd "$2" && pwd); shift 2 ;;
    --fetch) fetch_only=1; shift ;;
    --) shift; break ;;
    *) sed -n '2,10p' "$0" >&2; exit 2 ;;
  esac
done

say() { printf 'kafka: %s\n' "$*" >&2; }

command -v java >/dev/null || { say 'needs Java 17 or newer: apt-get install openjdk-17-jre-headless'; exit 1; }

# Fetched again only when the pom changes. Into a folder of its own first: a broken download leaves nothing behind.
stamp=$home/lib/$(sha256sum "$root/kafka/pom.xml" | cut -c1-16)
if [ ! -e "$stamp" ]; then
  command -v mvn >/dev/null || { say 'needs Maven: apt-get install maven'; exit 1; }
  say 'fetching the broker from Maven Central (about 120 MB, once)'
  mkdir -p "$home"
  rm -rf "$home/lib.new"
  mvn -B -q -f "$root/kafka/pom.xml" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$home/lib.new" >&2
  touch "$home/lib.new/$(basename "$stamp")"
  rm -rf "$home/lib"
  mv "$home/lib.new" "$home/lib"
fi
[ -z "$fetch_only" ] || exit 0

free_port() {
  local p
  for _ in $(seq 100); do
    p=$((20000 + RANDOM % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || { echo $p; return; }
  done
  say 'found no free port'; exit 1
}
[ -n "$port" ] || port=$(free_port)
[ -n "$controller" ] || controller=$(free_port)

mkdir -p "$data"
conf=$data/../$(basename "$data").properties
log4j=$data/../log4j.properties
cat > "$conf" <<P
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=$data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
P
cat > "$log4j" <<'P'
log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d{ISO8601} %p %c{1}: %m%n
P
log=$data/../kafka.log
classpath="$home/lib/*"
if [ ! -e "$data/meta.properties" ]; then
  id=$(java -cp "$classpath" kafka.tools.StorageTool random-uuid 2>/dev/null)
  java -Dlog4j.configuration="file:$log4j" -cp "$classpath" kafka.tools.StorageTool \
    format -t "$id" -c "$conf" > "$log" 2>&1 || { cat "$log" >&2; exit 1; }
fi

java -Xms128m -Xmx512m -XX:+UseSerialGC -Dlog4j.configuration="file:$log4j" \
  -cp "$classpath" kafka.Kafka "$conf" >> "$log" 2>&1 &
broker=$!
echo "$broker" > "$data/../$(basename "$data").pid"
stop() {
  trap - EXIT INT TERM
  # SIGTERM is Kafka's clean stop: it writes its logs out.
  kill -TERM "$broker" 2>/dev/null || true
  for _ in $(seq 300); do kill -0 "$broker" 2>/dev/null || return 0; sleep 0.1; done
  kill -KILL "$broker" 2>/dev/null || true
}
trap stop EXIT
trap 'exit 130' INT TERM

for _ in $(seq 600); do
  kill -0 "$broker" 2>/dev/null || { say "the broker ended; the end of $log:"; tail -20 "$log" >&2; exit 1; }
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
  sleep 0.1
done
(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { say "the broker does not answer; see $log"; exit 1; }

if [ $# -gt 0 ]; then
  say "broker on 127.0.0.1:$port"
  TESSERA_TEST_KAFKA=127.0.0.1:$port "$@"
else
  echo "127.0.0.1:$port"
  say "running, data in $data; Ctrl-C stops it"
  wait "$broker"
fi
