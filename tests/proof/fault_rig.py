"""Calls of a running vaultd that fail, and what must follow. A data folder of a server that was in use is made once;
each run gets a copy.

The calls are counted in a clean run, thread by thread, because strace counts so; then each is run again on a copy
of the same data, with the N-th call of that name failing in whichever thread it comes. What failed is read from
the trace."""
import atexit
import copy
import http.client
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

LONG = bool(os.environ.get("VT_LONG"))
SEED = os.environ.get("VT_SEED") or str(random.randrange(1 << 32))
STUCK_S = 20
ANSWERS = ("sendmsg", "sendto")
FLUSHES = ("fsync", "fdatasync", "syncfs")
ERRORS = {  # call: what it fails with; the first in the short form
    "fsync": ("EIO",), "fdatasync": ("EIO",), "syncfs": ("EIO",),
    "write": ("ENOSPC", "EIO"), "pwrite64": ("ENOSPC", "EIO"), "writev": ("ENOSPC", "EIO"),
    "pwritev": ("ENOSPC", "EIO"), "pwritev2": ("ENOSPC", "EIO"),
    "linkat": ("ENOSPC", "EIO"), "renameat": ("EIO",), "renameat2": ("EIO",), "mkdirat": ("ENOSPC",),
    "openat": ("EMFILE",), "openat2": ("EMFILE", "EIO"), "ftruncate": ("EIO",),
}
# One worker, so that the same thread does the same in each run.
ENV = w.environment(VAULT_HTTP_WORKERS="1", ASAN_OPTIONS="detect_leaks=0")


class Template:
    """A data folder of a server that was in use, and its client; each run gets a copy."""

    def __init__(self, top):
        self.top, self.data = top, os.path.join(top, "template")
        os.mkdir(self.data)
        server = vd.Server(env=ENV, data=self.data)
        self.client = w.Client(0, server, SEED)
        self.client.set_up()
        for op in (w.put_small, w.put_large, w.put_large, w.delete, w.put_small, w.delete, w.put_large,
                   w.upload_create, w.upload_create, w.upload_part):
            self.client.step(op)
        self.client.close()
        assert server.stop() == 0
        self.runs = 0

    def server(self):
        self.runs += 1
        data = os.path.join(self.top, f"run{self.runs}")
        shutil.copytree(self.data, data, symlinks=True)
        server = vd.Server(env=ENV, data=data)
        client = copy.copy(self.client)
        client.server, client.connection, client.spare_s = server, None, 0
        client.history, client.ids = [self.client.state.copy()], set(self.client.ids)
        client.random = random.Random(SEED)
        # Signed in and connected: what is traced is the operation alone.
        w.check(client, [client.state])
        return server, client


def sort_of(call, data):
    """Which file a call is about; None where its failing is nobody's business (the log of events, an eventfd)."""
    if call.name not in ERRORS or data not in call.text:
        return None
    if "vault.db" in call.text:
        return "database"
    return "storage" if f"{data}/storage" in call.text else None


def targets(template, operation):
    """[(call, which one in its thread, sort of file)] of two clean runs: what both have is the operation's."""
    return sorted(clean_run(template, operation) & clean_run(template, operation))


def clean_run(template, operation):
    server, client = template.server()
    with tempfile.TemporaryDirectory(prefix="vault-trace-") as d:
        with trace.Trace(server.process.pid, d) as t:
            client.step(operation)
        calls = t.calls
    server.kill()
    shutil.rmtree(server.data)
    found, counts = set(), {}
    for c in calls:
        n = counts[c.tid, c.name] = counts.get((c.tid, c.name), 0) + 1
        if sort := sort_of(c, server.data):
            found.add((c.name, n, sort))
    return found


def attempt(client, operation):
    """(what happened, the answer): done, refused or cut."""
    try:
        client.step(operation)
        return "done", None
    except w.Refused as e:
        return "refused", e.answer
    except (OSError, http.client.HTTPException) as e:
        assert not isinstance(e, TimeoutError), "no answer at all"
        client.close()
        return "cut", None


def connect_soon(server):
    """Like connect, with a patience that tells a slow answer from none."""
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=STUCK_S)


def _told(text):
    """207 says of each file by itself what became of it."""
    return any(f"HTTP/1.1 {n}" in text for n in (200, 201, 204))


class Fault:
    """The call that failed in a run, and whether a success was told after that."""

    def __init__(self, calls, data):
        failed = [c for c in calls if "(INJECTED)" in c.text and sort_of(c, data)]
        self.found = bool(failed)
        if failed:
            self.sorts = {sort_of(c, data) for c in failed}
            self.flush = failed[0].name in FLUSHES
            self.told_after = any(c.name in ANSWERS and _told(c.text) and c.begin > failed[0].end for c in calls)

    def of_database(self):
        return "database" in self.sorts


def one(template, operation, target, error):
    """Run the operation with that call failing. What was seen, None where the call was not reached."""
    name, n, _ = target
    server, client = template.server()
    server.connect = lambda: connect_soon(server)
    try:
        with tempfile.TemporaryDirectory(prefix="vault-trace-") as d:
            with trace.Trace(server.process.pid, d, inject=f"{name}:error={error}:when={n}",
                             calls=",".join({name, *ANSWERS})) as t:
                what, answer = attempt(client, operation)
            fault = Fault(t.calls, server.data)
        if fault.found:
            contract(server, client, what, answer, fault, error)
        return f"{name} of {'/'.join(sorted(fault.sorts))}: {what}" if fault.found else None
    finally:
        server.kill()
        shutil.rmtree(server.data, ignore_errors=True)


def contract(server, client, what, answer, fault, error):
    if answer is not None and answer.status == 207:
        told = [x["status"] for x in answer.json["results"]]
        assert min(told) >= 500 if fault.flush else all(x < 300 or x >= 500 for x in told), answer.body
    elif answer is not None:
        assert answer.status >= 500 and answer.problem(), (answer.status, answer.body)
    assert not (fault.flush and fault.told_after), "it was acknowledged after a flush had failed"
    states = w.possible(client)
    if fault.flush and fault.of_database():
        refused, why = attempt(fresh(client), w.put_small)
        assert refused == "refused" and why.status == 503, f"it still takes changes: {refused} {why and why.status}"
    elif fault.of_database() and is_read_only(client):
        # A database that could not be written may be read-only until a restart, if it says so.
        print(f"# read-only after {error} of the database", flush=True)
    else:
        went, why = goes_on(client, states)
        assert went == "done", f"the next upload was {went}: {why and (why.status, why.body[:200])}"
        states = w.possible(client)
    server.kill()
    server.start()
    client.close()
    client.go_on_from(w.check(client, states))
    went, why = attempt(client, w.put_small)
    assert went == "done", f"after a restart an upload was {went}: {why and (why.status, why.body[:200])}"
    client.close()
    w.fsck(server)


def is_read_only(client):
    """Asked with a change that no state here knows of."""
    other = fresh(client)
    try:
        other.request("PATCH", f"/files/{client.folder_ids['sub']}", {"mtime_ns": "1"}, expect=(200,))
    except w.Refused as e:
        return (e.answer.status, e.answer.problem()) == (503, "read_only")
    finally:
        other.close()
    return False


def goes_on(client, states):
    """Without a restart; what was not acknowledged is wholly there or not at all, and is sent again."""
    try:
        client.go_on_from(w.check(client, states))
    except w.Refused as e:
        return "refused", e.answer
    return attempt(client, w.put_large)


def fresh(client):
    """A second view of the client, whose own state stays as it is."""
    other = copy.copy(client)
    other.connection, other.history = None, [client.state.copy()]
    return other


_why = trace.why_not()
_made = []


def template():
    if _why:
        raise tap.Skip(_why)
    if os.environ.get("VT_DATABASE") == "postgres":
        raise tap.Skip("PostgreSQL's own calls are in another process")
    if not _made:
        print(f"# VT_SEED={SEED}", flush=True)
        folder = tempfile.mkdtemp(prefix="vault-faults-")
        atexit.register(shutil.rmtree, folder, True)
        _made.append(Template(folder))
    return _made[0]
