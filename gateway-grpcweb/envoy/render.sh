#!/usr/bin/env bash
# Fills the words in ${...} of envoy.yaml from the environment, and prints the result.
#
# | variable | meaning |
# | --- | --- |
# | `TESSERA_ENVOY_LISTEN` | where Envoy listens, `127.0.0.1:8081` when unset |
# | `TESSERA_ENVOY_ADMIN_PORT` | port of its admin pages on this machine, 9901 when unset; 0 for any that is free |
# | `TESSERA_ENVOY_SERVICES` | where the services are, `127.0.0.1:8080` when unset |
# | `TESSERA_DESCRIPTOR_SET` | file with the descriptor set, `.tessera/contracts.binpb` when unset |
# | `TESSERA_ENVOY_CORS` | regular expression of the origins that may call; unset: none |
# | `TESSERA_ENVOY_TOTAL_PER_SECOND` | requests a second of all callers together, 10000 when unset |
# | `TESSERA_ENVOY_SUBJECT_PER_HOUR` | requests an hour of each user, 1000 when unset |
set -euo pipefail
cd "$(dirname "$0")/../.."

address() { # address VARIABLE HOST:PORT: the two parts, or a complaint
  [[ $2 =~ ^([A-Za-z0-9._-]+):([0-9]{1,5})$ ]] || { echo "envoy: $1 must be HOST:PORT, not '$2'" >&2; exit 1; }
  printf '%s %s\n' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
}
number() { # number VARIABLE TEXT: the number, or a complaint
  [[ $2 =~ ^[0-9]+$ ]] || { echo "envoy: $1 must be a number, not '$2'" >&2; exit 1; }
  printf '%s\n' "$2"
}

listen=$(address TESSERA_ENVOY_LISTEN "${TESSERA_ENVOY_LISTEN:-127.0.0.1:8081}")
services=$(address TESSERA_ENVOY_SERVICES "${TESSERA_ENVOY_SERVICES:-127.0.0.1:8080}")
admin=$(number TESSERA_ENVOY_ADMIN_PORT "${TESSERA_ENVOY_ADMIN_PORT:-9901}")
total=$(number TESSERA_ENVOY_TOTAL_PER_SECOND "${TESSERA_ENVOY_TOTAL_PER_SECOND:-10000}")
subject=$(number TESSERA_ENVOY_SUBJECT_PER_HOUR "${TESSERA_ENVOY_SUBJECT_PER_HOUR:-1000}")
descriptors=${TESSERA_DESCRIPTOR_SET:-$PWD/.tessera/contracts.binpb}
[ -r "$descriptors" ] || { echo "envoy: there is no descriptor set $descriptors; 'make envoy' makes one" >&2; exit 1; }
# The expression of no origin at all matches nothing, not even an empty text.
origins=${TESSERA_ENVOY_CORS:-[^\s\S]}

config=$(<gateway-grpcweb/envoy/envoy.yaml)
fill() { config=${config//"\${$1}"/"$2"}; }
fill LISTEN_ADDRESS "${listen% *}"
fill LISTEN_PORT "${listen#* }"
fill SERVICES_ADDRESS "${services% *}"
fill SERVICES_PORT "${services#* }"
fill ADMIN_PORT "$admin"
fill TOTAL_PER_SECOND "$total"
fill SUBJECT_PER_HOUR "$subject"
fill DESCRIPTOR_SET "'${descriptors//\'/\'\'}'"
fill CORS_ORIGINS "${origins//\'/\'\'}"
printf '%s\n' "$config"
