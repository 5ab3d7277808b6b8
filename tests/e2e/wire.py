"""HTTP/1.1 by hand, for what http.client hides: interim answers, half-sent bodies, trailers."""
import socket
import threading

import vd

WAIT_S = vd.WAIT_S


def at_once(n, request):
    """request(0) to request(n - 1), started together: their replies, None where the connection was cut."""
    replies, gate = [None] * n, threading.Barrier(n)

    def run(k):
        gate.wait()
        try:
            replies[k] = request(k)
        except (OSError, EOFError):
            pass

    threads = [threading.Thread(target=run, args=(k,)) for k in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replies


class Reply:
    """status, headers (lower-case names, repeated fields joined), body, interim: replies before it."""

    def __init__(self, status, headers):
        self.status, self.headers, self.body, self.interim = status, headers, b"", []

    def __getitem__(self, name):
        return self.headers.get(name.lower())

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:300]!r} interim={self.interim}"


class Wire:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), WAIT_S)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def head(self, method, target, headers):
        lines = [f"{method} {target} HTTP/1.1", "Host: localhost"]
        lines += [f"{k}: {v}" for k, v in headers.items() if v is not None]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    def line(self):
        while b"\r\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line.decode("latin-1")

    def more(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError("the connection ended")
        self.buffer += data

    def one(self):
        """One status line and its fields, interim or final."""
        status = int(self.line().split(" ", 2)[1])
        headers = {}
        while line := self.line():
            name, value = line.split(":", 1)
            name, value = name.strip().lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return Reply(status, headers)

    def reply(self, method="GET"):
        """The final answer, with those before it."""
        interim = []
        while (r := self.one()).status < 200:
            interim.append(r)
        r.interim = interim
        if method != "HEAD" and r.status not in (204, 304):
            length = int(r["content-length"])
            while len(self.buffer) < length:
                self.more()
            r.body, self.buffer = self.buffer[:length], self.buffer[length:]
        return r


def ask(port, method, target, headers=None, body=None, chunks=None, trailers=None):
    """One request on a connection of its own. chunks: pieces of a chunked body, then trailers."""
    headers = dict(headers or {})
    if chunks is not None:
        headers["Transfer-Encoding"] = "chunked"
    elif body is not None:
        headers["Content-Length"] = len(body)
    elif method in ("POST", "PUT", "PATCH"):
        headers["Content-Length"] = 0
    with Wire(port) as w:
        w.head(method, target, headers)
        try:
            for chunk in chunks or []:
                w.send(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            if chunks is not None:
                w.send(b"0\r\n" + b"".join(f"{k}: {v}\r\n".encode() for k, v in (trailers or {}).items()) + b"\r\n")
            elif body:
                w.send(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused early: the answer is there
        return w.reply(method)


def send_part(port, method, target, headers, length, part):
    """Declare length bytes, send part of them, and go away without a word once they were taken off our hands."""
    with Wire(port) as w:
        w.head(method, target, {**headers, "Content-Length": length})
        w.send(part)
        # The reset that an immediate close would cause may overtake the bytes: wait until they are received.
        w.socket.shutdown(socket.SHUT_WR)
        try:
            while w.socket.recv(1 << 16):
                pass
        except OSError:
            pass
