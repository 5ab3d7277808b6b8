#!/usr/bin/env python3
"""Each system call of an upload and of a deletion fails once, on a real vaultd: a clear answer, nothing that was
acknowledged is lost, and what the failure must lead to."""
import os
import random
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import trace
import workload as w
import tap
import vd
from fault_rig import ERRORS, FLUSHES, LONG, SEED, STUCK_S, attempt, fresh, one, targets, template

PER_KIND = 1 << 30 if LONG else 2  # of each scenario, call and sort of file
FAILURES = 3  # of flushes of bodies within a minute, docs/durability.md D10
CHECKPOINT_PUTS = 100  # fill the log with more than it holds back while nothing else is to do

SCENARIOS = {
    "a small upload": w.put_small,
    "a large upload": w.put_large,
    "a new version": w.put_again,
    "a batch of small files": w.put_batch,
    "a resumable upload's creation": w.upload_create,
    "a part of it": w.upload_part,
    "its last part": w.upload_rest,
    "giving it up": w.upload_cancel,
    "a move to the trash": w.delete,
    "a purge": w.purge,
}


def sample(found, r):
    groups = {}
    for t in found:
        groups.setdefault((t[0], t[2]), []).append(t)  # the first of them is always one of the operation's own
    return [t for g in groups.values() for t in (g if len(g) <= PER_KIND else g[:1] + r.sample(g[1:], PER_KIND - 1))]


def scenario(template, name, operation):
    r = random.Random(SEED)
    found = targets(template, operation)
    assert any(t[0] in FLUSHES for t in found), f"no flush in {found}"
    bad, seen, missed = [], {}, 0
    chosen = [(t, e) for t in sample(found, r) for e in (ERRORS[t[0]] if LONG else ERRORS[t[0]][:1])]
    for target, error in chosen:
        try:
            key = one(template, operation, target, error)
        except AssertionError as e:
            bad.append(f"{target} {error}: {e!s:.700}")
            continue
        if key is None:
            missed += 1
        else:
            seen[key] = seen.get(key, 0) + 1
    print(f"# {name}: {len(found)} calls, {len(chosen)} failed, {missed} not reached; {seen}", flush=True)
    assert not bad, f"{len(bad)} bad: " + "\n".join(bad[:5])
    assert missed * 4 <= len(chosen) * 3, f"{missed} of {len(chosen)} were not reached: the runs differ"
    flushed = [k for k in seen if k.split()[0] in FLUSHES]
    assert flushed, f"no flush failed: {seen}"


@tap.test("three failed flushes of bodies in a minute: the store takes no more, and serves on")
def _():
    server, client = template().server()
    try:
        with tempfile.TemporaryDirectory(prefix="vault-trace-") as d:
            with trace.Trace(server.process.pid, d, inject="fsync:error=EIO", calls="fsync") as t:
                for _ in range(FAILURES):
                    what, why = attempt(client, w.put_large)
                    assert what == "refused" and why.status >= 500, (what, why)
                    client.under_way = None
            assert len(t.injected) >= FAILURES, t.injected
        what, why = attempt(client, w.put_large)
        assert what == "refused" and (why.status, why.problem()) == (503, "read_only"), (what, why and why.body)
        client.under_way = None
        files = client.state.copy()
        files.uploads = {}  # where an open upload stands is only told by a store that it could go on in
        w.check(client, [files])
        server.kill()
        server.start()
        client.close()
        client.go_on_from(w.check(client, [client.state]))
        client.step(w.put_large)
        w.check(client, [client.state])
        client.close()
    finally:
        server.remove()
        shutil.rmtree(server.data, ignore_errors=True)


def put_fat(c, s, r):
    """As much of the log as one upload can take, whether the body stands in its row or not."""
    return w.put_at(c, s, "fat.bin", w.Body(c.next_seed(), w.INLINE_MAX - 1))


def checkpoint_fails(call, error):
    """Fill the log until its content goes to the database, and let that fail."""
    server, client = template().server()
    client.acknowledged = lambda c: c.history.__delitem__(slice(None, -1))
    try:
        with tempfile.TemporaryDirectory(prefix="vault-trace-") as d:
            database = os.path.join(server.data, "vault.db")
            with trace.Trace(server.process.pid, d, inject=f"{call}:error={error}:when=1", calls=call,
                             path=database) as t:
                for _ in range(CHECKPOINT_PUTS):
                    if t.injected or attempt(client, put_fat)[0] != "done":
                        break
                vd.eventually(lambda: t.injected, "a checkpoint", STUCK_S)
            flush = call in FLUSHES
            what, why = attempt(fresh(client), w.put_small) if flush else attempt(client, w.put_small)
            refused = what == "refused" and why.status == 503
            assert refused if flush else (what == "done" or refused), (what, why and why.body)
        states = w.possible(client)
        server.kill()
        server.start()
        client.close()
        client.go_on_from(w.check(client, states))
        client.step(w.put_large)
        w.check(client, [client.state])
        client.close()
        w.fsck(server)
    finally:
        server.remove()
        shutil.rmtree(server.data, ignore_errors=True)


for call, error in (("fdatasync", "EIO"), ("pwrite64", "EIO"), ("pwrite64", "ENOSPC"))[:3 if LONG else 1]:
    tap.test(f"a checkpoint whose {call} fails with {error}: nothing is lost")(
        lambda c=call, e=error: checkpoint_fails(c, e))

for title, operation in SCENARIOS.items():
    tap.test(f"every call of {title} fails once")(lambda t=title, o=operation: scenario(template(), t, o))

tap.run()
