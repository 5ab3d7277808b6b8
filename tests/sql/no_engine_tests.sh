#!/bin/sh
# Nothing outside the two driver folders and the tables of statements asks which engine it is.
set -eu
cd "$1"
found=$(grep -rnE 'VAULT__DIALECT_|->dialect|\.dialect|sqlite3_|PQ[a-z]+\(' libvault --include='*.[ch]' |
  grep -vE '^libvault/adapters/(sql_sqlite|sql_postgres)/|^libvault/adapters/sql/(db|sql|schema)\.[ch]:' || true)
echo 1..1
if [ -n "$found" ]; then
  echo "not ok 1 - no engine tests outside the drivers"
  echo "$found" | sed 's/^/# /'
  exit 1
fi
echo "ok 1 - no engine tests outside the drivers"
