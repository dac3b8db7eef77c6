#!/usr/bin/env bash
# Lints what a container engine and GitHub would read, without either: the Dockerfile, compose.yaml, the workflows.
#
#   scripts/lint-images.sh            lint, then show that each linter refuses what is wrong
#   scripts/lint-images.sh FOLDER     only lint, there
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
tools=$root/tools

lint() { # lint FOLDER: stops at the first linter that refuses
  cd "$1"
  "$tools/.venv/bin/hadolint" --config "$root/scripts/hadolint.yaml" Dockerfile &&
    "$tools/.venv/bin/check-jsonschema" --builtin-schema vendor.compose-spec compose.yaml &&
    "$tools/.venv/bin/check-jsonschema" --builtin-schema vendor.github-workflows .github/workflows/*.yaml &&
    "$tools/.bin/actionlint" -config-file "$root/.github/actionlint.yaml" -shellcheck= -pyflakes= .github/workflows/*.yaml &&
    "$tools/.venv/bin/zizmor" --quiet --offline --config "$root/.github/zizmor.yml" .github/workflows
}

# What is wrong on purpose: FILE, what is changed in it by sed, and what must then be said.
wrong() {
  local file=$1 change=$2 said=$3 copy output
  copy=$(mktemp -d)
  cp -r "$root/Dockerfile" "$root/compose.yaml" "$root/.github" "$copy"
  sed -i -E "$change" "$copy/$file"
  if cmp --silent "$root/$file" "$copy/$file"; then
    echo "lint-images: nothing to spoil in $file by $change" >&2
    exit 1
  fi
  if output=$(lint "$copy" 2>&1) || ! grep -qE "$said" <<<"$output"; then
    printf 'lint-images: %s with %s was not refused for %s:\n%s\n' "$file" "$change" "$said" "$output" >&2
    exit 1
  fi
  rm -rf "$copy"
}

(lint "${1:-$root}") || { echo 'lint-images: see above' >&2; exit 1; }
[ $# = 0 ] || exit 0
wrong Dockerfile '0,/^FROM rust.*/s//FROM rust AS chef/' 'DL3006'
wrong compose.yaml 's/^    mem_limit: 1g$/    memory_limit: 1g/' 'memory_limit'
wrong .github/workflows/checks.yaml 's/timeout-minutes:/timeout:/' "'?timeout'?"
wrong .github/workflows/checks.yaml '0,/github\.ref/s//github.reff/' 'reff'
wrong .github/workflows/contracts.yaml 's/git push origin "\$BRANCH"/git push origin "${{ inputs.version }}"/' 'template-injection'
echo 'lint-images: nothing to say; five things that are wrong were refused'
