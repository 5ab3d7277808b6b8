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
RUNS = 4 if LONG else 1  # of the server, each with its share of the images
CLIENTS = 10
STEPS = 8  # of each client alone; then all at the same time
IDLE_S = 0.5
SEED = os.environ.get("VT_SEED") or str(random.randrange(1 << 32))
BEGIN = "begin"


class Run:
    """One recorded run of a server. drop: the flushes that it forgets."""

    def __init__(self, top, seed, drop=None):
        self.env = w.environment(**w.RESTLESS)
        if drop:
            self.env.update(LD_PRELOAD=disk.BUILD + "drop_flush.so", DROP_FLUSH=drop,
                            DROP_FLUSH_FROM=os.path.join(top, BEGIN))
        with contextlib.ExitStack() as stack:
            self.recorder = disk.Recorder(top, stack)
            data = os.path.join(self.recorder.folder, "data")
            os.mkdir(data)
            server = server_at(data, top, self.env)
            stack.callback(lambda: server.kill())
            self._begin(server, seed, os.path.join(top, BEGIN))
            self._alone()
            if not drop:  # a mutant is caught before
                self._work(server)
        self.log = disk.Log(self.recorder)
        self.begin = next(at for at, text in self.log.marks if text == BEGIN)

    def _begin(self, server, seed, sign):
        self.clients = [w.Client(i, server, seed) for i in range(CLIENTS)]
        for c in self.clients:
            c.set_up()
            for _ in range(STEPS // 2):
                c.step()
            c.acknowledged = lambda c: self.recorder.mark(f"{c.number} {len(c.history) - 1}")
        self.first = [len(c.history) - 1 for c in self.clients]
        self.recorder.mark(BEGIN)
        with open(sign, "w"):
            pass

    def _alone(self):
        for c in self.clients:  # one by one: nobody else's flush covers for a missing one
            for _ in range(STEPS):
                c.step()
            c.step(w.put_large)  # what most depends on more than one flush

    def _work(self, server):
        self._together(lambda c: [c.step() for _ in range(STEPS * 2)])
        for c in self.clients:  # recovery writes as well
            c.close()
        server.kill()
        server.start()
        self._together(lambda c: [c.step(w.put_large) for _ in range(STEPS // 2)])
        time.sleep(IDLE_S)  # what waits for idleness: it has to keep the promises too, whenever it runs
        self._together(lambda c: [c.step() for _ in range(STEPS)])
        for c in self.clients:
            c.close()

    def _together(self, work):
        failed = []

        def one(c):
            try:
                work(c)
            except BaseException as e:
                failed.append(e)
        threads = [threading.Thread(target=one, args=(c,)) for c in self.clients]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if failed:
            raise failed[0]

    def promised(self, end):
        """[(client, states that it may be in)] at this record of the log."""
        told = list(self.first)
        for text in self.log.marks_before(end):
            if text != BEGIN:
                number, n = map(int, text.split())
                told[number] = n
        return [(c, [c.history[n], *(s for nxt in c.history[n + 1:n + 2] for s in w.on_the_way(nxt))])
                for c, n in zip(self.clients, told)]


def server_at(data, top, env):
    """The database, the store and the keys are on the disk, the codes and the log are beside it."""
    s = vd.Server(env={**env, "VAULT_SMS": "file:" + os.path.join(top, "sms")}, data=data, start=False)
    s.codes, s.log_path = os.path.join(top, "sms"), os.path.join(top, "log")
    s.start()
    return s


def look(image, top, promised):
    """Mount what the power cut left, start the real server on it, and compare."""
    with disk.mounted(image, os.path.join(top, "after")) as at:
        server = server_at(os.path.join(at, "data"), top, w.environment(**w.RESTLESS))
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


def power_cuts():
    with folder() as top:
        for i in range(RUNS):
            part = os.path.join(top, str(i))
            os.mkdir(part)
            start = time.monotonic()
            run = Run(part, f"{SEED}.{i}")
            recorded = time.monotonic()
            n, bad = bad_images(run, part, IMAGES // RUNS)
            print(f"# VT_SEED={SEED}: {len(run.log.marks)} marks, {len(run.log.writes)} writes, "
                  f"{len(run.log.flushes)} flushes in {recorded - start:.1f} s; {n} images, {len(bad)} bad", flush=True)
            assert n >= IMAGES // RUNS, n
            assert not bad, "\n".join(text for _, text in bad[:3])
            shutil.rmtree(part)


tap.test(f"{IMAGES} power cuts: everything acknowledged is there")(power_cuts)


def mutant(drop):
    if os.environ.get("VT_SANITIZED"):
        raise tap.Skip("a sanitizer's own library must come first")
    with folder() as top:
        n, bad = bad_images(Run(top, SEED, drop), top, MUTANT_IMAGES, enough=1)
        assert bad, f"{n} images and nothing found: the checker is blind"
        (kind, text), = bad
        assert kind is w.Lost or drop in ("log", "all"), text  # not for a reason beside the point
        print(f"# image {n}: {text[:400]}", flush=True)


for name in ("blobs", "directories", "log", "all"):
    tap.test(f"a server that forgets to flush ({name}) is caught")(lambda name=name: mutant(name))

tap.run()
