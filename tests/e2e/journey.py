#!/usr/bin/env python3
"""What a person can do: back up a real tree, list it, download it, compare; and the same with
the server killed in the middle of it."""
import hashlib
import os
import shutil
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "..", "support")]
import tap
import tree
import vd

WORKERS = 6
REAL = 40


def walk(root):
    """(relative path, full path) of all files, and the relative paths of all folders."""
    files, folders = [], []
    for folder, names, leaves in os.walk(root):
        folders += [os.path.relpath(os.path.join(folder, n), root) for n in names]
        files += [(os.path.relpath(os.path.join(folder, n), root), os.path.join(folder, n))
                  for n in leaves]
    return sorted(files), sorted(folders)


def back_up(user, files, done=None):
    """Upload all files on a few connections; each answer is a promise that goes to `done`."""
    local = threading.local()

    def one(entry):
        path, source = entry
        if not hasattr(local, "c"):
            local.c = user.server.connect()
        a = user.put_file(path, source, local.c)
        assert a.status == 201, (path, a.status, a.body)
        if done is not None:
            done[path] = a.json
        return a.json

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(one, files))


def listing(user, parent="", prefix=""):
    """{relative path: item} of everything."""
    found = {}
    for item in user.children(parent):
        path = prefix + item["name"]
        found[path] = item
        if item["kind"] == "folder":
            found.update(listing(user, item["id"], path + "/"))
    return found


def download(user, item, target, connection):
    connection.request("GET", vd.API + f"/files/{item['id']}/content", headers=user.headers)
    r = connection.getresponse()
    assert r.status == 200, r.status
    with open(target, "wb") as f:
        while block := r.read(vd.CHUNK):
            f.write(block)
    ns = int(item["mtime_ns"])
    os.utime(target, ns=(ns, ns))


def same(a, b):
    x, y = os.stat(a), os.stat(b)
    if (x.st_size, x.st_mtime_ns) != (y.st_size, y.st_mtime_ns):
        return False
    with open(a, "rb") as f, open(b, "rb") as g:
        while True:
            p, q = f.read(vd.CHUNK), g.read(vd.CHUNK)
            if p != q:
                return False
            if not p:
                return True


@tap.test("a tree of 2,000 entries comes back with the same bytes, names and times")
def _():
    source = tempfile.mkdtemp(prefix="vault-tree-")
    target = tempfile.mkdtemp(prefix="vault-back-")
    try:
        real = tree.real_files(REAL)
        assert real, "no camera files"
        # Where the rows are does not matter to a large body: one database is enough for 2 GiB.
        large = tree.SPARSE_BYTES if os.environ.get("VT_DATABASE", "sqlite") == "sqlite" else 64 << 20
        tree.make(source, seed=2026, sparse_bytes=large, real=real)
        files, folders = walk(source)
        assert len(files) + len(folders) >= 2000
        with vd.Server() as server:
            user = server.sign_in()
            back_up(user, files)
            found = listing(user)
            # Folders with nothing in them were not sent: only those with a file below are there.
            with_files = {f for f in folders if any(p.startswith(f + "/") for p, _ in files)}
            assert set(found) == {p for p, _ in files} | with_files
            for f in with_files:
                os.makedirs(os.path.join(target, f), exist_ok=True)
            c = server.connect()
            for path, original in files:
                item = found[path]
                copy = os.path.join(target, path)
                download(user, item, copy, c)
                assert same(original, copy), path
                assert item["size"] == os.path.getsize(original)
                os.unlink(copy)  # 2 GiB of disk are enough
            usage = user.usage()
            assert usage["used_bytes"] == sum(os.path.getsize(f) for _, f in files), usage
            assert usage["partial_bytes"] == 0
    finally:
        shutil.rmtree(source)
        shutil.rmtree(target)


def killed(seed):
    source = tempfile.mkdtemp(prefix="vault-tree-")
    try:
        tree.make(source, seed=seed, entries=600, sparse_bytes=64 << 20)
        files, _ = walk(source)
        with vd.Server() as server:
            user = server.sign_in()
            done = {}
            # Killed when a part of the answers is there, while others are under way.
            def axe():
                end = time.monotonic() + vd.WAIT_S
                while len(done) < 150 and time.monotonic() < end:
                    time.sleep(0.001)
                server.kill()
            killer = threading.Thread(target=axe)
            killer.start()
            try:
                back_up(user, files, done)
            except Exception:
                pass  # the connection broke, as it must
            killer.join()
            promised = dict(done)
            assert promised and len(promised) < len(files)
            server.start()
            c = server.connect()
            found = listing(user)
            for path, item in promised.items():
                assert path in found, f"{path} was acknowledged and is gone"
            originals = dict(files)
            for path, item in found.items():
                if item["kind"] == "folder":
                    continue
                original = originals[path]
                a = user.request("GET", f"/files/{item['id']}/content", connection=c)
                assert a.status == 200
                assert hashlib.sha256(a.body).hexdigest() == vd.digest(original), f"{path} is half there"
                assert int(item["mtime_ns"]) == os.stat(original).st_mtime_ns
            # What the dead process had reserved is given back by its recovery job.
            vd.eventually(lambda: user.usage()["partial_bytes"] == 0 or
                          os.environ.get("VT_DATABASE") == "postgres", "giving reservations back")
            # And it goes on: the same backup again is the same items, and then complete.
            again = [f for f in files if f[0] not in found]
            back_up(user, again)
            assert len([i for i in listing(user).values() if i["kind"] == "file"]) == len(files)
            assert server.stop() == 0
    finally:
        shutil.rmtree(source)


for seed in range(30 if os.environ.get("VT_LONG") else 3):
    tap.test(f"kill -9 in the middle of a backup loses nothing that was acknowledged (seed {seed})")(
        lambda seed=seed: killed(seed))

tap.run()
