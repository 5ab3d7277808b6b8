#!/usr/bin/env python3
"""check_torture.py ROOT: each function that the library exports is called in a scenario of tests/fault,
where every allocation and every port call fails once. Prints how often each is."""
import re
import sys

import lint


def exported(root):
    return lint.read(root, "tests/abi/symbols.txt").split()


def calls(root):
    """{function: number of calls in the scenarios}"""
    text = "\n".join(lint.without_preprocessor(lint.bare(lint.read(root, p))) for p in lint.walk(root, "tests/fault", ".c"))
    return {name: len(re.findall(r"\b%s\s*\(" % name, text)) for name in exported(root)}


def untried(root):
    return ["%s stands in no scenario" % name for name, n in calls(root).items() if not n]


def main(root):
    tap = lint.Tap()
    with lint.Sample({"tests/abi/symbols.txt": "vault_a\nvault_b\nvault_c\n",
                      "tests/fault/x.c": "/* vault_b() */ void f(void) { vault_a(); g(\"vault_c()\"); }\n"}) as bad:
        tap.finds("functions that are not tried", untried(bad), "vault_b", "vault_c")
    found = calls(root)
    tap.rule("the list of functions can be read", [] if len(found) > 40 else ["only %d functions" % len(found)])
    tap.rule("every exported function stands in a scenario of tests/fault", untried(root))
    print("# %d functions, %d calls: %s" % (len(found), sum(found.values()),
                                           ", ".join("%s %d" % item for item in sorted(found.items()))))
    tap.finish()


if __name__ == "__main__":
    main(sys.argv[1])
