#!/bin/sh
# What is built to be shipped has no door for tests: no symbol or variable of theirs, and the library
# reads no environment, so that nothing outside its configuration can change what a code is.
# usage: no_back_door.sh NM LIBRARY [PROGRAM]
set -u
nm=$1
echo 1..2
failed=0
say() { # number, name, what was found
  if [ -z "$3" ]; then
    echo "ok $1 - $2"
  else
    echo "not ok $1 - $2"
    printf '%s\n' "$3" | sed 's/^/# /'
    failed=1
  fi
}
shift
library=$1
symbols=$("$nm" -D -u "$library") || { echo "not ok 1 - cannot read $library"; exit 1; }
say 1 "the library reads no environment" \
  "$(printf '%s\n' "$symbols" | grep -wE '(secure_)?getenv|environ|__environ')"
found=$(
  for file; do
    "$nm" -a "$file" | grep -E ' (vt_|ck_|srunner_|tcase_)'
    grep -a -o -E 'VAULT_TEST[A-Z_]*|VT_[A-Z_]+' "$file"
  done
)
say 2 "nothing of the tests is in what is shipped" "$found"
exit "$failed"
