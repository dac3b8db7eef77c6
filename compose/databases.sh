#!/bin/sh
# Gives each service of $SERVICES its database and its roles, with the passwords in $<SERVICE>_PASSWORD and
# $<SERVICE>_OWNER_PASSWORD. Safe to run again: what is there is left, only passwords are set anew. The server is the
# one that PGHOST, PGUSER and PGPASSWORD name, or the address in $ADMIN_URL. $PREFIX begins the names.
set -eu
here=$(dirname "$0")
for service in $SERVICES; do
  upper=$(printf '%s' "$service" | tr '[:lower:]' '[:upper:]')
  eval "LOGIN_PASSWORD=\${${upper}_PASSWORD:?} OWNER_PASSWORD=\${${upper}_OWNER_PASSWORD:?}"
  # By the environment: arguments are seen by whoever lists processes.
  export LOGIN_PASSWORD OWNER_PASSWORD
  psql --dbname="${ADMIN_URL:-postgres}" --no-psqlrc --quiet --set=ON_ERROR_STOP=1 \
    --set=name="${PREFIX:-tessera_}$service" --file="$here/databases.sql"
  echo "databases: $service has its database"
done
