#!/usr/bin/env python3
"""check_headers.py ROOT: each public header compiles alone, as C99, C11 and C++11, with gcc and clang."""
import os
import shutil
import subprocess
import sys
import tempfile

import lint

WAYS = [("gcc", "c99", "c"), ("gcc", "c11", "c"), ("g++", "c++11", "c++"),
        ("clang", "c99", "c"), ("clang", "c11", "c"), ("clang++", "c++11", "c++")]


def compile_alone(include, headers, compiler, std, language):
    """The compiler's messages, one line each."""
    with tempfile.TemporaryDirectory(prefix="vault-lint-") as tmp:
        sources = []
        for i, header in enumerate(headers):
            sources.append(os.path.join(tmp, "%d.%s" % (i, "c" if language == "c" else "cc")))
            with open(sources[-1], "w", encoding="utf-8") as f:
                # Twice: it must guard itself. And something of its own, as ISO C wants.
                f.write('#include "%s"\n#include "%s"\nextern int vault_lint_here;\n' % (header, header))
        done = subprocess.run([compiler, "-std=" + std, "-fsyntax-only", "-Wall", "-Wextra", "-pedantic", "-Werror",
                               "-I", include] + sources, stderr=subprocess.PIPE, check=False)
    lines = [line for line in done.stderr.decode().split("\n") if ": error:" in line or ": fatal error:" in line]
    return lines if lines or not done.returncode else [done.stderr.decode()[-500:]]


def check(root, way):
    include = os.path.join(root, "include")
    headers = [os.path.relpath(p, "include") for p in lint.walk(root, "include", ".h")]
    if not headers:
        return ["there are no headers"]
    return compile_alone(include, headers, *way)


def main(root):
    tap = lint.Tap()
    with lint.Sample({"include/vault/bad.h": "vault_status f(int class[]);\n",
                      "include/vault/cxx.h": "#include <stdint.h>\nstatic inline int *f(void *p) { return p; }\n"}) as bad:
        tap.finds("a header that lacks an include", check(bad, WAYS[0]), "vault_status")
        tap.finds("a header that is not C++", check(bad, WAYS[2]), "cxx.h")
    for way in WAYS:
        if shutil.which(way[0]):
            tap.rule("headers compile alone: %s -std=%s" % way[:2], check(root, way))
        else:
            tap.rule("headers compile alone: %s -std=%s # SKIP there is no %s" % (way[0], way[1], way[0]), [])
    tap.finish()


if __name__ == "__main__":
    main(sys.argv[1])
