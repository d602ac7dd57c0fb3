#!/usr/bin/env bash
# Fills a folder with what the program needs of a Debian system of another processor: the loader, the C library and
# libgcc. For `deno task image --sysroot FOLDER`, and for an emulator. It needs apt and dpkg-deb of Debian, and changes
# nothing on this machine: apt's lists and state are in a temporary folder.
#
#   scripts/image/sysroot.sh arm64|amd64 FOLDER
set -euo pipefail
if [[ $# -ne 2 || ! $1 =~ ^(arm64|amd64)$ ]]; then
  echo "usage: $0 arm64|amd64 FOLDER; found: $*" >&2
  exit 2
fi
arch=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
touch "$work/status"
apt=(apt-get -qq -o "Dir::State=$work" -o "Dir::State::lists=$work/lists" -o "Dir::State::status=$work/status"
  -o "Dir::Cache=$work/cache" -o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o APT::Sandbox::User=root)
"${apt[@]}" update
cd "$work"
"${apt[@]}" download libc6 libgcc-s1
for package in ./*.deb; do dpkg-deb --extract "$package" "$folder"; done
