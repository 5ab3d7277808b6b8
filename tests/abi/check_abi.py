#!/usr/bin/env python3
"""What the library promises to programs that are compiled already.

    check_abi.py [--update] ROOT LIBVAULT_SO COMPILER

symbols.txt: what libvault.so exports; it must be what include/vault declares with VAULT_API.
layout.txt: size of every public structure and offset of every member, on 64-bit machines.
--update writes both files anew; without it they are compared. A line that changes or goes in them
breaks programs in the field; a new one does not."""
import difflib
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lint"))
import lint  # noqa: E402

DECLARED = re.compile(r"\bVAULT_API\b[^;{(]*?\b(vault_\w+)\s*\(")
STRUCT = re.compile(r"\bstruct\s+(vault_\w+)\s*\{")


def declared(root):
    return sorted({name for path in lint.walk(root, "include", ".h")
                   for name in DECLARED.findall(lint.without_preprocessor(lint.bare(lint.read(root, path))))})


def exported(library):
    out = subprocess.run(["nm", "-D", "--defined-only", library], stdout=subprocess.PIPE, check=True).stdout.decode()
    return sorted(line.split()[-1].split("@")[0] for line in out.splitlines() if line.split()[-2] != "A")


def members(body):
    """Names of the members of a structure's body; those of a nameless inner one count as its own."""
    found, start, at = [], 0, 0
    while at < len(body):
        if body[at] == "{":
            end = lint.skip_braces(body, at)
            after = re.compile(r"\s*(\w*)[^;]*;").match(body, end)
            found += [after.group(1)] if after.group(1) else members(body[at + 1:end - 1])
            start = at = after.end()
        elif body[at] == ";":
            found += declarators(body[start:at])
            start = at = at + 1
        else:
            at += 1
    return found


def declarators(text):
    text = re.sub(r"\[[^\]]*\]", "", " ".join(text.split()))
    pointer = re.search(r"\(\s*\*\s*(\w+)\s*\)\s*\(", text)
    if pointer:
        return [pointer.group(1)]
    return [re.search(r"(\w+)\s*$", part).group(1) for part in text.split(",") if part.strip()]


def structures(text):
    """[(name, [member])] of a header's text."""
    text = lint.without_preprocessor(lint.bare(text))
    found = []
    for m in STRUCT.finditer(text):
        found.append((m.group(1), members(text[m.end():lint.skip_braces(text, m.end() - 1) - 1])))
    return found


def layout(root, compiler):
    """The lines of layout.txt, as a program that the compiler makes prints them."""
    program = ["#include <stddef.h>", "#include <stdio.h>"]
    body = []
    for path in lint.walk(root, "include", ".h"):
        program.append('#include "%s"' % os.path.relpath(path, "include"))
        for name, names in structures(lint.read(root, path)):
            body.append('  printf("struct %s %%zu\\n", sizeof(struct %s));' % (name, name))
            body += ['  printf("  %s %%zu\\n", offsetof(struct %s, %s));' % (m, name, m) for m in names]
    program += ["int main(void) {"] + body + ["  return 0;", "}", ""]
    with tempfile.TemporaryDirectory(prefix="vault-abi-") as tmp:
        source, binary = os.path.join(tmp, "layout.c"), os.path.join(tmp, "layout")
        with open(source, "w", encoding="utf-8") as f:
            f.write("\n".join(program))
        subprocess.run(compiler + ["-std=c11", "-I", os.path.join(root, "include"), source, "-o", binary], check=True)
        out = subprocess.run([binary], stdout=subprocess.PIPE, check=True).stdout.decode()
    return out.splitlines()


def compare(name, kept, now):
    return [line for line in difflib.unified_diff(kept, now, name + " as kept", name + " as built", lineterm="", n=1)]


def kept(here, name):
    path = os.path.join(here, name)
    return lint.read(here, name).splitlines() if os.path.exists(path) else []


def self_test(tap, compiler):
    header = ("#include <stdint.h>\n#define VAULT_API\ntypedef struct vault_t {\n  uint64_t size; /* ; */\n"
              "  int32_t a, b[3];\n  void (*call)(void *self, int n);\n  union {\n    int x;\n    char y;\n  };\n"
              "  struct {\n    int in;\n  } inner;\n} vault_t;\nVAULT_API const char *vault_new_one(vault_t *t);\n")
    with lint.Sample({"include/vault/t.h": header}) as root:
        want = ["struct vault_t 48", "  size 0", "  a 8", "  b 12", "  call 24", "  x 32", "  y 32", "  inner 36"]
        want[0] = "struct vault_t 40"
        tap.rule("reads a structure", compare("layout", want, layout(root, compiler)))
        tap.rule("reads a declaration", compare("names", ["vault_new_one"], declared(root)))
    tap.finds("a member that moved", compare("layout", ["struct s 8", "  a 0"], ["struct s 16", "  a 8"]), "-  a 0", "+  a 8")


def main(args):
    update = "--update" in args
    root, library, *compiler = [a for a in args if a != "--update"]
    here = os.path.join(root, "tests", "abi")
    now = {"symbols.txt": exported(library), "layout.txt": layout(root, compiler)}
    if update:
        for name, lines in now.items():
            with open(os.path.join(here, name), "w", encoding="utf-8") as f:
                f.write("\n".join(lines) + "\n")
        return
    tap = lint.Tap()
    self_test(tap, compiler)
    tap.rule("libvault.so exports what the headers declare",
             compare("names", declared(root), now["symbols.txt"]))
    for name, lines in now.items():
        tap.rule("%s is that of the library (else tests/abi/update.sh)" % name, compare(name, kept(here, name), lines))
    tap.finish()


if __name__ == "__main__":
    main(sys.argv[1:])
