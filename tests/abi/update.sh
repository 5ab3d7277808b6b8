#!/bin/sh
# Write symbols.txt and layout.txt anew, from a build folder (default build/release).
# usage: tests/abi/update.sh [BUILD]
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build/release}
ninja --quiet -C "$build" libvault/libvault.so.0.1.0
exec python3 "$root/tests/abi/check_abi.py" --update "$root" "$build/libvault/libvault.so.0.1.0" "${CC:-cc}"
