#!/usr/bin/env bash
# Unpacks the C and C++ libraries of Debian 13 into a folder, for programs that this system's are too old for:
#
#   scripts/newer-glibc.sh DIR     afterwards DIR/lib/ld-linux-x86-64.so.2 --library-path DIR/lib PROGRAM
#
# Nothing of the system is changed: apt works on lists of its own.
set -euo pipefail
[ $# = 1 ] || { sed -n '2,7p' "$0" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
apt=$folder/apt
rm -rf "$apt" "$folder/new"
mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$folder/new"
touch "$apt/status"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keys] http://deb.debian.org/debian trixie main" > "$apt/sources.list"
options=(-qq -o Dir::State="$apt" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache"
  -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null -o APT::Architecture=amd64
  -o APT::Sandbox::User=)
apt-get "${options[@]}" update
(cd "$apt" && apt-get "${options[@]}" download libc6 libstdc++6 libgcc-s1)
for package in "$apt"/*.deb; do dpkg-deb --extract "$package" "$folder/new"; done
# The folder appears whole or not at all.
mv "$folder/new/usr/lib/x86_64-linux-gnu" "$folder/lib"
rm -rf "$apt" "$folder/new"
