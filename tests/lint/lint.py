"""What the lints share: TAP, the list of our files, and a small reader of C."""
import os
import re
import sys
import tempfile

CODE_FOLDERS = ("include", "libvault", "server", "tests", "examples", "bench")
NOT_OURS = {"build", "data", "__pycache__", ".git"}


class Tap:
    """One test point for each rule; a problem is one line of text."""

    def __init__(self):
        self.n = 0
        self.failed = 0

    def rule(self, name, problems):
        self.n += 1
        problems = list(problems)
        print("%s %d - %s" % ("not ok" if problems else "ok", self.n, name))
        for problem in problems:
            print("# " + problem)
        self.failed += bool(problems)

    def finds(self, name, problems, *parts):
        """The proof that a rule can fail: `problems`, from a bad sample, name every one of parts."""
        text = "\n".join(problems)
        self.rule("finds " + name, ["not found in a bad sample: " + p for p in parts if p not in text])

    def finish(self):
        print("1..%d" % self.n)
        sys.exit(1 if self.failed else 0)


def walk(root, top, *ends):
    """Paths below root/top, relative to root, that end in one of ends."""
    found = []
    for folder, folders, names in os.walk(os.path.join(root, top)):
        folders[:] = sorted(f for f in folders if f not in NOT_OURS and not f.startswith("."))
        for name in sorted(names):
            if name.endswith(ends):
                found.append(os.path.relpath(os.path.join(folder, name), root))
    return found


def code(root, *tops):
    return [p for top in tops or CODE_FOLDERS for p in walk(root, top, ".c", ".h")]


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
        return f.read()


class Sample:
    """A folder with the given files, gone at the end of the `with`."""

    def __init__(self, files):
        self.files = files

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="vault-lint-")
        for path, text in self.files.items():
            full = os.path.join(self.folder.name, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as f:
                f.write(text)
        return self.folder.name

    def __exit__(self, *unused):
        self.folder.cleanup()


NOISE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def bare(text, strings=False):
    """C without comments, and without what is in quotes unless `strings`; the lines keep their places."""

    def replace(m):
        found = m.group(0)
        if found[0] in "\"'":
            return found if strings else found[0] * 2
        return " " + "\n" * found.count("\n")

    return NOISE.sub(replace, text)


def without_preprocessor(text):
    """Directives become empty lines; of a condition only the first branch is read."""
    out, goes_on, off = [], False, []
    for line in text.split("\n"):
        directive = goes_on or line.lstrip().startswith("#")
        if directive and not goes_on:
            word = re.match(r"\s*#\s*(\w*)", line).group(1)
            if word in ("if", "ifdef", "ifndef"):
                off.append(False)
            elif word in ("else", "elif") and off:
                off[-1] = True
            elif word == "endif" and off:
                off.pop()
        goes_on = directive and line.endswith("\\")
        out.append("" if directive or any(off) else line)
    return "\n".join(out)


class Function:
    def __init__(self, name, line, lines, body):
        self.name, self.line, self.lines, self.body = name, line, lines, body


def skip_braces(text, at):
    """The place after the brace that closes the one at `at`."""
    depth = 0
    for m in re.compile(r"[{}]").finditer(text, at):
        depth += 1 if m.group(0) == "{" else -1
        if depth == 0:
            return m.end()
    return len(text)


def functions(text):
    """The functions of a C file. START_TEST(name) counts as one with that name."""
    text = without_preprocessor(bare(text))
    text = re.sub(r'extern\s+""\s*\{', lambda m: " " * len(m.group(0)), text)
    found, start, at = [], 0, 0
    while True:
        m = re.compile(r"[;{}]").search(text, at)
        if not m:
            return found
        at = m.end()
        if m.group(0) == "{":
            head = text[start:m.start()]
            end = skip_braces(text, m.start())
            name = re.search(r"(\w+)\s*\(", re.sub(r"__attribute__\s*\(\(.*?\)\)", "", head))
            if name and "=" not in head.split("(")[0] and head.rstrip().endswith(")"):
                word = name.group(1)
                if word == "START_TEST":
                    word = re.search(r"START_TEST\s*\(\s*(\w+)", head).group(1)
                first = start + len(head) - len(head.lstrip())
                line = text.count("\n", 0, first) + 1
                found.append(Function(word, line, text.count("\n", first, end) + 1, text[m.start():end]))
                start = at = end
                continue
            at = end
            if name is None or "=" not in head:
                # a type; its ';' or declared name follows
                start = at if text[at:at + 1] != ";" else start
            continue
        start = at
