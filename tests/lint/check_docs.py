#!/usr/bin/env python3
"""check_docs.py ROOT: every folder of code has a README.md, what a README names in its file map is
there, links lead somewhere, and no text names the machine it was written on or puts work off."""
import os
import re
import sys

import lint

CODE_ENDS = (".c", ".h", ".py", ".sql", ".sh")
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
MAP_ROW = re.compile(r"^\|\s*((?:`[^`]+`(?:,\s*)?)+)\s*\||^[*-] (`[^`]+`)", re.MULTILINE)
# Split, so that this file does not name them.
PUT_OFF = re.compile(r"\b(?:TO" "DO|FIX" "ME|XX" r"X)\b")
MACHINE = re.compile(r"(?<![\w.])/(?:work|home/\w+|root|Users/\w+)/")
TEXTS = (".c", ".h", ".md", ".py", ".sh", ".sql", ".yaml", ".build", ".txt", ".map")


def folders_without_readme(root):
    # Folders of public headers are described by the headers; a folder of a folder's data by its parent.
    for folder in sorted({os.path.dirname(p) for top in ("libvault", "server", "tests", "examples", "bench")
                          for p in lint.walk(root, top, *CODE_ENDS)}):
        if "/migrations" in folder or os.path.exists(os.path.join(root, folder, "README.md")):
            continue
        yield "%s has no README.md" % folder


def expand(name):
    """`a.{h,c}` -> a.h, a.c"""
    m = re.match(r"^(.*)\{([^}]*)\}(.*)$", name)
    return [m.group(1) + part + m.group(3) for part in m.group(2).split(",")] if m else [name]


def missing_from_maps(root):
    for path in readmes(root):
        for m in MAP_ROW.finditer(lint.read(root, path)):
            for word in re.findall(r"`([^`]+)`", m.group(1) or m.group(2)):
                if not re.search(r"^[\w./{},-]+(\.\w+|/|\})$", word) or "NAME" in word or "*" in word:
                    continue
                for name in expand(word):
                    if name.startswith("/") or any(os.path.exists(os.path.join(root, base, name))
                                                   for base in (os.path.dirname(path), "")):
                        continue
                    yield "%s names %s, which is not there" % (path, name)


def readmes(root):
    return [p for p in lint.walk(root, ".", "README.md")]


def dead_links(root):
    for path in lint.walk(root, ".", ".md"):
        text = re.sub(r"```.*?```", "", lint.read(root, path), flags=re.DOTALL)
        for target in LINK.findall(text):
            if re.match(r"^(https?:|mailto:|#)", target):
                continue
            name = target.split("#")[0]
            if not os.path.exists(os.path.join(root, os.path.dirname(path), name)):
                yield "%s links to %s, which is not there" % (path, name)


def texts(root):
    return [p for p in lint.walk(root, ".", *TEXTS) + ["run", "test", ".ci/common.sh"]
            if os.path.exists(os.path.join(root, p))]


def matches(root, pattern, what):
    for path in texts(root):
        for n, line in enumerate(lint.read(root, path).split("\n"), 1):
            if pattern.search(line):
                yield "%s:%d: %s: %s" % (path, n, what, line.strip()[:80])


def self_test(tap):
    with lint.Sample({"libvault/x/a.c": "/* TO" "DO: later */\nint a;\n",
                      "server/README.md": "| `gone.{c,h}` | what |\n\n[see](nowhere.md), [ok](#here)\n",
                      "server/a.md": "in /home/" "me/src\n"}) as root:
        tap.finds("a folder without README", folders_without_readme(root), "libvault/x has no README.md")
        tap.finds("a file that is not there", missing_from_maps(root), "names gone.c", "names gone.h")
        tap.finds("a dead link", dead_links(root), "links to nowhere.md")
        tap.finds("work that is put off", matches(root, PUT_OFF, "put off"), "libvault/x/a.c:1")
        tap.finds("the path of a machine", matches(root, MACHINE, "path"), "server/a.md:1")


def main(root):
    tap = lint.Tap()
    self_test(tap)
    tap.rule("every folder of code has a README.md", folders_without_readme(root))
    tap.rule("what file maps name is there", missing_from_maps(root))
    tap.rule("relative links lead to a file", dead_links(root))
    tap.rule("nothing is put off", matches(root, PUT_OFF, "put off"))
    tap.rule("no path of a machine", matches(root, MACHINE, "a path of one machine"))
    tap.finish()


if __name__ == "__main__":
    main(sys.argv[1])
