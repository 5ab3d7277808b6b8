"""Sockets, answers and TAP for the raw HTTP tests."""
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

WAIT_S = 60.0  # nothing here takes this long; it only ends a hang on a slow machine


class Probe:
    """A probe server of its own for a case that needs settings; use with `with`."""

    binary = folder = None

    def __init__(self, **settings):
        args = [self.binary, "dir=" + self.folder] + ["%s=%d" % kv for kv in settings.items()]
        self.stderr = tempfile.TemporaryFile()  # a pipe that nobody reads would stop the server
        self.process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=self.stderr)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.stop()
        code, log = self.end()
        if code != 0:
            sys.stderr.write(log.decode(errors="replace")[-6000:])
            raise AssertionError("the server ended with %d" % code)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def end(self):
        """Waits for the end; exit code and everything that was written to stderr."""
        try:
            code = self.process.wait(timeout=WAIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = -999
        self.process.stdout.close()
        self.stderr.seek(0)
        return code, self.stderr.read()

    def connect(self):
        return Client(self.port)

    def get(self, target, **kw):
        with self.connect() as c:
            c.request("GET", target)
            return c.answer(**kw)

    def counters(self):
        return {k: int(v) for k, v in (p.split("=") for p in self.get("/counters").text.split())}

    def until(self, condition):
        """Polls the counters until the condition holds, at most WAIT_S."""
        end = time.monotonic() + WAIT_S
        while True:
            c = self.counters()
            if condition(c):
                return c
            assert time.monotonic() < end, "still %r" % c
            time.sleep(0.01)


class Answer:
    def __init__(self, status, reason, fields, body):
        self.status, self.reason, self.fields, self.body = status, reason, fields, body

    @property
    def text(self):
        return self.body.decode()

    def __getitem__(self, name):
        got = [v for k, v in self.fields if k == name.lower()]
        return got[0] if got else None

    def count(self, name):
        return len([1 for k, _ in self.fields if k == name.lower()])

    @property
    def code(self):
        found = re.search(r'"code":"([a-z_]+)"', self.text)
        return found.group(1) if found else None


class Client:
    def __init__(self, port):
        self.s = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.s.close()

    def send(self, data):
        if isinstance(data, str):
            data = data.encode("latin-1")
        self.s.sendall(data)

    def request(self, method, target, *fields, body=b"", version="1.1", host=True):
        lines = ["%s %s HTTP/%s" % (method, target, version)] + (["Host: x"] if host else []) + list(fields)
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)

    def fill(self):
        data = self.s.recv(65536)
        self.buffer += data
        return bool(data)

    def line(self):
        while b"\r\n" not in self.buffer:
            assert self.fill(), "the connection ended inside a line: %r" % self.buffer[:200]
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line.decode("latin-1")

    def take(self, n):
        parts, have = [self.buffer], len(self.buffer)
        while have < n:
            data = self.s.recv(min(1 << 20, n - have))
            assert data, "the connection ended %d bytes early" % (n - have)
            parts.append(data)
            have += len(data)
        all_ = b"".join(parts)
        self.buffer = all_[n:]
        return all_[:n]

    def chunks(self):
        out = []
        while True:
            n = int(self.line(), 16)
            out.append(self.take(n))
            assert self.take(2) == b"\r\n"
            if not n:
                return b"".join(out)

    def answer(self, head=False):
        version, status, reason = self.line().split(" ", 2)
        assert version == "HTTP/1.1", version
        fields = []
        while True:
            line = self.line()
            if not line:
                break
            name, value = line.split(":", 1)
            fields.append((name.lower(), value.strip()))
        a = Answer(int(status), reason, fields, b"")
        if a.status >= 200 and a.status not in (204, 304):
            assert a.count("content-length") + a.count("transfer-encoding") <= 1
            if head:
                pass
            elif a["transfer-encoding"] == "chunked":
                a.body = self.chunks()
            elif a["content-length"] is not None:
                a.body = self.take(int(a["content-length"]))
            else:
                a.body = self.rest()
            for name in ("date", "x-request-id", "x-content-type-options", "cache-control"):
                assert a.count(name) == 1, "%s missing in %r" % (name, fields)
        return a

    def rest(self):
        """Everything up to the end of the connection; a reset counts as an end."""
        try:
            while self.fill():
                pass
        except ConnectionError:
            pass
        out, self.buffer = self.buffer, b""
        return out

    def closed(self):
        return self.rest() == b""


def run(cases):
    failed = 0
    print("1..%d" % len(cases))
    for number, case in enumerate(cases, 1):
        name = case.__name__.replace("_", " ")
        start = time.monotonic()
        try:
            case()
            print("ok %d - %s" % (number, name))
        except Exception:  # a case may fail in any way; the others still run
            failed += 1
            print("not ok %d - %s" % (number, name))
            for line in traceback.format_exc().splitlines():
                print("# " + line)
        took = time.monotonic() - start
        if took > 2:
            print("# took %.1f s" % took)
        sys.stdout.flush()
    return 1 if failed else 0
