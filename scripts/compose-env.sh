#!/usr/bin/env bash
# Writes .env for compose.yaml out of .env.example: a fresh secret for each name that has no value there. What .env has
# already stays as it is, since the databases know the passwords.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 077
touch .env
added=0
while IFS= read -r line; do
  [[ $line =~ ^([A-Z_]+)=(.*)$ ]] || continue
  name=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
  grep -q "^$name=" .env && continue
  if [ -z "$value" ]; then
    case $name in
      # 32 bytes, as the program wants them; every other is part of an address, so that it needs no escapes.
      *_MASTER_KEY) value=$(head -c 32 /dev/urandom | base64) ;;
      *) value=$(head -c 24 /dev/urandom | od -An -vtx1 | tr -d ' \n') ;;
    esac
  fi
  printf '%s=%s\n' "$name" "$value" >> .env
  added=$((added + 1))
done < .env.example
echo "compose-env: $added names added to .env"
