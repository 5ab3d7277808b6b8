#!/usr/bin/env python3
"""A failure of what many bodies share: the flush of a batch."""
import os
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import trace
import workload as w
import tap
import vd
from fault_rig import attempt, template

CLIENTS = 16  # more than a batch needs to flush the whole file system at once
TRIES = 5


def together(clients, operation):
    """[(what, answer)] of each, all at the same time."""
    got = [None] * len(clients)

    def one(i):
        got[i] = attempt(clients[i], operation)
    threads = [threading.Thread(target=one, args=(i,)) for i in range(len(clients))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return got


def again(server, clients):
    """After a kill and a restart everything that was acknowledged is there, and it goes on."""
    server.kill()
    server.start()
    for c in clients:
        c.close()
        c.go_on_from(w.check(c, w.possible(c)))
        c.close()
    w.fsck(server)


@tap.test("a failed flush of the whole file system fails every body of its batch")
def _():
    template()  # skips where nothing can be traced
    with vd.Server(env=w.environment(ASAN_OPTIONS="detect_leaks=0", VAULT_HTTP_WORKERS="16")) as server, \
            tempfile.TemporaryDirectory(prefix="vault-trace-") as d:
        clients = [w.Client(i, server, "batch") for i in range(CLIENTS)]
        for c in clients:
            c.set_up()
            c.step(w.put_large)
            c.spare_s = 0
        for _ in range(TRIES):
            # A slow flush lets the others wait for each other.
            with trace.Trace(server.process.pid, d, inject="fdatasync:delay_enter=100000", calls="fdatasync,syncfs",
                             more=("-e", "inject=syncfs:error=EIO:when=1")) as t:
                got = together(clients, w.put_large)
            failed = [why for what, why in got if what == "refused"]
            assert all(what in ("done", "refused") for what, _ in got), got
            assert all(why.status >= 500 and why.problem() for why in failed), [(x.status, x.body) for x in failed]
            if t.injected:
                break
            assert not failed, failed
        assert t.injected, "no batch was large enough"
        print(f"# {len(failed)} of {CLIENTS} were refused", flush=True)
        assert len(failed) >= 8, "fewer than a batch of bodies that share a flush"
        # Nothing of it holds on: the next bodies are taken by the same process.
        for c in clients:
            c.under_way = None
            c.step(w.put_large)
        again(server, clients)


tap.run()
