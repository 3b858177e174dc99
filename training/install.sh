#!/bin/sh
# Installs an image's packages into the Python of VIRTUAL_ENV: those of training/, serving/ and the requirements files
# that are given, resolved together or refused. Versions and hashes are those of training/lock.txt, which `make lock`
# writes. What a given file adds, or wants in another version, comes in that version with the hashes that the index
# names; the file's own hashes, where it has any, must be among them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! command -v uv > /dev/null; then
    python -m pip install --quiet --disable-pip-version-check --no-cache-dir --require-hashes \
        --target "$work/uv" --requirement "$here/uv.txt"
    PATH="$work/uv/bin:$PATH"
fi

# uv keeps to the versions that a file has which it is to replace.
cp "$here/lock.txt" "$work/all.txt"
uv pip compile --quiet --generate-hashes --no-header --no-annotate --output-file "$work/all.txt" \
    "$here/requirements.txt" "$here/../serving/requirements.txt" "$@"

for file in "$@"; do
    shift
    if grep -q -e '--hash=' "$file"; then
        set -- "$@" --constraint "$file"
    fi
done
# Compiled code starts faster. Who builds for a moment, such as a test, may do without.
UV_COMPILE_BYTECODE="${UV_COMPILE_BYTECODE:-1}"
export UV_COMPILE_BYTECODE
uv pip install --require-hashes --requirement "$work/all.txt" "$@"
