#!/usr/bin/env python3
"""Full disks under a running vaultd: 507, nothing half-written, deletion works, and uploads work again when there is
space, without a restart."""
import contextlib
import os
import random
import subprocess
import sys
import tempfile
import shutil

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import disk
import workload as w
import tap
import vd

LONG = bool(os.environ.get("VT_LONG"))
SEED = os.environ.get("VT_SEED") or str(random.randrange(1 << 32))
DISK_BYTES = 512 << 20
BALLAST = 4096
POINTS = 48 if LONG else 6  # how much is left when the uploads begin
LEFT_MAX = 600 << 10
TRIES = 400


@contextlib.contextmanager
def small(kind, data):
    """A server on a small file system: everything on it, or the store alone (data=False)."""
    if os.geteuid() != 0:
        raise tap.Skip("needs root to mount a small file system")
    top = tempfile.mkdtemp(prefix="vault-full-")
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, top, True)
        at = os.path.join(top, "small")
        os.mkdir(at)
        try:
            kind(top, at, stack)
        except (subprocess.CalledProcessError, AssertionError, OSError) as e:
            raise tap.Skip(f"cannot mount a small file system here: {e}") from e
        env = w.environment(VAULT_SMS="file:" + os.path.join(top, "sms"))
        if not data:
            env["VAULT_STORAGE"] = "file:" + os.path.join(at, "storage")
        folder = os.path.join(at if data else top, "data")
        os.mkdir(folder)
        server = vd.Server(env=env, data=folder, start=False)
        server.codes, server.log_path = os.path.join(top, "sms"), os.path.join(top, "log")
        stack.callback(server.drop_database)
        stack.callback(server.remove)
        server.start()
        yield server, at


def tmpfs(options):
    def mount(_, at, stack):
        disk.run("mount", "-t", "tmpfs", "-o", options, "none", at)
        stack.callback(disk.run, "umount", at)
    return mount


def ext4(*options):
    def mount(top, at, stack):
        image = os.path.join(top, "image")
        disk.make_image(image, DISK_BYTES, *options)
        stack.enter_context(disk.mounted(image, at, "noatime"))
    return mount


def fill(at, left):
    """Take all blocks but so many bytes; the file that holds them."""
    path = os.path.join(at, "ballast")
    free = os.statvfs(at)
    size = free.f_bavail * free.f_frsize - left
    with open(path, "wb") as f:
        while size > 0:
            try:
                os.posix_fallocate(f.fileno(), 0, size)
                break
            except OSError:  # the file system takes some for itself
                size -= BALLAST
    return path


def fill_inodes(at, left):
    folder = os.path.join(at, "ballast")
    os.mkdir(folder)
    for n in range(max(0, os.statvfs(at).f_favail - left)):
        with open(os.path.join(folder, str(n)), "wb"):
            pass
    return folder


def free(path):
    shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


def client_on(server):
    c = w.Client(0, server, SEED)
    c.spare_s = 0
    c.set_up()
    for op in (w.put_small, w.put_large, w.put_small, w.put_large):
        c.step(op)
    return c


def until_refused(c, operations):
    """Upload until there is no room; how often it was acknowledged."""
    for n in range(TRIES):
        try:
            c.step(operations[n % len(operations)])
        except w.Refused as e:
            assert e.answer.status == 507 and e.answer.problem() == "disk_full", str(e)
            c.under_way = None
            c.go_on_from(w.check(c, [c.state]))  # wholly absent: it was refused
            return n
    raise AssertionError(f"{TRIES} uploads into a full disk were acknowledged")


def emptied(c, at, ballast):
    """There is room again: the same process goes on, and what it said holds after a restart."""
    free(ballast)
    for op in (w.put_small, w.put_large, w.put_again):
        c.step(op)
    c.go_on_from(w.check(c, [c.state]))
    c.close()
    c.server.kill()
    c.server.start()
    w.check(c, [c.state])
    w.fsck(c.server)
    c.close()


def deletes(c):
    """What people do about a full disk."""
    for op in (w.delete, w.purge):
        c.step(op)
    w.check(c, [c.state])


def deletes_or_says(c):
    """The log of a database on the full disk may have no room for a deletion either. 1: it had."""
    try:
        c.step(w.delete)
        return 1
    except w.Refused as e:
        assert e.answer.status == 507 and e.answer.problem() == "disk_full", str(e)
        c.under_way = None
        c.go_on_from(w.check(c, [c.state]))
        return 0


@tap.test(f"a full store, at {POINTS} fill points: 507, deletion works, and it goes on when there is room")
def _():
    print(f"# VT_SEED={SEED}", flush=True)
    r = random.Random(SEED)
    acknowledged = []
    with small(ext4("-O", "^has_journal", "-m", "0"), data=False) as (server, at):
        c = client_on(server)
        for i in range(POINTS):
            ballast = fill(at, r.randrange(0, LEFT_MAX, BALLAST))
            acknowledged.append(until_refused(c, (w.put_large,)))
            deletes(c)
            emptied(c, at, ballast)
        c.close()
    print(f"# acknowledged before the end of the space: {acknowledged}", flush=True)
    assert any(acknowledged) and len(set(acknowledged)) > 1, acknowledged


@tap.test(f"a full disk under everything, at {POINTS} fill points")
def _():
    if os.environ.get("VT_DATABASE") == "postgres":
        raise tap.Skip("PostgreSQL's own disk is not this server's")
    r = random.Random(SEED)
    acknowledged, removed = [], 0
    with small(ext4("-J", "size=4", "-m", "0"), data=True) as (server, at):
        c = client_on(server)
        for i in range(POINTS):
            ballast = fill(at, r.randrange(0, LEFT_MAX, BALLAST))
            acknowledged.append(until_refused(c, (w.put_small, w.put_large)))
            removed += deletes_or_says(c)
            emptied(c, at, ballast)
        c.close()
    print(f"# acknowledged before the end of the space: {acknowledged}; {removed} deletions", flush=True)


@tap.test("no inodes left: 507, deletion works, and it goes on when there are some")
def _():
    with small(tmpfs("size=64m,nr_inodes=200"), data=False) as (server, at):
        c = client_on(server)
        ballast = fill_inodes(at, 5)
        n = until_refused(c, (w.put_large,))
        print(f"# {n} uploads before the last inode", flush=True)
        assert 0 < n <= 5
        deletes(c)
        emptied(c, at, ballast)


tap.run()
