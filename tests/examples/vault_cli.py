"""examples/vault_cli: a second delivery layer on the public headers, used from a terminal's point of view."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import tap  # noqa: E402
import tree  # noqa: E402

EXAMPLE = os.environ["VT_EXAMPLE"]
PHONE = "+905321234567"
ENTRIES = 60
PROMPT = b"code: "

work = pathlib.Path(tempfile.mkdtemp(prefix="vault-cli-"))
vault = work / "vault"
source = work / "ağaç"


def environment():
    return {k: v for k, v in os.environ.items() if not k.startswith("VAULT_")}


def cli(*args, data=vault):
    return subprocess.run([EXAMPLE, data, *args], env=environment(), stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=120)


def good(*args):
    done = cli(*args)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode()


def refused(words, *args, code=1, data=vault):
    done = cli(*args, data=data)
    said = done.stderr.decode(errors="replace")
    assert done.returncode == code, (done.returncode, said)
    assert words in said, said
    assert len(said.strip().splitlines()) == 1, said


def login(phone, answer):
    """(exit code, stderr); answer makes what is typed from the code that the terminal showed."""
    with subprocess.Popen([EXAMPLE, vault, "login", phone], env=environment(), stdin=subprocess.PIPE,
                          stderr=subprocess.PIPE) as p:
        said = b""
        while not said.endswith(PROMPT):
            byte = os.read(p.stderr.fileno(), 1)
            assert byte, said
            said += byte
        code = re.search(rb"#(\d{6})", said).group(1)
        _, rest = p.communicate(answer(code) + b"\n", timeout=60)
    return p.returncode, rest.decode()


def files_of(root):
    """{path: (bytes, time)} of the files, and the set of folders."""
    files, folders = {}, set()
    for folder, inner, names in os.walk(root):
        folders.update(os.path.relpath(os.path.join(folder, f), root) for f in inner)
        for name in names:
            path = pathlib.Path(folder, name)
            files[os.path.relpath(path, root)] = (path.read_bytes(), path.stat().st_mtime_ns)
    return files, folders


@tap.test("nobody is logged in at first, and it says how to")
def _():
    refused("login PHONE", "ls")


@tap.test("a malformed number, a wrong code and a right one")
def _():
    refused("(phone_invalid)", "login", "0532 12")
    wrong = lambda code: b"%06d" % ((int(code) + 1) % 1000000)  # noqa: E731
    code, said = login("+905321234568", wrong)
    assert code == 1 and "(code_invalid)" in said, (code, said)
    code, said = login(PHONE, lambda code: code)
    assert code == 0 and "logged in as " + PHONE in said, (code, said)


@tap.test("a second code too soon is refused with the time to wait")
def _():
    refused("(rate_limited)", "login", PHONE)


@tap.test("a tree goes in and comes back: bytes, names, times")
def _():
    source.mkdir()
    tree.make(source, seed=7, entries=ENTRIES, sparse_bytes=3 << 20, real=tree.real_files(5))
    good("put", source)
    good("get", "/ağaç", work / "back")
    assert files_of(work / "back") == files_of(source)


@tap.test("again: the same tree is the same items, and nothing local is overwritten")
def _():
    good("put", source)
    assert good("ls").splitlines() == [f"{0:14}  ağaç/"]
    refused("exists", "get", "/ağaç/seyrek.bin", work / "back" / "seyrek.bin")


@tap.test("ls shows names and sizes")
def _():
    shown = {line[16:]: int(line[:14]) for line in good("ls", "/ağaç").splitlines()}
    local = {e.name + "/" * e.is_dir(): e.stat().st_size * e.is_file() for e in os.scandir(source)}
    assert shown == local, (shown, local)


@tap.test("mv renames and moves, rm throws away")
def _():
    good("mv", "/ağaç/seyrek.bin", "/ağaç/gerçek/yeni ad.bin")
    refused("(not_found)", "get", "/ağaç/seyrek.bin", work / "x")
    good("get", "/ağaç/gerçek/yeni ad.bin", work / "moved")
    assert (work / "moved").read_bytes() == (source / "seyrek.bin").read_bytes()
    good("rm", "/ağaç/gerçek")
    refused("(not_found)", "ls", "/ağaç/gerçek")
    assert "gerçek/" not in good("ls", "/ağaç")


@tap.test("what cannot be done is said in one line")
def _():
    refused("(not_found)", "ls", "/yok")
    refused("(not_found)", "rm", "/yok/daha")
    refused("(not_found)", "mv", "/yok", "/başka")
    refused("(name_invalid)", "mv", "/ağaç", "/" + "x" * 256)
    refused("(folder_cycle)", "mv", "/ağaç", "/ağaç/kat 1/ağaç")
    refused("No such file", "put", work / "missing")
    refused("No such file", "ls", data=work / "not" / "there")


@tap.test("wrong usage shows the usage and makes nothing")
def _():
    for words in (["frobnicate"], ["ls", "a", "b"], ["mv", "a"], []):
        done = cli(*words, data=work / "none")
        assert done.returncode == 2 and b"DATA login PHONE" in done.stderr, (words, done)
    assert not (work / "none").exists()


try:
    tap.run()
finally:
    shutil.rmtree(work, ignore_errors=True)
