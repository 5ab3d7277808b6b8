#!/usr/bin/env python3
"""Behaviour under stress: many connections and uploads at a time, overload, slow clients, no descriptors, and a
storage that hangs. Memory is asserted where it is the server's own."""
import collections
import contextlib
import os
import resource
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "..", "support")]
import tap
import vd

MIB, KIB = 1 << 20, 1 << 10
SANITIZED = bool(os.environ.get("VT_SANITIZED"))
DESCRIPTORS = 40000
SETTINGS = {"VAULT_LIMITS_CODE_GAP_MS": "1", "VAULT_LIMITS_CODES_PER_HOUR": "100000",
            "VAULT_LIMITS_CODES_PER_DAY": "100000", "VAULT_HTTP_KEEPALIVE_TIMEOUT_MS": "3600000"}


def server(**settings):
    return vd.Server(env=dict(SETTINGS, **{k: str(v) for k, v in settings.items()}))


def raise_descriptors(least):
    """The limit that the server will get too."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (DESCRIPTORS, hard):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, max(limit, hard)))
            break
    got = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if got < least:
        raise tap.Skip(f"{got} file descriptors are allowed here; this takes {least}")
    return got


def rss_kib(s):
    with open(f"/proc/{s.process.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


def head_of(user, method, path, *fields):
    lines = [f"{method} {vd.API}{path} HTTP/1.1", "Host: x", "Authorization: " + user.headers["Authorization"], *fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def put_of(user, path, body):
    return head_of(user, "PUT", f"/files/content?path={path}", f"Content-Length: {len(body)}") + body


class Wire:
    """One connection, as bytes."""

    def __init__(self, s):
        self.s = socket.create_connection(("127.0.0.1", s.port), vd.WAIT_S)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.close()

    def send(self, data):
        self.s.sendall(data)

    def answer(self):
        """(status, head, body); (None, ...) at the end of the connection."""
        while True:
            got = split_answer(self.buffer)
            if got:
                status, head, body, self.buffer = got
                return status, head, body
            data = self.s.recv(65536)
            if not data:
                return None, b"", b""
            self.buffer += data

    def closed(self):
        with contextlib.suppress(ConnectionError):
            while self.s.recv(65536):
                pass
        return True


def split_answer(data):
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = data[:end]
    length = 0
    for line in head.split(b"\r\n")[1:]:
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    if len(data) < end + 4 + length:
        return None
    return int(head[9:12]), head, data[end + 4:end + 4 + length], data[end + 4 + length:]


def field(head, name):
    for line in head.decode().split("\r\n")[1:]:
        if line.lower().startswith(name.lower() + ":"):
            return line.split(":", 1)[1].strip()
    return None


# ---- many at a time ------------------------------------------------------------------------------

@tap.test("10,000 idle connections in 64 MiB; where descriptors are scarce, fewer in their share of it")
def _():
    if SANITIZED:
        raise tap.Skip("a sanitizer's own memory would be measured")
    # The server keeps three eighths of its descriptors for connections.
    n = min(10000, raise_descriptors(14000) * 3 // 8 - 10)
    print(f"# {n} connections")
    with server(VAULT_HTTP_CONNECTIONS_MAX=n + 10) as s, contextlib.ExitStack() as open_:
        for _ in range(n):
            w = open_.enter_context(Wire(s))
            w.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert w.answer()[0] == 200
        rss = rss_kib(s)
        assert rss <= 64 * KIB * n / 10000, f"{rss} KiB"
        assert s.get("/healthz").status == 200


@tap.test("1,000 parallel uploads in 64 MiB and 256 KiB each")
def _():
    if SANITIZED:
        raise tap.Skip("a sanitizer's own memory would be measured")
    n, size, first = 1000, 400000, 300000
    raise_descriptors(3 * n)
    with server() as s, contextlib.ExitStack() as open_:
        u = s.sign_in()
        wires = [open_.enter_context(Wire(s)) for _ in range(n)]
        body = bytes(range(256)) * (size // 256 + 1)
        for i, w in enumerate(wires):
            w.send(head_of(u, "PUT", f"/files/content?path=many/{i}", f"Content-Length: {size}"))
            w.send(body[:first])
        rss = rss_kib(s)
        assert rss <= 64 * KIB + n * 256, f"{rss} KiB"
        for i, w in enumerate(wires):
            # no two alike
            w.send(body[first:size - 8] + b"%08d" % i)
        for w in wires:
            status, _, answer = w.answer()
            assert status == 201, answer
        rss = rss_kib(s)
        assert rss <= 64 * KIB + n * 256, f"{rss} KiB"
        for i in (0, 499, 999):
            assert u.content(f"many/{i}").body == body[:size - 8] + b"%08d" % i


# ---- overload --------------------------------------------------------------------------------------

def goodput(s, request, n, seconds):
    """Requests answered 200 in a second by n connections that wait as long as they are told; statuses seen."""
    seen, bad, good = collections.Counter(), [], 0
    with selectors.DefaultSelector() as poll, contextlib.ExitStack() as open_:
        later = collections.deque()
        for _ in range(n):
            w = open_.enter_context(Wire(s))
            w.send(request)
            poll.register(w.s, selectors.EVENT_READ, w)
        begin = time.monotonic()
        while (now := time.monotonic()) < begin + seconds:
            while later and later[0][0] <= now:
                later.popleft()[1].send(request)
            for key, _ in poll.select(0.01):
                w = key.data
                w.buffer += w.s.recv(65536)
                while got := split_answer(w.buffer):
                    status, head, _, w.buffer = got
                    seen[status] += 1
                    good += status == 200
                    if status == 200:
                        w.send(request)
                    elif status in (429, 503) and int(field(head, "Retry-After") or 0) > 0:
                        later.append((now + int(field(head, "Retry-After")), w))
                    else:
                        bad.append(head)
        rate = good / (time.monotonic() - begin)
    assert not bad, bad[:2]
    return rate, seen


@tap.test("four times the load that it takes: 503 with Retry-After for some, and most of the peak for the others")
def _():
    with server(VAULT_HTTP_WORKERS=2, VAULT_HTTP_WORK_QUEUE_MAX=16) as s:
        u = s.sign_in()
        for i in range(200):
            assert u.put(f"list/{i:03}", b"x").status == 201
        folder = next(i["id"] for i in u.children())
        request = head_of(u, "GET", f"/files?parent={folder}&limit=200")
        goodput(s, request, 8, 0.5)
        peak, seen = goodput(s, request, 8, 3)
        assert set(seen) == {200}, seen
        over, seen = goodput(s, request, 72, 3)
        assert seen[503] > 0 and set(seen) == {200, 503}, seen
        print(f"# peak {peak:.0f}/s, at four times the load {over:.0f}/s, {seen}")
        assert over >= 0.5 * peak, (over, peak)  # 0.8 is the goal on a machine of its own
        vd.eventually(lambda: u.get("/files").status == 200, "an answer after the overload", 5)


# ---- slow, strange and broken clients ----------------------------------------------------------------

@tap.test("slow clients in every phase are given up; others do not notice")
def _():
    with server(VAULT_HTTP_HEADER_TIMEOUT_MS=700, VAULT_HTTP_BODY_IDLE_TIMEOUT_MS=20000,
                VAULT_HTTP_BODY_RATE_WINDOW_MS=700, VAULT_HTTP_BODY_RATE_MIN_BYTES_PER_S=1000,
                VAULT_HTTP_WRITE_STALL_TIMEOUT_MS=700) as s:
        u = s.sign_in()
        assert u.put("big", os.urandom(16 * MIB)).status == 201
        done = []

        def drip(name, first, byte, statuses):
            with Wire(s) as w:
                w.send(first)
                w.s.settimeout(0.02)
                end = time.monotonic() + vd.WAIT_S
                while time.monotonic() < end:
                    with contextlib.suppress(TimeoutError):
                        w.send(byte)
                        if not (data := w.s.recv(65536)):
                            break
                        w.buffer += data
                        break
                w.s.settimeout(vd.WAIT_S)
                status = w.answer()[0]
                assert status in statuses, (name, status)
            done.append(name)

        def stop_reading():
            with socket.socket() as c:
                c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                c.connect(("127.0.0.1", s.port))
                c.sendall(head_of(u, "GET", "/files/content?path=big"))
                vd.eventually(lambda: connections(s, c) == 0, "the end of a client that does not read")
            done.append("answer")

        slow = [threading.Thread(target=drip, args=a) for a in (
            ("head", b"GET / HTTP/1.1\r\nHost: x\r\n", b"A", (408,)),
            ("small body", head_of(u, "PUT", "/files/content?path=s", "Content-Length: 4000"), b"x", (408,)),
            ("large body", head_of(u, "PUT", "/files/content?path=l", "Content-Length: 400000"), b"x", (408,)),
            ("chunks", head_of(u, "PUT", "/files/content?path=c", "Transfer-Encoding: chunked"), b"1\r\nx\r\n", (408,)))]
        slow.append(threading.Thread(target=stop_reading))
        for t in slow:
            t.start()
        n = 0
        while any(t.is_alive() for t in slow):
            assert u.put("quick", b"%d" % n).status in (200, 201)
            n += 1
        assert sorted(done) == ["answer", "chunks", "head", "large body", "small body"], done
        assert u.content("s").status == 404 and u.usage()["partial_bytes"] == 0


def connections(s, c):
    """Connections of the server to this client's port, from the kernel's table."""
    mine, theirs = f":{c.getsockname()[1]:04X}", f":{s.port:04X}"
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f]
    return sum(r[1].endswith(theirs) and r[2].endswith(mine) and r[3] == "01" for r in rows)


@tap.test("pipelined, byte by byte, half-closed: small and large uploads")
def _():
    with server() as s, Wire(s) as w:
        u = s.sign_in()
        w.send(b"".join(put_of(u, f"p/{i}", b"body %d" % i) for i in range(30)) +
               head_of(u, "GET", "/files/content?path=p/7"))
        for _ in range(30):
            assert w.answer()[0] == 201
        assert w.answer()[2] == b"body 7"
        for byte in put_of(u, "one", b"byte at a time"):
            w.send(bytes([byte]))
        assert w.answer()[0] == 201
        for size in (10, 5000, 300000):
            with Wire(s) as half:
                half.send(put_of(u, f"half{size}", b"h" * size))
                half.s.shutdown(socket.SHUT_WR)
                assert half.answer()[0] == 201 and half.closed()
            with Wire(s) as half:
                half.send(put_of(u, f"cut{size}", b"h" * size)[:-1])
                half.s.shutdown(socket.SHUT_WR)
                assert half.answer()[0] == 400 and half.closed()
            assert u.content(f"half{size}").body == b"h" * size and u.content(f"cut{size}").status == 404
        vd.eventually(lambda: u.usage()["partial_bytes"] == 0, "nothing kept of what was cut")


@tap.test("an early error reaches the client though it sends 20 MB")
def _():
    with server(VAULT_UPLOAD_MAX_BYTES=10 * MIB) as s:
        u = s.sign_in()
        stranger = vd.User(s, {"access_token": "nobody"})
        for who, path, status in ((stranger, "a", 401), (u, "a%2F..%2Fb%00", 400), (u, "big", 413)):
            for fields in (("Content-Length: 20000000",), ("Transfer-Encoding: chunked",)):
                with Wire(s) as w:
                    w.send(head_of(who, "PUT", f"/files/content?path={path}", *fields))
                    with contextlib.suppress(ConnectionError):
                        for _ in range(306):
                            piece = b"z" * 65362
                            w.send(b"%x\r\n%s\r\n" % (len(piece), piece) if "chunked" in fields[0] else piece)
                    assert w.answer()[0] == status, (path, fields)


# ---- no descriptors, no storage ----------------------------------------------------------------------

@tap.test("no descriptors left: clear answers, and all is well once there are some again")
def _():
    with server() as s:
        u = s.sign_in()
        pid = s.process.pid
        assert u.put("before", b"b" * 300000).status == 201
        c = s.connect()
        assert s.request("GET", "/healthz", connection=c).status == 200
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (8, hard))
        try:
            a = u.put("during", b"d" * 300000, connection=c)
            assert a.status in (500, 503, 507) and a.problem(), (a.status, a.body)
            if a.headers["Connection"] == "close":
                c.close()
            with Wire(s) as w:
                w.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                status, head, _ = w.answer()
                assert status == 503 and int(field(head, "Retry-After")) > 0, head
        finally:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        c.close()
        assert u.put("after", b"a" * 300000).status == 201
        assert u.content("before").body == b"b" * 300000 and u.content("during").status == 404


@contextlib.contextmanager
def own_file_system():
    """A folder on a file system that can be frozen."""
    folder = tempfile.mkdtemp(prefix="vault-e2e-freeze-")
    image, mounted = os.path.join(folder, "image"), os.path.join(folder, "mounted")
    os.mkdir(mounted)
    with open(image, "wb") as f:
        f.truncate(64 * MIB)
    try:
        for command in (["mkfs.ext4", "-q", "-F", image], ["mount", "-o", "loop", image, mounted]):
            if not shutil.which(command[0]) or subprocess.run(command, capture_output=True).returncode:
                raise tap.Skip("a file system of its own cannot be mounted here: " + command[0])
        try:
            if subprocess.run(["fsfreeze", "-f", mounted], capture_output=True).returncode:
                raise tap.Skip("a file system cannot be frozen here")
            subprocess.run(["fsfreeze", "-u", mounted], check=True)
            yield mounted
        finally:
            subprocess.run(["fsfreeze", "-u", mounted], capture_output=True)
            subprocess.run(["umount", "-l", mounted], check=True)
    finally:
        shutil.rmtree(folder)


@tap.test("a storage that hangs: others are served, the queue is bounded, and nothing is lost when it comes back")
def _():
    workers, waiting = 3, 4
    with own_file_system() as mounted, contextlib.ExitStack() as open_:
        storage = os.path.join(mounted, "storage")
        s = open_.enter_context(server(VAULT_STORAGE="file:" + storage, VAULT_HTTP_WORKERS=workers,
                                       VAULT_HTTP_WORK_QUEUE_MAX=waiting))
        u = s.sign_in()
        assert u.put("before", b"b" * 300000).status == 201
        subprocess.run(["fsfreeze", "-f", mounted], check=True)
        try:
            wires = [open_.enter_context(Wire(s)) for _ in range(workers + waiting + 5)]
            for i, w in enumerate(wires):
                w.send(put_of(u, f"stuck/{i}", b"%d" % i * 300000))
            full = []
            for w in wires:  # those that found the queue full hear so at once
                w.s.settimeout(2)
                try:
                    status, head, _ = w.answer()
                    assert status == 503 and int(field(head, "Retry-After")) > 0, head
                    full.append(w)
                except TimeoutError:
                    pass
                w.s.settimeout(vd.WAIT_S)
            assert 3 <= len(full) <= len(wires) - workers, len(full)
            assert s.get("/healthz").status == 200, "what needs no worker is served"
            if s.database is None:  # SQLite: small bodies and the check of their token need no worker either
                assert u.put("small", b"in the database").status == 201
                assert u.content("small").body == b"in the database"
        finally:
            subprocess.run(["fsfreeze", "-u", mounted], check=True)
        for w in wires:
            if w not in full:
                assert w.answer()[0] == 201
        for i, w in enumerate(wires):
            want = 404 if w in full else 200
            assert u.content(f"stuck/{i}").status == want
        s.stop()


tap.run()
