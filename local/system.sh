#!/bin/sh
# Makes sure of what comes from Debian: `local/system.sh venv rsync cc chromium`.
# Installs what is missing if it may, else says what to type.
set -eu

packages=""
for program in "$@"; do
    case $program in
        venv) "$PYTHON" -c 'import ensurepip, venv' 2> /dev/null || packages="$packages python3-venv" ;;
        cc)
            command -v cc > /dev/null || packages="$packages gcc libc6-dev"
            "$PYTHON" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' || packages="$packages python3-dev"
            ;;
        *) command -v "$program" > /dev/null || packages="$packages $program" ;;
    esac
done
[ -n "$packages" ] || exit 0

as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if command -v apt-get > /dev/null && { [ -z "$as_root" ] || sudo -n true 2> /dev/null; }; then
    echo "installing from Debian:$packages"
    $as_root apt-get update -qq > /dev/null
    # shellcheck disable=SC2086 # a list of packages
    $as_root env DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes apt-get install -qq --no-install-recommends $packages > /dev/null
else
    echo "missing; type: sudo apt-get install$packages" >&2
    exit 1
fi
