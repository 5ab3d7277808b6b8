"""examples/embed_minimal: a real file backed up and restored in one process."""
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import tap  # noqa: E402
import tree  # noqa: E402

EXAMPLE = os.environ["VT_EXAMPLE"]
PHONE = "+905321234567"


def run(*args):
    env = {k: v for k, v in os.environ.items() if not k.startswith("VAULT_")}
    return subprocess.run([EXAMPLE, *map(str, args)], env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120)


def there_and_back(content, mtime_ns, name="file.bin"):
    with tempfile.TemporaryDirectory(prefix="vault-example-") as folder:
        folder = pathlib.Path(folder)
        source, target = folder / name, folder / "restored"
        source.write_bytes(content)
        os.utime(source, ns=(mtime_ns, mtime_ns))
        done = run(folder / "vault", PHONE, source, target)
        assert done.returncode == 0, done.stderr
        assert str(target) in done.stdout, done.stdout
        assert target.read_bytes() == content
        assert target.stat().st_mtime_ns == mtime_ns, target.stat().st_mtime_ns


@tap.test("a camera file comes back with its bytes and its time")
def _():
    pictures = [f for f in tree.real_files(1000) if f.endswith(".heic")]
    if not pictures:
        raise tap.Skip("no .heic file below VT_MEDIA")
    there_and_back(pathlib.Path(pictures[0]).read_bytes(), 1_700_000_000_123_456_789, "fotoğraf.heic")


@tap.test("an empty file of before 1970, and one that is larger than every buffer")
def _():
    there_and_back(b"", -1)
    there_and_back(os.urandom(1 << 16) * 50 + b"x", 999_999_999)


def refused(code, words, *args):
    done = run(*args)
    assert done.returncode == code, (done.returncode, done.stderr)
    assert words in done.stderr, done.stderr


@tap.test("a bad phone number, a missing file and missing arguments end with a sentence")
def _():
    with tempfile.TemporaryDirectory(prefix="vault-example-") as folder:
        data, missing = os.path.join(folder, "vault"), os.path.join(folder, "missing")
        refused(1, "(phone_invalid)", data, "12", __file__, missing)
        refused(1, "No such file", data, PHONE, missing, missing)
        refused(2, "usage:", data)
        assert not os.path.exists(missing)
        refused(1, "could not be written", os.path.join(folder, "third"), PHONE, __file__, "/dev/full")
        refused(1, "could not be read", os.path.join(folder, "other"), PHONE, folder, missing)


tap.run()
