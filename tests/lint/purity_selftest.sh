#!/bin/sh
# The purity link must fail when an object calls time(), for that reason, and pass without it.
# usage: purity_selftest.sh CC IMPURE_OBJECT LIBRARY LINK_ARG...
set -u
cc=$1 impure=$2 library=$3
shift 3
out=$(mktemp) || exit 1
trap 'rm -f "$out" "$out.so"' EXIT
echo 1..2
if $cc -shared -o "$out.so" -Wl,--whole-archive "$library" -Wl,--no-whole-archive "$@" 2>"$out"; then
  echo "ok 1 - the library alone links"
else
  echo "not ok 1 - the library alone links"
  sed 's/^/# /' "$out"
fi
if $cc -shared -o "$out.so" -Wl,--whole-archive "$library" "$impure" -Wl,--no-whole-archive "$@" 2>"$out"; then
  echo "not ok 2 - a call of time() is found (it linked)"
elif grep -q 'time' "$out"; then
  echo "ok 2 - a call of time() is found"
else
  echo "not ok 2 - a call of time() is found (it failed for another reason)"
  sed 's/^/# /' "$out"
fi
