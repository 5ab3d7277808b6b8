#!/usr/bin/env python3
"""check_install.py ROOT BUILD PREFIX COMPILER: what `meson install` puts in place is enough for a
second project, that knows nothing but pkg-config."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import tap  # noqa: E402

ROOT, BUILD, PREFIX = (os.path.abspath(p) for p in sys.argv[1:4])
COMPILER = sys.argv[4:]
HERE = os.path.dirname(os.path.abspath(__file__))
tmp = tempfile.mkdtemp(prefix="vault-install-")


def run(*command, env=None):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=240,
                          env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL)
    text = done.stdout.decode(errors="replace")
    assert done.returncode == 0, "%s\nleft with %d:\n%s" % (" ".join(command), done.returncode, text[-3000:])
    return text


class Installed:
    """A prefix, moved to `where` as a package is: only the first line of each .pc file says where."""

    def __init__(self, where):
        run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", where)
        self.prefix = where + PREFIX
        (self.pc,) = [d for d, _, names in os.walk(self.prefix) if "libvault.pc" in names]
        for name in os.listdir(self.pc):
            path = os.path.join(self.pc, name)
            with open(path, encoding="utf-8") as f:
                text = re.sub(r"^prefix=.*", "prefix=" + self.prefix, f.read(), flags=re.MULTILINE)
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        self.lib = os.path.dirname(self.pc)

    def flags(self, *args):
        return run("pkg-config", *args, env={"PKG_CONFIG_PATH": self.pc}).split()

    def build(self, source, *flags):
        program = os.path.join(tmp, os.path.basename(source) + ".out")
        run(*COMPILER[:1], "-Wall", "-Wextra", "-Werror", "-c", source, "-o", program + ".o",
            *[f for f in flags if f.startswith(("-I", "-D", "-pthread"))])
        # Without warnings: where the archive was made with LTO, this is what compiles the library.
        run(*COMPILER, "-w", program + ".o", "-o", program, *flags)
        return program

    def files(self):
        return sorted(os.path.relpath(os.path.join(d, n), self.prefix)
                      for d, _, names in os.walk(self.prefix) for n in names)


shared = Installed(os.path.join(tmp, "shared"))
static = Installed(os.path.join(tmp, "static"))
for left in os.listdir(static.lib):
    if left.startswith("libvault.so"):
        os.remove(os.path.join(static.lib, left))


@tap.test("the headers that are installed are those of include/vault")
def _():
    want = {os.path.relpath(os.path.join(d, n), os.path.join(ROOT, "include"))
            for d, _, names in os.walk(os.path.join(ROOT, "include", "vault")) for n in names if n.endswith(".h")}
    have = {f[len("include/"):] for f in shared.files() if f.startswith("include/vault/")}
    assert have == want, have ^ want
    assert all(n.endswith(".h") for n in have), have


@tap.test("nothing else is installed")
def _():
    lib = os.path.relpath(shared.lib, shared.prefix)
    want = {lib + "/" + n for n in ("libvault.a", "libvault.so", "libvault.so.0", "libvault.so.0.1.0",
                                    "libvault-contract.a", "pkgconfig/libvault.pc", "pkgconfig/libvault-contract.pc")}
    want |= {"include/vault-contract/contract.h", "bin/vaultd"}
    have = {f for f in shared.files() if not f.startswith("include/vault/")}
    assert want - have <= {"bin/vaultd"} and have <= want, have ^ want


@tap.test("the soname is libvault.so.0")
def _():
    text = run("objdump", "-p", os.path.join(shared.lib, "libvault.so"))
    assert re.search(r"SONAME\s+libvault\.so\.0$", text, re.MULTILINE), text


@tap.test("libvault.pc asks for no other library of who links the shared one")
def _():
    assert shared.flags("--libs", "libvault") == ["-L" + shared.lib, "-lvault"], shared.flags("--libs", "libvault")
    assert shared.flags("--print-requires", "libvault") == []
    needed = shared.flags("--libs", "--static", "libvault")
    for name in ("-lpq", "-lsqlite3", "-lsodium", "-lcrypto", "-lutf8proc"):
        assert name in needed, (name, needed)
    text = "".join(open(os.path.join(shared.pc, n), encoding="utf-8").read() for n in os.listdir(shared.pc))
    assert BUILD not in text and ROOT not in text.replace(shared.prefix, ""), text


def example(at, *flags):
    """examples/embed_minimal.c signs in, backs up and restores."""
    program = at.build(os.path.join(ROOT, "examples", "embed_minimal.c"), *flags)
    data, source, copy = (os.path.join(tmp, n) for n in ("data", "source", "copy"))
    shutil.rmtree(data, ignore_errors=True)
    with open(source, "wb") as f:
        f.write(os.urandom(200000))
    if os.path.exists(copy):
        os.remove(copy)
    run(program, data, "+905321234567", source, copy, env={"LD_LIBRARY_PATH": at.lib})
    with open(source, "rb") as a, open(copy, "rb") as b:
        assert a.read() == b.read()
    return program


@tap.test("a second project links the shared library, and runs")
def _():
    program = example(shared, *shared.flags("--cflags", "--libs", "libvault"))
    assert "libvault.so.0" in run("objdump", "-p", program)


@tap.test("a second project links the static library, and runs")
def _():
    program = example(static, *static.flags("--cflags", "--libs", "--static", "libvault"))
    assert "libvault.so" not in run("objdump", "-p", program)


@tap.test("an adapter of one's own is tried with the installed contract suite")
def _():
    flags = shared.flags("--cflags", "--libs", "libvault-contract")
    program = shared.build(os.path.join(HERE, "own_clock.c"), *flags)
    text = run(program, env={"LD_LIBRARY_PATH": shared.lib})
    assert re.search(r"^100%: Checks: [1-9]", text, re.MULTILINE), text
    done = subprocess.run([program, "backwards"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          env={**os.environ, "LD_LIBRARY_PATH": shared.lib}, timeout=120)
    assert done.returncode == 1, "a clock that runs backwards passed: %s" % done.stdout.decode()


@tap.test("the functions are there for C++")
def _():
    if not shutil.which("g++"):
        raise tap.Skip("there is no g++")
    source, program = os.path.join(tmp, "a.cc"), os.path.join(tmp, "a.out")
    with open(source, "w", encoding="utf-8") as f:
        f.write('#include <vault/vault.h>\nint main() { return vault_status_code(VAULT_OK)[0] ? 0 : 1; }\n')
    run("g++", "-std=c++11", source, "-o", program, *shared.flags("--cflags", "--libs", "libvault"))
    run(program, env={"LD_LIBRARY_PATH": shared.lib})


try:
    tap.run()
finally:
    shutil.rmtree(tmp, ignore_errors=True)
