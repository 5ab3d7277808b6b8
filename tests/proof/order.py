#!/usr/bin/env python3
"""The order of system calls for one answer: its bytes, name and row are flushed before it is sent."""
import os
import random
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import trace
import workload as w
import tap
import vd

TEXT_BYTES = 300_000  # of each call: whole pages of the log are looked through
WRITES = ("write", "pwrite64", "writev", "pwritev", "pwritev2")
SENDS = ("sendto", "sendmsg", "write", "writev")
FLUSHES = ("fsync", "fdatasync")


class Seen:
    """The calls of one request, with words for what they mean."""

    def __init__(self, calls):
        self.calls = calls

    def all(self, names, *parts, after=-1, before=1 << 60):
        """ended before `before`, begun after `after`"""
        return [c for c in self.calls if c.name in names and all(p in c.text for p in parts)
                and c.begin > after and c.end is not None and c.end < before and c.ok]

    def first(self, what, names, *parts, after=-1, before=1 << 60):
        found = self.all(names, *parts, after=after, before=before)
        assert found, f"no {what} between {after} and {before} in:\n" + "\n".join(map(repr, self.calls))
        return found[0]

    def answer(self, status):
        found = [c for c in self.calls if c.name in SENDS and f"HTTP/1.1 {status}" in c.text]
        assert len(found) == 1, found
        return found[0].begin


def run(request, status):
    """Trace one request to a warm server that has nothing else to do."""
    why = trace.why_not()
    if why:
        raise tap.Skip(why)
    env = w.environment(ASAN_OPTIONS="detect_leaks=0")  # which cannot work while traced
    with vd.Server(env=env) as server, tempfile.TemporaryDirectory(prefix="vault-trace-") as d:
        user = server.sign_in()
        for i in range(3):
            for n in (100, 200_000):
                assert user.put(f"/warm/{i}-{n}", random.randbytes(n)).status == 201
        item = user.put("/warm/item", b"to be deleted").json["id"]
        with trace.Trace(server.process.pid, d, text_bytes=TEXT_BYTES) as t:
            a = request(user, item)
            assert a.status == status, (a.status, a.body)
        return Seen(t.calls)


def text_of(n):
    """Found again in the pages of the log and in the files that it is written to."""
    return ("proof-of-order-" * (n // 15 + 1))[:n].encode()


def row_before(seen, answer, after=-1):
    """From `after` on: a row is written to the log and flushed before the answer."""
    wrote = seen.first("write of the log", WRITES, "vault.db-wal", after=after, before=answer)
    flush = seen.first("flush of the log", FLUSHES, "vault.db-wal", after=wrote.end, before=answer)
    later = [c for c in seen.all(WRITES, "vault.db-wal", after=flush.end, before=answer)]
    assert not later or seen.all(FLUSHES, "vault.db-wal", after=later[-1].end, before=answer), later
    return wrote, flush


@tap.test("a small upload: the flush of its bytes and its row ends before the answer is sent")
def _():
    body = text_of(4096)
    seen = run(lambda u, _: u.put("/warm/small", body), 201)
    answer = seen.answer(201)
    row_before(seen, answer)
    # Where they are: with the row, or in a file.
    holds = seen.all(WRITES, "proof-of-order-", before=answer)
    assert holds, "the bytes were never written before the answer"
    flushed = seen.all(FLUSHES, after=holds[-1].end, before=answer)
    assert any(("vault.db-wal" in f.text) == ("vault.db-wal" in holds[-1].text) for f in flushed), flushed


@tap.test("a large upload: body, link, directory, row, answer, each flushed before the next")
def _():
    body = text_of(150_000)
    seen = run(lambda u, _: u.put("/warm/large", body), 201)
    answer = seen.answer(201)
    wrote = seen.all(WRITES, "/storage/", "proof-of-order-", before=answer)
    assert wrote, "no write of the body"
    end = max(c.end for c in wrote)
    flush = seen.first("flush of the body", FLUSHES + ("syncfs",), "/storage/", after=end, before=answer)
    link = seen.first("link", ("linkat", "renameat2", "renameat"), "/storage/", after=flush.end, before=answer)
    folder = seen.first("flush of the directory", FLUSHES, "/storage/", after=link.end, before=answer)
    assert "/.vault/" not in folder.text, folder
    row_before(seen, answer, after=folder.end)


@tap.test("a move to the trash: its row is flushed before the answer is sent")
def _():
    seen = run(lambda u, item: u.request("DELETE", f"/files/{item}"), 200)
    answer = seen.answer(200)
    row_before(seen, answer)
    assert not seen.all(("unlinkat",), "/storage/"), "nothing is unlinked by it"


@tap.test("the trace has eyes: without flushes the order is not found")
def _():
    calls = [c for c in run(lambda u, _: u.put("/warm/small", text_of(10)), 201).calls if c.name not in FLUSHES]
    try:
        row_before(Seen(calls), Seen(calls).answer(201))
    except AssertionError:
        return
    raise AssertionError("a trace without a flush was taken for a good one")


tap.run()
