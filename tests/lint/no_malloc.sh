#!/bin/sh
# The domain takes memory from its caller's arena only. The purity link cannot show this, because
# base, which is linked with it, may call malloc.
# usage: no_malloc.sh NM LIBRARY
set -u
echo 1..1
symbols=$("$1" -u "$2") || { echo "not ok 1 - cannot read $2"; exit 1; }
found=$(printf '%s\n' "$symbols" | grep -wE 'malloc|calloc|realloc|reallocarray|free|strdup|strndup|posix_memalign|aligned_alloc')
if [ -z "$found" ]; then
  echo "ok 1 - the domain calls no allocator"
else
  echo "not ok 1 - the domain calls no allocator"
  printf '%s\n' "$found" | sed 's/^/# /'
fi
