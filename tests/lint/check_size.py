#!/usr/bin/env python3
"""check_size.py ROOT: files of at most 600 lines, functions of at most 60 lines and a McCabe number
of at most 15. There is no list of exceptions."""
import re
import sys

import lint

FILE_LINES, FUNCTION_LINES, PATHS = 600, 60, 15
# Every place where the flow splits. `do` is not one: its `while` is.
SPLITS = re.compile(r"\b(?:if|for|while|case)\b|&&|\|\||\?")


def mccabe(body):
    return 1 + len(SPLITS.findall(body))


def long_files(root):
    for path in lint.code(root) + [p for t in ("tests", "libvault", "bench") for p in lint.walk(root, t, ".py")]:
        n = lint.read(root, path).count("\n")
        if n > FILE_LINES:
            yield "%s has %d lines; at most %d" % (path, n, FILE_LINES)


def long_functions(root):
    for path in lint.code(root):
        for f in lint.functions(lint.read(root, path)):
            if f.lines > FUNCTION_LINES:
                yield "%s:%d: %s has %d lines; at most %d" % (path, f.line, f.name, f.lines, FUNCTION_LINES)


def branchy_functions(root):
    for path in lint.code(root):
        for f in lint.functions(lint.read(root, path)):
            n = mccabe(f.body)
            if n > PATHS:
                yield "%s:%d: %s has a McCabe number of %d; at most %d" % (path, f.line, f.name, n, PATHS)


LONG = "static int long_one(int a) {\n" + "  a++;\n" * 60 + "  return a;\n}\n"
BRANCHY = "START_TEST(branchy) {\n" + "  if (a && b)\n    c();\n" * 8 + "}\nEND_TEST\n"
FINE = ('/* if if if */\nstruct s {\n  int a;\n};\nstatic const int t[] = {1, 2};\n'
        'int fine(int a)\n{\n  return a ? "if && ?"[0] : 0;\n}\n')


def self_test(tap):
    with lint.Sample({"libvault/a.c": LONG, "tests/b.c": BRANCHY, "server/c.c": "\n" * 601,
                      "libvault/fine.c": FINE}) as root:
        tap.finds("a long file", long_files(root), "server/c.c has 601 lines")
        tap.finds("a long function", long_functions(root), "libvault/a.c:1: long_one has 63 lines")
        tap.finds("a function of many paths", branchy_functions(root), "tests/b.c:1: branchy has a McCabe number of 17")
    (fine,) = lint.functions(FINE)
    tap.rule("counts a plain function", [] if (fine.name, fine.line, fine.lines, mccabe(fine.body)) == ("fine", 6, 4, 2)
             else ["%s %d %d %d" % (fine.name, fine.line, fine.lines, mccabe(fine.body))])


def main(root):
    tap = lint.Tap()
    self_test(tap)
    tap.rule("the functions can be read", [] if sum(len(lint.functions(lint.read(root, p))) for p in
             lint.code(root, "libvault")) > 300 else ["too few functions found; is this the root?"])
    tap.rule("files have at most %d lines" % FILE_LINES, long_files(root))
    tap.rule("functions have at most %d lines" % FUNCTION_LINES, long_functions(root))
    tap.rule("functions have a McCabe number of at most %d" % PATHS, branchy_functions(root))
    tap.finish()


if __name__ == "__main__":
    main(sys.argv[1])
