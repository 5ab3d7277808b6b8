"""A vaultd for a test: started on a free port over a directory of its own, stopped and removed
at the end. What the tests say to it goes over real sockets.

VT_VAULTD names the binary, VT_DATABASE is "sqlite" or "postgres" (then VT_PG_CONNINFO says where).
"""
import atexit
import contextlib
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse
import uuid

API = "/api/v1"
CHUNK = 1 << 20
WAIT_S = 60


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def eventually(fn, what, seconds=WAIT_S):
    """fn until it gives something true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = fn()
        if got:
            return got
        time.sleep(0.005)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def _psql(sql):
    """Run as the owner of the test server, outside any vault's database."""
    subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", os.environ["VT_PG_CONNINFO"],
                    "-c", sql], check=True, capture_output=True)


def new_database():
    """(URL for VAULT_DATABASE, function that drops it); (None, nothing) on SQLite."""
    if os.environ.get("VT_DATABASE", "sqlite") == "sqlite":
        return None, lambda: None
    name = "e2e_" + uuid.uuid4().hex
    _psql(f"create database {name}")
    info = dict(p.split("=", 1) for p in os.environ["VT_PG_CONNINFO"].split())
    info["dbname"] = name
    query = urllib.parse.urlencode(info)
    return "postgresql://?" + query, lambda: _psql(f"drop database {name} with (force)")


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def problem(self):
        assert self.headers["Content-Type"] == "application/problem+json", self.headers
        doc = self.json
        assert doc["status"] == self.status and doc["detail"] and doc["title"], doc
        assert doc["request_id"] == self.headers["X-Request-Id"], doc
        return doc["code"]


class Server:
    def __init__(self, env=None, data=None, start=True, args=(), wrap=()):
        self.own_data = data is None
        self.data = data or tempfile.mkdtemp(prefix="vault-e2e-")
        self.database, self.drop_database = new_database()
        self.env = dict(env or {})
        self.args = args
        self.wrap = wrap  # a command that runs the server: one with other limits
        self.codes = os.path.join(self.data, "sms.jsonl")
        self.log_path = os.path.join(self.data, "log")
        self.process = None
        self.secrets = set()  # every token and challenge that it ever gave out
        atexit.register(self.remove)
        if start:
            self.start()

    def environment(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith("VAULT_")}
        env.update(VAULT_DATA=self.data, VAULT_LISTEN=f"127.0.0.1:{self.port}",
                   VAULT_SMS="file:" + self.codes,
                   # Tokens name their issuer: it must not change with the port.
                   VAULT_PUBLIC_URL="http://localhost", VAULT_LIMITS_CODES_PER_HOUR_ADDRESS="10000")
        if self.database:
            env["VAULT_DATABASE"] = self.database
        env.update(self.env)
        return env

    def start(self):
        self.port = free_port()
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen([*self.wrap, os.environ["VT_VAULTD"], "serve", *self.args],
                                        env=self.environment(), stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        eventually(self.answers, "the first answer")

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"vaultd ended with {self.process.returncode}: {self.logged()}")
        try:
            return self.get("/healthz").status == 200
        except OSError:
            return False

    def logged(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()[-4000:]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Ask it to leave; its exit code."""
        if self.process is None or self.process.poll() is not None:
            return self.process.returncode if self.process else None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_S)

    def remove(self):
        if self.process and self.process.poll() is None:
            self.kill()
        if self.own_data and os.path.isdir(self.data):
            shutil.rmtree(self.data, ignore_errors=True)
            self.drop_database()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    # ---- requests -------------------------------------------------------------------

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT_S)

    def request(self, method, path, body=None, headers=None, connection=None):
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        c = connection or self.connect()
        with contextlib.closing(c) if connection is None else contextlib.nullcontext():
            c.request(method, path, body, headers)
            r = c.getresponse()
            answer = Answer(r, r.read())
        if path.startswith(API + "/auth/") and answer.status in (200, 202):
            self.keep_secrets(answer)
        return answer

    def keep_secrets(self, answer):
        for name in ("access_token", "refresh_token", "challenge_id"):
            if name in answer.json:
                self.secrets.add(answer.json[name])
        if cookie := answer.headers["Set-Cookie"]:
            self.secrets.add(cookie.split(";")[0].split("=", 1)[1])

    def get(self, path, headers=None):
        return self.request("GET", path, None, headers)

    def codes_sent(self):
        try:
            with open(self.codes) as f:
                return [json.loads(line) for line in f if line.endswith("\n")]
        except FileNotFoundError:
            return []

    def ask_code(self, phone, resend=None):
        """(challenge id, code)"""
        before = len(self.codes_sent())
        body = {"phone": phone}
        if resend:
            body["challenge_id"] = resend
        a = self.request("POST", API + "/auth/otp", body)
        assert a.status == 202, (a.status, a.body)
        sent = eventually(lambda: self.codes_sent()[before:], "the code")
        return a.json["challenge_id"], re.search(r"#(\d{6})\s*$", sent[0]["text"]).group(1)

    def verify(self, challenge, code, headers=None):
        """The code file is written a moment before the code counts as accepted."""
        body = {"challenge_id": challenge, "code": code}
        end = time.monotonic() + WAIT_S
        while True:
            a = self.request("POST", API + "/auth/otp/verify", body, headers)
            if a.status == 200 or time.monotonic() > end:
                return a
            time.sleep(0.01)

    def sign_in(self, phone="+905321234567"):
        challenge, code = self.ask_code(phone)
        a = self.verify(challenge, code)
        assert a.status == 200, (a.status, a.body)
        return User(self, a.json)


class User:
    def __init__(self, server, grant):
        self.server, self.grant = server, grant
        self.headers = {"Authorization": "Bearer " + grant["access_token"]}

    def request(self, method, path, body=None, headers=None, connection=None):
        return self.server.request(method, API + path, body, {**self.headers, **(headers or {})},
                                   connection)

    def get(self, path, headers=None):
        return self.request("GET", path, None, headers)

    def put(self, path, body, headers=None, query="", connection=None):
        return self.request("PUT", "/files/content?path=" + urllib.parse.quote(path) + query, body,
                            headers, connection)

    def put_file(self, path, source, connection=None):
        st = os.stat(source)
        with open(source, "rb") as f:
            return self.request("PUT", "/files/content?path=" + urllib.parse.quote(path)
                                + f"&mtime_ns={st.st_mtime_ns}", f,
                                {"Content-Length": str(st.st_size)}, connection)

    def content(self, path, headers=None):
        return self.get("/files/content?path=" + urllib.parse.quote(path), headers)

    def children(self, parent=""):
        """Every row of a folder, over all pages."""
        cursor = ""
        while True:
            page = self.get(f"/files?parent={parent}&limit=100&cursor={cursor}" if parent
                            else f"/files?limit=100&cursor={cursor}")
            assert page.status == 200, (page.status, page.body)
            yield from page.json["items"]
            cursor = page.json["next_cursor"]
            if not cursor:
                return

    def usage(self):
        return self.get("/me/usage").json


def digest(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while block := f.read(CHUNK):
            h.update(block)
    return h.hexdigest()
