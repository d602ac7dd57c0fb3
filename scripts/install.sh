#!/bin/sh
# Installs exoip, brings it up to date, or removes it:
#
#   curl -fsSL .../install.sh | sh
#   curl -fsSL .../install.sh | sh -s -- --prefix "$HOME/.local"
#   sh install.sh --uninstall
#
# It takes the binary for this system from a release, checks its SHA-256 sum, tries it out, and only then puts it
# in its place, in one step. Nothing runs before the last line has arrived.
set -eu
# What is made here is for everybody to read and for nobody else to write, whoever's habits these are.
umask 022

# A release has its own version and address here.
default_version=@VERSION@
default_url=@URL@

usage() {
  cat <<'USAGE'
usage: install.sh [--version VERSION] [--prefix DIR] [--url URL] [--uninstall]

  --version VERSION  which release; EXOIP_VERSION does the same
  --prefix DIR       where to: DIR/bin/exoip; /usr/local for root, else ~/.local; EXOIP_PREFIX does the same
  --url URL          where from: URL/vVERSION/exoip-VERSION-OS-ARCH and URL/vVERSION/SHA256SUMS;
                     EXOIP_URL does the same
  --uninstall        remove DIR/bin/exoip
USAGE
}

say() { printf 'exoip: %s\n' "$*"; }

fail() {
  printf 'exoip: %s\n' "$*" >&2
  exit 1
}

# The operating system and the processor as releases call them. Sets platform.
find_platform() {
  kernel=$(uname -s) machine=$(uname -m)
  case $kernel in
    Linux) os=linux ;;
    Darwin) os=macos ;;
    *) fail "there is no binary for $kernel; for Windows the release has exoip-VERSION-windows-x64.exe" ;;
  esac
  case $machine in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "there is no binary for the processor $machine, only for x86_64 and aarch64" ;;
  esac
  # A shell that is translated on Apple silicon calls itself x86_64.
  if [ "$os-$arch" = macos-x64 ] && [ "$(sysctl -n hw.optional.arm64 2>/dev/null || true)" = 1 ]; then
    arch=arm64
  fi
  platform=$os-$arch
}

# download URL FILE: with curl, else with wget.
download() {
  if command -v curl >/dev/null 2>&1; then
    # What begins as HTTPS must not be led elsewhere.
    case $1 in
      https:*) curl -fsSL --proto =https --retry 2 -o "$2" "$1" ;;
      *) curl -fsSL --retry 2 -o "$2" "$1" ;;
    esac || fail "$1 cannot be downloaded"
  elif command -v wget >/dev/null 2>&1; then
    case $1 in
      https:*) wget_https "$1" "$2" ;;
      *) wget -q -O "$2" "$1" ;;
    esac || fail "$1 cannot be downloaded"
  else
    fail "neither curl nor wget is here"
  fi
}

# wget_https URL FILE: wget itself would also follow a redirection from https to http, so it follows none.
wget_https() {
  wget --help 2>&1 | grep -q -e --max-redirect ||
    fail "this wget cannot be kept from following to http; install curl"
  at=$1 hops=0
  while [ "$hops" -lt 10 ]; do
    if said=$(LC_ALL=C wget -nv -S --max-redirect=0 -O "$2" "$at" 2>&1); then return; fi
    at=$(printf '%s\n' "$said" | tr -d '\r' | sed -n 's/^ *[Ll]ocation: *\([^ ]*\).*$/\1/p' | tail -n 1)
    case $at in
      https://*) ;;
      http:*) fail "$1 leads to $at, which is not https; nothing was changed" ;;
      *) return 1 ;;
    esac
    hops=$((hops + 1))
  done
  return 1
}

# sum FILE: its SHA-256 sum.
sum() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum <"$1" | cut -d ' ' -f 1
  elif command -v shasum >/dev/null 2>&1; then
    shasum -a 256 <"$1" | cut -d ' ' -f 1
  elif command -v openssl >/dev/null 2>&1; then
    openssl dgst -sha256 -r <"$1" | cut -d ' ' -f 1
  else
    fail "no sha256sum, shasum or openssl is here, so that the binary cannot be checked"
  fi
}

# verify FILE NAME SUMS: whether SUMS has the sum of FILE under NAME.
verify() {
  wanted=$(while read -r digest name; do
    if [ "$name" = "$2" ] || [ "$name" = "*$2" ]; then echo "$digest"; fi
  done <"$3")
  [ -n "$wanted" ] || fail "the release has no sum for $2, so that it cannot be checked; nothing was changed"
  got=$(sum "$1")
  [ "$got" = "$wanted" ] ||
    fail "$2 is damaged or was tampered with: its SHA-256 sum is $got, not $wanted; nothing was changed"
}

# version_of PROGRAM: what it says of itself.
version_of() { "$1" -version 2>/dev/null || true; }

uninstall() {
  if [ ! -e "$target" ] && [ ! -L "$target" ]; then
    say "$target is not there, nothing to remove"
    return
  fi
  rm -f "$target" || fail "$target cannot be removed"
  say "removed $target"
}

install_binary() {
  case $version in @*) fail "which version? This installer is of no release: --version or EXOIP_VERSION" ;; esac
  case $url in @*) fail "where from? This installer is of no release: --url or EXOIP_URL" ;; esac
  case $version in
    *[!0-9A-Za-z.+~-]*) fail "--version: found '$version', wanted a version such as 0.5.0" ;;
  esac
  case $url in
    http://[0-9A-Za-z[]* | https://[0-9A-Za-z[]*) ;;
    *) fail "--url: found '$url', wanted https://..." ;;
  esac
  find_platform
  name=exoip-$version-$platform
  mkdir -p "$prefix/bin" || fail "$prefix/bin cannot be made; --prefix says where to"
  case $(ls -ld "$prefix/bin") in
    d???????w*) fail "everybody can write to $prefix/bin, and so replace what is installed there; nothing was changed" ;;
  esac
  # In the same folder, so that the last step is a rename.
  work=$(mktemp -d "$prefix/bin/.exoip-install.XXXXXX") ||
    fail "$prefix/bin cannot be written to; --prefix says where to"
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM
  download "$url/v$version/SHA256SUMS" "$work/sums"
  download "$url/v$version/$name" "$work/exoip"
  verify "$work/exoip" "$name" "$work/sums"
  chmod 755 "$work/exoip"
  new=$(version_of "$work/exoip")
  [ -n "$new" ] || fail "$name does not run on this system (it needs glibc on Linux); nothing was changed"
  old=
  if [ -x "$target" ]; then old=$(version_of "$target"); fi
  if [ -d "$target" ]; then fail "$target is a folder; nothing was changed"; fi
  mv -f "$work/exoip" "$target" || fail "$target cannot be replaced; nothing was changed"
  if [ -z "$old" ]; then
    say "installed $new as $target"
  elif [ "$old" = "$new" ]; then
    say "installed $new as $target again"
  else
    say "replaced $old by $new as $target; restart what runs it"
  fi
  case :$PATH: in
    *:"$prefix/bin":*) ;;
    *) say "$prefix/bin is not in PATH" ;;
  esac
}

main() {
  version=${EXOIP_VERSION:-$default_version}
  url=${EXOIP_URL:-$default_url}
  if [ "$(id -u)" = 0 ]; then prefix=/usr/local; else prefix=${HOME:-}/.local; fi
  prefix=${EXOIP_PREFIX:-$prefix}
  action=install_binary
  while [ $# -gt 0 ]; do
    case $1 in
      --version | --prefix | --url)
        if [ $# -lt 2 ] || [ -z "$2" ]; then fail "$1 needs a value"; fi
        case $1 in
          --version) version=${2#v} ;;
          --prefix) prefix=$2 ;;
          --url) url=$2 ;;
        esac
        shift
        ;;
      --uninstall) action=uninstall ;;
      -h | --help)
        usage
        return
        ;;
      *)
        usage >&2
        fail "$1 is not understood"
        ;;
    esac
    shift
  done
  case $prefix in
    /*) ;;
    *) fail "the prefix must begin with /, and is '$prefix'" ;;
  esac
  target=$prefix/bin/exoip
  "$action"
}

main "$@"
