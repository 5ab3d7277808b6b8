#!/usr/bin/env python3
"""A power cut under a vaultd: everything acknowledged before it is there afterwards. The same checker
must find three servers that forget some of their flushes."""
import contextlib
import os
import random
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import disk
import workload as w
import tap
import vd

LONG = bool(os.environ.get("VT_LONG"))
IMAGES = int(os.environ.get("VT_IMAGES") or (240 if LONG else 10))
MUTANT_IMAGES = 40  # at most so many; one is enough to be caught
CLIENTS = 6
STEPS = (10, 30)  # of each client: alone, and all at the same time
SEED = os.environ.get("VT_SEED") or str(random.randrange(1 << 32))
BEGIN = "begin"


class Run:
    """One recorded run of a server. drop: the flushes that it forgets."""

    def __init__(self, top, drop=None):
        env = w.environment()
        if drop:
            env.update(LD_PRELOAD=disk.BUILD + "drop_flush.so", DROP_FLUSH=drop,
                       DROP_FLUSH_FROM=os.path.join(top, BEGIN))
        with contextlib.ExitStack() as stack:
            recorder = disk.Recorder(top, stack)
            data = os.path.join(recorder.folder, "data")
            os.mkdir(data)
            server = server_at(data, top, env)
            try:
                self._work(server, recorder)
            finally:
                server.kill()
        self.log = disk.Log(recorder)
        self.begin = next(at for at, text in self.log.marks if text == BEGIN)

    def _work(self, server, recorder):
        self.clients = [w.Client(i, server, SEED) for i in range(CLIENTS)]
        for c in self.clients:
            c.set_up()
            for _ in range(STEPS[0] // 2):
                c.step()
            c.acknowledged = lambda c: recorder.mark(f"{c.number} {len(c.history) - 1}")
        self.first = [len(c.history) - 1 for c in self.clients]
        recorder.mark(BEGIN)
        with open(os.path.join(os.path.dirname(recorder.log), BEGIN), "w"):
            pass
        for c in self.clients:  # one by one: nobody else's flush covers for a missing one
            for _ in range(STEPS[0]):
                c.step()
        failed = []

        def several(c):
            try:
                for _ in range(STEPS[1]):
                    c.step()
            except BaseException as e:
                failed.append(e)
        threads = [threading.Thread(target=several, args=(c,)) for c in self.clients]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if failed:
            raise failed[0]
        for c in self.clients:
            c.close()

    def promised(self, end):
        """[(client, states that it may be in)] at this record of the log."""
        told = list(self.first)
        for text in self.log.marks_before(end):
            if text != BEGIN:
                number, n = map(int, text.split())
                told[number] = n
        return [(c, c.history[n:n + 2]) for c, n in zip(self.clients, told)]


def server_at(data, top, env):
    """The database, the store and the keys are on the disk, the codes and the log are beside it."""
    s = vd.Server(env={**env, "VAULT_SMS": "file:" + os.path.join(top, "sms")}, data=data, start=False)
    s.codes, s.log_path = os.path.join(top, "sms"), os.path.join(top, "log")
    s.start()
    return s


def look(image, top, promised):
    """Mount what the power cut left, start the real server on it, and compare."""
    with disk.mounted(image, os.path.join(top, "after")) as at:
        server = server_at(os.path.join(at, "data"), top, w.environment())
        try:
            for c, _ in promised:
                c.server, c.connection = server, None
            for c, states in promised:
                w.check(c, states)
                c.close()
            w.fsck(server)
        finally:
            server.kill()


def bad_images(run, top, count, enough=None):
    """What is wrong in so many images; stops after `enough` bad ones."""
    r = random.Random(SEED)
    cuts = run.log.cuts(run.begin, count, r)
    bad, image, n = [], os.path.join(top, "cut.img"), 0
    images = run.log.images(cuts, image, r)
    with contextlib.closing(images):
        for flush, end, how in images:
            n += 1
            try:
                look(image, top, run.promised(end))
            except (AssertionError, OSError) as e:
                bad.append((type(e), f"cut at {flush}..{end}, {how}: {str(e)[:600]!r}"))
                if enough and len(bad) >= enough:
                    break
    return n, bad


@contextlib.contextmanager
def folder():
    why = disk.why_not()
    if why:
        raise tap.Skip(why)
    top = tempfile.mkdtemp(prefix="vault-power-")
    try:
        yield top
    finally:
        shutil.rmtree(top, ignore_errors=True)


@tap.test(f"{IMAGES} power cuts: everything acknowledged is there")
def _():
    with folder() as top:
        print(f"# VT_SEED={SEED}", flush=True)
        start = time.monotonic()
        run = Run(top)
        recorded = time.monotonic()
        n, bad = bad_images(run, top, IMAGES)
        print(f"# {len(run.log.marks)} marks, {len(run.log.writes)} writes, {len(run.log.flushes)} flushes in "
              f"{recorded - start:.1f} s; {n} images, {len(bad)} bad", flush=True)
        assert n >= IMAGES, n
        assert not bad, "\n".join(text for _, text in bad[:3])


def mutant(drop):
    if os.environ.get("VT_SANITIZED"):
        raise tap.Skip("a sanitizer's own library must come first")
    with folder() as top:
        n, bad = bad_images(Run(top, drop), top, MUTANT_IMAGES, enough=1)
        assert bad, f"{n} images and nothing found: the checker is blind"
        (kind, text), = bad
        assert kind is w.Lost or drop in ("log", "all"), text  # not for a reason beside the point
        print(f"# image {n}: {text[:400]}", flush=True)


for name in ("blobs", "directories", "log", "all"):
    tap.test(f"a server that forgets to flush ({name}) is caught")(lambda name=name: mutant(name))

tap.run()
