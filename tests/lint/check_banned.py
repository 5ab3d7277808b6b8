#!/usr/bin/env python3
"""check_banned.py ROOT: functions that are not to be called, and database engines that are not to be
told apart outside their drivers."""
import re
import sys

import lint

ANYWHERE = "strcpy strcat sprintf vsprintf stpcpy strtok atoi atol atoll gets alloca setjmp longjmp sigsetjmp".split()
OF_OTHERS = {  # in libvault/, except in the places named
    "libvault/base/alloc.c": "malloc calloc realloc reallocarray free strdup strndup asprintf vasprintf "
                             "posix_memalign aligned_alloc".split(),
    # committer.c waits on a condition variable, whose deadline is a time of the system's clock.
    ("libvault/adapters/", "libvault/usecases/claim.c", "libvault/usecases/committer.c"): ["clock_gettime"],
    "libvault/adapters/": "time gettimeofday rand random srand getrandom getentropy".split(),
    "nowhere in the library": "getenv secure_getenv setenv printf fprintf vprintf vfprintf puts fputs putchar perror "
                              "syslog abort exit _exit _Exit quick_exit atexit pthread_create thrd_create "
                              "signal sigaction raise fork system popen".split(),
}


def calls(text, names):
    """(line, name) of plain calls and of addresses taken; `x->free(`, `x.free(` and `my_free(` are others'."""
    text = lint.bare(text)
    pattern = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(names))
    for m in pattern.finditer(text):
        yield text.count("\n", 0, m.start()) + 1, m.group(1)


def banned_anywhere(root):
    for path in lint.code(root):
        for line, name in calls(lint.read(root, path), ANYWHERE):
            yield "%s:%d: %s is banned" % (path, line, name)


def banned_in_library(root):
    for path in lint.code(root, "libvault"):
        text = lint.read(root, path)
        for place, names in OF_OTHERS.items():
            if not path.startswith(place):
                for line, name in calls(text, names):
                    yield "%s:%d: %s is called; allowed: %s" % (path, line, name, place)


# A database is told apart by its driver, and by the code that finds a driver for a URL. The statements
# and migrations of each are tables, indexed by the dialect in these files.
ENGINE_FOLDERS = ("libvault/adapters/sql_sqlite/", "libvault/adapters/sql_postgres/", "libvault/composition/")
TABLE_FILES = tuple("libvault/adapters/sql/%s.%s" % (f, e) for f in ("db", "sql", "schema") for e in "ch")
ENGINE = re.compile(r"sqlite|postgres|\bPQ\w|dialect", re.IGNORECASE)
ENGINE_TEST = re.compile(r"\b(?:if|switch|while|case)\b|\?|&&|\|\||str\w*cmp")
ENGINE_USE = re.compile(r"VAULT__DIALECT_|(?:->|\.)dialect|sqlite3_|\bPQ[a-z]+\(")


def engine_tests(root):
    for path in lint.code(root, "libvault"):
        if path.startswith(ENGINE_FOLDERS):
            continue
        for n, line in enumerate(lint.bare(lint.read(root, path), strings=True).split("\n"), 1):
            if line.lstrip().startswith("#"):
                continue
            if (ENGINE.search(line) and ENGINE_TEST.search(line)) or \
                    (ENGINE_USE.search(line) and path not in TABLE_FILES):
                yield "%s:%d: tells database engines apart: %s" % (path, n, line.strip())


def self_test(tap):
    with lint.Sample({
            "server/a.c": "int f(void) {\n  return atoi(x);\n}\n",
            "libvault/usecases/b.c": "void f(void) {\n  free(p);\n  t = time(NULL);\n  printf(\"x\");\n}\n",
            "libvault/usecases/c.c": "/* free( */ void f(void) { p->free(x); vault__free(x); \"free(\"; }\n",
            "libvault/adapters/sql/d.c": "int f(void) {\n  if (db->is_sqlite)\n    return 1;\n}\n"}) as root:
        tap.finds("a banned call", banned_anywhere(root), "server/a.c:2: atoi")
        found = list(banned_in_library(root))
        tap.finds("calls that are not the library's", found, "b.c:2: free", "b.c:3: time", "b.c:4: printf")
        tap.rule("leaves methods, comments and strings alone", [p for p in found if "/c.c" in p])
        tap.finds("an engine that is told apart", engine_tests(root), "sql/d.c:2")


def main(root):
    tap = lint.Tap()
    self_test(tap)
    tap.rule("no banned function is called", banned_anywhere(root))
    tap.rule("the library leaves memory to base/alloc.c and the world to adapters", banned_in_library(root))
    tap.rule("engines are told apart in their drivers only", engine_tests(root))
    tap.finish()


if __name__ == "__main__":
    main(sys.argv[1])
