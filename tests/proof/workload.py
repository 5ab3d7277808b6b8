"""What the proofs do to a vaultd, and what each client was promised.

A client works in a folder of its own and does one operation after the other. Each operation is a function from
the state that was acknowledged to the next one; a crash leaves the client at the last acknowledged
state or, where an operation was under way, at the one after it: wholly there or wholly absent. `check` looks
at everything the client has and compares it with both: that a file is there is asserted as well
as that nothing else is.

A new kind of operation is a function and a line in OPERATIONS.
"""
import base64
import collections
import contextlib
import functools
import hashlib
import http.client
import json
import os
import random
import re
import subprocess
import sys
import time
import urllib.parse

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(here, "..", "e2e"), os.path.join(here, "..", "support")]
import vd

INLINE_MAX = 65536  # up to this a body may stay in its row
LARGE_MAX = 400_000
LIVE_MAX = 12  # files of a client; more are deleted first
TRASH_MAX = 4
SESSIONS_MAX = 6
SPARE_S = 60  # an operation that was refused as overload is tried again this long


BOUNDARY = b"between-the-files-of-a-proof"


class Lost(AssertionError):
    """Something acknowledged is not there, or something else is."""


class Refused(AssertionError):
    """Another answer than the operation expects."""

    def __init__(self, text, answer=None):
        super().__init__(text)
        self.answer = answer


class Body:
    """Bytes from a seed: kept nowhere, made again when they are compared."""

    def __init__(self, seed, size):
        self.seed, self.size = seed, size

    def bytes(self):
        return random.Random(self.seed).randbytes(self.size)

    @property
    def sha(self):
        return _sha(self.seed, self.size)

    def __repr__(self):
        return f"{self.size} bytes {self.sha[:8]}"


@functools.lru_cache(maxsize=100_000)
def _sha(seed, size):
    return hashlib.sha256(random.Random(seed).randbytes(size)).hexdigest()


class State:
    """What one client was promised."""

    def __init__(self):
        self.files = {}  # path in the client's folder -> [Body, item id or None]
        self.trash = {}  # item id -> (path, Body)
        self.sessions = {}  # access token -> alive
        self.between = []  # states that a crash may leave on the way from the one before
        self.uploads = {}  # name -> [Body, offset that was acknowledged, path, URL or None]

    def copy(self):
        s = State()
        s.uploads = {n: list(u) for n, u in self.uploads.items()}
        s.files = {p: list(f) for p, f in self.files.items()}
        s.trash = dict(self.trash)
        s.sessions = dict(self.sessions)
        return s


# ---- operations: (client, state after it, random) -> what sends it, or None where it does not apply ----------

def _new_path(c, r):
    return r.choice(("", "sub/")) + f"{c.next_name()}.bin"


def put_at(c, s, path, body):
    s.files[path] = [body, s.files.get(path, [None, None])[1]]

    def send():
        a = c.request("PUT", f"/files/content?path={c.folder}/{path}", body.bytes(), expect=(200, 201))
        assert a["size"] == body.size, a
        s.files[path][1] = a["id"]
    return send


def put_small(c, s, r):
    size = r.choice((0, 1, r.randint(2, 4096), r.randint(2, 4096), r.randint(2, INLINE_MAX), INLINE_MAX))
    return put_at(c, s, _new_path(c, r), Body(c.next_seed(), size))


def put_large(c, s, r):
    return put_at(c, s, _new_path(c, r), Body(c.next_seed(), r.randint(INLINE_MAX + 1, LARGE_MAX)))


def put_again(c, s, r):
    """A new version of a file, which may pass from a row to a file of the store and back."""
    if not s.files:
        return None
    size = r.choice((r.randint(1, 4096), r.randint(INLINE_MAX + 1, INLINE_MAX * 2)))
    return put_at(c, s, r.choice(sorted(s.files)), Body(c.next_seed(), size))


def put_same(c, s, r):
    """The bytes of another file: both share what is stored."""
    if not s.files:
        return None
    return put_at(c, s, _new_path(c, r), s.files[r.choice(sorted(s.files))][0])


def put_batch(c, s, r):
    """Several small files in one request. Each is an operation: a crash may cut between them."""
    new = [(_new_path(c, r), Body(c.next_seed(), r.randint(0, 9000))) for _ in range(r.randint(2, 5))]
    for path, body in new:
        s.between.append(s.copy())
        s.files[path] = [body, None]
    parts = [("manifest", json.dumps({"items": [{"path": f"{c.folder}/{p}"} for p, _ in new]}).encode())]
    parts += [(str(i), body.bytes()) for i, (_, body) in enumerate(new)]
    form = b"".join(b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
                    % (BOUNDARY, name.encode(), data) for name, data in parts) + b"--%s--\r\n" % BOUNDARY

    def send():
        a = c.request("POST", "/uploads/batch", form, expect=(200,),
                      headers={"Content-Type": "multipart/form-data; boundary=" + BOUNDARY.decode()})
        for (path, body), result in zip(new, a["results"], strict=True):
            assert result["status"] in (200, 201), result
            s.files[path][1] = result["item"]["id"]
    return send


def move(c, s, r):
    if not s.files:
        return None
    old, new = r.choice(sorted(s.files)), _new_path(c, r)
    f = s.files[new] = s.files.pop(old)
    to = {"parent_id": c.folder_ids[os.path.dirname(new)], "name": os.path.basename(new)}
    return lambda: c.request("PATCH", f"/files/{f[1]}", to, expect=(200,))


def delete(c, s, r):
    if not s.files:
        return None
    path = r.choice(sorted(s.files))
    body, item = s.files.pop(path)
    s.trash[item] = (path, body)
    return lambda: c.request("DELETE", f"/files/{item}", expect=(200,))


def restore(c, s, r):
    if not s.trash:
        return None
    item = r.choice(sorted(s.trash))
    path, body = s.trash.pop(item)
    s.files[path] = [body, item]
    return lambda: c.request("POST", f"/trash/{item}/restore", expect=(200,))


def purge(c, s, r):
    if not s.trash:
        return None
    item = r.choice(sorted(s.trash))
    del s.trash[item]
    return lambda: c.request("DELETE", f"/trash/{item}", expect=(204,))


def sign_in_again(c, s, r):
    if len(s.sessions) >= SESSIONS_MAX:
        return None

    def send():
        s.sessions[sign_in(c.server, c.another_phone())["access_token"]] = True
    return send


def sign_out(c, s, r):
    alive = sorted(t for t, a in s.sessions.items() if a)
    if not alive:
        return None
    token = r.choice(alive)
    s.sessions[token] = False
    return lambda: c.request("POST", "/auth/logout", token=token, expect=(204,))


# Resumable uploads, by tus 1.0.

TUS = {"Tus-Resumable": "1.0.0"}
OPEN_MAX = 3
PART_MAX = 200_000


def upload_create(c, s, r):
    if len(s.uploads) >= OPEN_MAX:
        return None
    path, body = _new_path(c, r), Body(c.next_seed(), r.randint(1, PART_MAX * 3))
    u = s.uploads[c.next_name()] = [body, 0, path, None]
    to = base64.b64encode(f"{c.folder}/{path}".encode()).decode()

    def send():
        a = c.request("POST", "/uploads", None, expect=(201,),
                      headers={**TUS, "Upload-Length": str(body.size), "Upload-Metadata": "path " + to})
        u[3] = urllib.parse.urlsplit(a.headers["Location"]).path.removeprefix(vd.API)
    return send


def _offset(c, u):
    a = c.request("HEAD", u[3], expect=(200, 204), headers=TUS)
    n = int(a.headers["Upload-Offset"])
    if not u[1] <= n <= u[0].size:
        raise Lost(f"{u[3]}: {u[1]} was acknowledged, {n} of {u[0].size} is there")
    return n


def upload_part(c, s, r):
    """The next bytes of an open upload."""
    return _part(c, s, r, False)


def upload_rest(c, s, r):
    return _part(c, s, r, True)


def _part(c, s, r, rest):
    if not s.uploads:
        return None
    name = r.choice(sorted(s.uploads))
    u = s.uploads[name]
    body, start = u[0], u[1]
    end = body.size if rest else min(body.size, start + r.randint(0, PART_MAX))
    first = [True]
    u[1] = end
    if end == body.size:
        s.files[u[2]] = [body, None]
        del s.uploads[name]

    def send_from(at):
        if at < end or at == start:
            a = c.request("PATCH", u[3], body.bytes()[at:end], expect=(204,), headers={
                **TUS, "Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"})
            assert a.headers["Upload-Offset"] == str(end), a.headers

    def send():
        if first[0]:
            first[0] = False
            try:
                send_from(start)
            except Refused as e:
                if e.answer.status != 409:
                    raise
                # A broken request of before was taken up only now.
                send_from(max(start, _offset(c, [body, start, *u[2:]])))
        else:
            send_from(max(start, _offset(c, [body, start, *u[2:]])))
        if end == body.size:
            s.files[u[2]][1] = c.find(u[2])
    return send


def upload_cut(c, s, r):
    """A part whose connection breaks: what arrived is kept, and what is then told is durable."""
    if not s.uploads:
        return None
    u = s.uploads[r.choice(sorted(s.uploads))]
    part = u[0].bytes()[u[1]:]
    sent = part[:r.randint(0, max(0, len(part) - 1))]

    def send():
        with contextlib.closing(c.server.connect()) as broken:
            broken.putrequest("PATCH", vd.API + u[3])
            for name, value in {**TUS, "Authorization": "Bearer " + c.token, "Upload-Offset": str(u[1]),
                                "Content-Type": "application/offset+octet-stream",
                                "Content-Length": str(len(part))}.items():
                broken.putheader(name, value)
            broken.endheaders(sent)
        u[1] = _offset(c, u)
    return send


def upload_cancel(c, s, r):
    if not s.uploads:
        return None
    u = s.uploads.pop(r.choice(sorted(s.uploads)))
    return lambda: c.request("DELETE", u[3], expect=(204,), headers=TUS)


REPEATED = {put_batch, put_small, put_large, put_again, put_same, upload_part, upload_rest}
OPERATIONS = {  # function: how often
    put_small: 30,
    put_large: 14,
    put_again: 8,
    put_same: 4,
    put_batch: 4,
    move: 8,
    delete: 10,
    restore: 4,
    purge: 4,
    upload_create: 6,
    upload_part: 10,
    upload_rest: 5,
    upload_cut: 3,
    upload_cancel: 1,
    sign_in_again: 1,
    sign_out: 1,
}


def _change(old, new):
    gone = [p for p in old.files if p not in new.files]
    made = [f"{p} {f}" for p, f in new.files.items() if p not in old.files or old.files[p][0] is not f[0]]
    return f"-{gone} +{made}"


# ---- a client --------------------------------------------------------------------------------------

def environment(**more):
    """Limits that are for people and not for a proof; nothing that durability depends on."""
    return {"VAULT_LIMITS_CODES_PER_HOUR_ALL": "1000000", "VAULT_AUTH_ACCESS_TTL_MS": "3600000",
            "VAULT_LIMITS_CODES_PER_HOUR_ADDRESS": "1000000", "VAULT_LOG_REQUESTS": "off", **more}


def _codes(server, phone):
    if server.process.poll() is not None:
        raise ConnectionError("the server is gone")
    return [m for m in server.codes_sent() if m["to"] == phone]


# Small bodies move from the database to the store all the time, and what nobody refers to is collected at once.
RESTLESS = {"VAULT_UPLOAD_SPILL_IDLE_MS": "50", "VAULT_UPLOAD_SPILL_AFTER_MS": "200", "VAULT_BLOBS_GRACE_MS": "1"}


def sign_in(server, phone):
    """Like vd's, for many at the same time: the code is found by its number."""
    a = server.request("POST", vd.API + "/auth/otp", {"phone": phone})
    if a.status != 202:
        raise Refused(f"/auth/otp: {a.status} {a.body}")
    sent = vd.eventually(lambda: _codes(server, phone), "the code")
    code = re.search(r"#(\d{6})\s*$", sent[-1]["text"]).group(1)
    a = server.verify(a.json["challenge_id"], code)
    if a.status != 200:
        raise Refused(f"/auth/otp/verify: {a.status} {a.body}")
    return a.json


class Client:
    """States are kept: after a power cut the disk decides how many operations were acknowledged."""

    def __init__(self, number, server, seed, token=None, operations=None):
        self.number, self.server = number, server
        self.random = random.Random(f"{seed}/{number}")
        self.folder = f"/c{number:02d}"
        self.operations = operations or OPERATIONS
        self.names = self.seeds = self.phones = 0
        self.connection = None
        self.token = token or sign_in(server, f"+90532{number:07d}")["access_token"]
        self.history = [State()]  # [i] is what holds after i acknowledgements
        self.under_way = None  # the state that an operation without an answer would lead to
        self.again = None  # sends that operation once more
        self.ids = set()  # every item this client ever had
        self.counts = {}
        self.spare_s = SPARE_S
        self.last = collections.deque(maxlen=40)  # what it did, for the one who looks into a failure
        self.acknowledged = lambda client: None

    def set_up(self):
        top = self.request("POST", "/files", {"name": self.folder[1:]}, expect=(201,))["id"]
        sub = self.request("POST", "/files", {"name": "sub", "parent_id": top}, expect=(201,))["id"]
        self.folder_ids = {"": top, "sub": sub}

    @property
    def state(self):
        return self.history[-1]

    def next_name(self):
        self.names += 1
        return f"{self.names:05d}"

    def next_seed(self):
        self.seeds += 1
        return f"{self.number}.{self.seeds}"

    def another_phone(self):
        self.phones += 1
        return f"+90533{self.number:03d}{self.phones:04d}"

    def request(self, method, path, body=None, expect=(), token=None, headers=None):
        """The answer's JSON; an overloaded server is asked again, as it says."""
        headers = {"Authorization": "Bearer " + (token or self.token), **(headers or {})}
        end = time.monotonic() + self.spare_s
        while True:
            if self.connection is None:
                self.connection = self.server.connect()
            a = self.server.request(method, vd.API + path, body, headers, self.connection)
            if a.headers["Connection"] == "close":
                self.close()
            if a.status in expect:
                return a.json if a.body[:1] == b"{" else a
            if a.status not in (429, 503) or not a.headers["Retry-After"] or time.monotonic() >= end:
                raise Refused(f"{method} {path}: {a.status} {a.body[:300]}", a)
            time.sleep(0.05)

    def find(self, path):
        """The id of a file that an upload made."""
        parent = self.folder_ids[os.path.dirname(path)]
        cursor = ""
        while cursor is not None:
            page = self.request("GET", f"/files?parent={parent}&limit=100&cursor={cursor}", expect=(200,))
            for i in page["items"]:
                if i["name"] == os.path.basename(path):
                    return i["id"]
            cursor = page["next_cursor"]
        raise Lost(f"{self.folder}/{path} was acknowledged and is not listed")

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def choose(self, nxt):
        if len(nxt.files) > LIVE_MAX:
            return delete
        if len(nxt.trash) > TRASH_MAX:
            return purge
        return self.random.choices(list(self.operations), list(self.operations.values()))[0]

    def step(self, operation=None):
        """One operation. Raises where no answer came; then under_way says what it would have led to."""
        send = None
        while send is None:
            nxt = self.state.copy()
            op = operation or self.choose(nxt)
            send = op(self, nxt, self.random)
            assert send or not operation, f"{operation.__name__} does not apply"
        self.under_way, self.again = nxt, send if op in REPEATED else None
        self.last.append([op.__name__, _change(self.state, nxt), "no answer"])
        send()
        self.answered(nxt)
        self.counts[op.__name__] = self.counts.get(op.__name__, 0) + 1

    def answered(self, nxt):
        self.last[-1][2] = "acknowledged"
        self.under_way = None
        self.ids.update(f[1] for f in nxt.files.values())
        self.history.append(nxt)
        self.acknowledged(self)

    def run(self, stop):
        """Until stop() or until the server is gone; why it ended, None when it was told to."""
        try:
            while not stop():
                self.step()
        except (OSError, http.client.HTTPException) as e:
            return e
        finally:
            self.close()
        return None

    def go_on_from(self, state):
        """After a restart: the state that was found is the acknowledged one. An upload without an answer is
        sent again, as clients do: recovery may still be about to finish it (docs/durability.md, L5),
        and the same bytes at the same place are one version."""
        nxt, self.under_way = self.under_way, None
        self.history = [state]
        if nxt and self.again:
            self.again()
            self.answered(nxt)
            self.history = [nxt]


# ---- looking -----------------------------------------------------------------------------------------

class Look:
    """Everything that the server says of a client now."""

    def __init__(self, client, states):
        self.c = client
        self.files, self.items = {}, {}
        self.folder(client.folder_ids[""], "")
        self.trash = set(self.trashed()) & (client.ids | {i for s in states for i in s.trash})
        self.sessions = {t: self.alive(t) for s in states for t in s.sessions}
        self.uploads = {u[3]: self.offset(u[3]) for s in states for u in s.uploads.values() if u[3]}

    def get(self, path, token=None, method="GET"):
        headers = {**TUS, "Authorization": "Bearer " + (token or self.c.token)}
        end = time.monotonic() + SPARE_S
        while True:
            if self.c.connection is None:
                self.c.connection = self.c.server.connect()
            a = self.c.server.request(method, vd.API + path, None, headers, self.c.connection)
            if a.status != 503 or not a.headers["Retry-After"] or time.monotonic() > end:
                return a
            time.sleep(0.05)

    def pages(self, path):
        cursor = ""
        while True:
            a = self.get(f"{path}limit=100&cursor={cursor}")
            if a.status != 200:
                raise Lost(f"{path}: {a.status} {a.body[:200]}")
            yield from a.json["items"]
            cursor = a.json["next_cursor"]
            if not cursor:
                return

    def folder(self, item, prefix):
        for i in self.pages(f"/files?parent={item}&"):
            path = prefix + i["name"]
            if i["kind"] == "folder":
                self.folder(i["id"], path + "/")
                continue
            a = self.get(f"/files/{i['id']}/content")
            self.items[path] = i["id"]
            self.files[path] = (hashlib.sha256(a.body).hexdigest(), len(a.body)) if a.status == 200 else (
                f"{a.status} {a.body[:200]}", i["size"])

    def trashed(self):
        return [i["id"] for i in self.pages("/trash?")]

    def alive(self, token):
        status = self.get("/me", token).status
        return {200: True, 401: False}.get(status, status)

    def offset(self, url):
        """A text where there is none."""
        a = self.get(url, method="HEAD")
        return int(a.headers["Upload-Offset"]) if a.status in (200, 204) else f"{a.status} {a.headers.items()}"

    def differences(self, state):
        want = {p: (f[0].sha, f[0].size) for p, f in state.files.items()}
        for path in sorted(want.keys() | self.files.keys()):
            if want.get(path) != self.files.get(path):
                yield f"{self.c.folder}/{path}: promised {want.get(path)}, found {self.files.get(path)}"
        for item in sorted(state.trash.keys() ^ self.trash):
            yield f"{self.c.folder}: {item} is {'not ' if item in state.trash else ''}in the trash"
        for body, told, _, url in state.uploads.values():
            there = self.uploads.get(url)
            if url and not (isinstance(there, int) and told <= there <= body.size):
                yield f"{url}: {told} bytes were acknowledged, {there} are there"
        for token, alive in state.sessions.items():
            if self.sessions[token] is not alive:
                yield f"{self.c.folder}: a session is alive: promised {alive}, found {self.sessions[token]}"


def check(client, states):
    """Which of the states the server holds for this client, with the ids it has there; Lost when none."""
    look = Look(client, states)
    problems = []
    for state in states:
        found = list(look.differences(state))
        if not found:
            state = state.copy()
            for path, f in state.files.items():
                f[1] = look.items[path]
            # Without its URL nobody can go on with an upload; what was told just now holds from now on.
            state.uploads = {n: [u[0], look.uploads[u[3]], *u[2:]] for n, u in state.uploads.items() if u[3]}
            client.ids.update(look.items.values())
            return state
        problems.append(found)
    raise Lost(" or: ".join("; ".join(p[:5]) for p in problems) + f" after {list(client.last)[-12:]}")


def possible(client):
    """What a crash of the process may leave."""
    return [client.state] + on_the_way(client.under_way)


def on_the_way(state):
    return [*state.between, state] if state else []


def fsck(server):
    """vaultd fsck --quick over the server's data, whether it runs or not."""
    p = subprocess.run([os.environ["VT_VAULTD"], "fsck", "--quick"], env=server.environment(),
                       capture_output=True, text=True, timeout=vd.WAIT_S)
    if p.returncode != 0:
        raise Lost(f"fsck --quick left with {p.returncode}: {p.stdout[-1500:]} {p.stderr[-500:]}")
    return p.stdout
