#!/bin/sh
# need.sh WHAT PACKAGE WHY: make sure a command or a path exists; on Debian, as root, install it.
set -eu
what=$1 package=$2 why=$3

here() { [ -e "$what" ] || command -v "$what" >/dev/null 2>&1; }

here && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing $package"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package" >/dev/null
fi
here || { echo "Not found: $why. Install it, on Debian: sudo apt-get install $package" >&2; exit 1; }
