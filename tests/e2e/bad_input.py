#!/usr/bin/env python3
"""Every kind of bad input that a client or an operator can bring: a stable code, a sentence, the
right status, and no trace."""
import base64
import contextlib
import hashlib
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import uuid

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "..", "support")]
import tap
import vd

server = vd.Server(env={"VAULT_LIMITS_CODE_GAP_MS": "1", "VAULT_LIMITS_CODES_PER_HOUR": "100000",
                        "VAULT_LIMITS_CODES_PER_DAY": "100000",
                        "VAULT_LIMITS_BAD_TOKENS_PER_MINUTE_ADDRESS": "100000"})
user = server.sign_in("+905321230001")
_numbers = iter(range(1, 9999))
SPARE = "+9053399"


def phone():
    return f"{SPARE}{next(_numbers):05d}"


def refused(answer, status, code):
    assert answer.status == status, (answer.status, answer.body)
    assert answer.problem() == code, answer.body


def no_trace(u=None):
    """Nothing of a refused upload is left: no row, no reservation, no file."""
    usage = (u or user).usage()
    assert usage["partial_bytes"] == 0, usage


def stored_files():
    found = []
    for folder, _, names in os.walk(os.path.join(server.data, "storage")):
        found += [os.path.join(folder, n) for n in names if n != "store"]
    return found


# ---- names -----------------------------------------------------------------------------------

BAD_NAMES = {"empty": "", "dot": "a/.", "dot dot": "a/../b", "NUL": "a%00b", "control": "a%01b",
             "bidi": "a%E2%80%AEb", "invalid UTF-8": "a%FFb", "overlong UTF-8": "%C0%AF",
             "256 bytes": "x" * 256, "65 levels": "/".join("d" * 65)}
for name, path in BAD_NAMES.items():
    @tap.test(f"name: {name}")
    def _(path=path):
        a = user.request("PUT", "/files/content?path=" + path, b"x")
        assert a.status == 400, (a.status, a.body)
        assert a.problem() in ("name_invalid", "too_deep", "bad_parameter", "bad_encoding"), a.body
        no_trace()


@tap.test("name: a slash in a folder's name")
def _():
    refused(user.request("POST", "/files", {"name": "a/b"}), 400, "name_invalid")


@tap.test("name: 255 bytes are allowed, 256 are not")
def _():
    assert user.put("y" * 255, b"x").status == 201
    refused(user.put("y" * 256, b"x"), 400, "name_invalid")


@tap.test("a name that differs only in case is taken, and by whom")
def _():
    a = user.put("Case.txt", b"one")
    assert a.status == 201
    b = user.put("case.TXT", b"two")
    refused(b, 409, "name_taken")
    assert a.json["id"] in b.body.decode(), b.body
    no_trace()


# ---- bodies ----------------------------------------------------------------------------------

def raw(request):
    with socket.create_connection(("127.0.0.1", server.port), vd.WAIT_S) as s:
        s.sendall(request)
        s.shutdown(socket.SHUT_WR)
        out = b""
        while block := s.recv(65536):
            out += block
    return out


@tap.test("a body shorter than declared leaves nothing")
def _():
    before = len(stored_files())
    raw(f"PUT {vd.API}/files/content?path=short.txt HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: {user.headers['Authorization']}\r\nContent-Length: 100\r\n\r\nonly".encode())
    vd.eventually(lambda: user.usage()["partial_bytes"] == 0, "giving the reservation back")
    assert user.content("short.txt").status == 404
    assert len(stored_files()) == before


@tap.test("a body longer than declared: the rest is another request, and refused as one")
def _():
    out = raw(f"PUT {vd.API}/files/content?path=long.txt HTTP/1.1\r\nHost: x\r\n"
              f"Authorization: {user.headers['Authorization']}\r\nContent-Length: 4\r\n\r\n"
              "four and more".encode())
    assert out.startswith(b"HTTP/1.1 201") and b"HTTP/1.1 400" in out, out
    assert user.content("long.txt").body == b"four"


@tap.test("a digest that does not fit")
def _():
    other = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    for field in ("Repr-Digest", "Content-Digest"):
        refused(user.put("digest.txt", b"these", {field: f"sha-256=:{other}:"}), 400, "digest_mismatch")
    assert user.content("digest.txt").status == 404
    right = base64.b64encode(hashlib.sha256(b"these").digest()).decode()
    assert user.put("digest.txt", b"these", {"Repr-Digest": f"sha-256=:{right}:"}).status == 201
    no_trace()


@tap.test("a malformed digest")
def _():
    a = user.put("digest2.txt", b"these", {"Repr-Digest": "sha-256=nonsense"})
    assert a.status == 400, (a.status, a.body)
    no_trace()


@tap.test("a quota that is exceeded, to the byte")
def _():
    with vd.Server(env={"VAULT_QUOTA_BYTES": "1000"}) as s:
        u = s.sign_in("+905321230005")
        assert u.put("a", b"x" * 600).status == 201
        refused(u.put("b", b"x" * 401), 507, "quota_exceeded")
        assert u.usage()["partial_bytes"] == 0
        assert u.put("b", b"y" * 400).status == 201
        refused(u.put("c", b"z"), 507, "quota_exceeded")


@tap.test("an upload above the largest size")
def _():
    with vd.Server(env={"VAULT_UPLOAD_MAX_BYTES": "1000"}) as s:
        u = s.sign_in("+905321230006")
        assert u.put("a", b"x" * 1000).status == 201
        refused(u.put("b", b"x" * 1001), 413, "too_large")
        c = s.connect()
        c.putrequest("PUT", vd.API + "/files/content?path=chunked")
        for k, v in u.headers.items():
            c.putheader(k, v)
        c.putheader("Transfer-Encoding", "chunked")
        c.endheaders()
        try:
            for _ in range(20):
                c.send(b"64\r\n" + b"x" * 100 + b"\r\n")
            c.send(b"0\r\n\r\n")
        except OSError:
            pass
        r = c.getresponse()
        assert r.status == 413, r.status
        vd.eventually(lambda: u.usage()["partial_bytes"] == 0, "giving the reservation back")


for name, body, headers in [
        ("not JSON", b"{", {}), ("not an object", b"[]", {}), ("an unknown member", b'{"phone":"x","x":1}', {}),
        ("a member twice", b'{"phone":"+905321234567","phone":"1"}', {}),
        ("a wrong type", b'{"phone":1}', {}), ("too deep", b"[" * 3000, {}),
        ("invalid UTF-8", b'{"phone":"\xff"}', {})]:
    @tap.test(f"JSON: {name}")
    def _(body=body, headers=headers):
        a = server.request("POST", vd.API + "/auth/otp", body,
                           {"Content-Type": "application/json", **headers})
        assert a.status == 400, (a.status, a.body)
        a.problem()


@tap.test("JSON: the name that is quoted back is not cut inside a character")
def _():
    for lead in range(4):
        a = server.request("POST", vd.API + "/auth/otp", {"x" * (56 + lead) + "\U0001f600" * 9: "y"})
        refused(a, 400, "bad_json")


@tap.test("JSON: larger than the limit")
def _():
    a = server.request("POST", vd.API + "/auth/otp", b'{"phone":"' + b"x" * 100000 + b'"}',
                       {"Content-Type": "application/json"})
    assert a.status == 413, (a.status, a.body)


@tap.test("an item of somebody else is not found")
def _():
    other = server.sign_in(phone())
    mine = user.put("private.txt", b"secret").json
    for method, path in [("GET", "/files/{}"), ("GET", "/files/{}/content"), ("DELETE", "/files/{}")]:
        refused(other.request(method, path.format(mine["id"])), 404, "not_found")
    assert user.content("private.txt").body == b"secret"


@tap.test("an unknown path, method and id")
def _():
    assert server.get(vd.API + "/nothing").status == 404
    a = server.request("DELETE", vd.API + "/auth/otp")
    assert a.status == 405 and "POST" in a.headers["Allow"], a.headers
    refused(user.get(f"/files/{uuid.uuid4()}"), 404, "not_found")
    assert user.get("/files/not-an-id").status in (400, 404)


# ---- the machine -------------------------------------------------------------------------------

def fails_to_start(env, data, *words, args=()):
    full = server.environment()
    full.pop("VAULT_DATABASE", None)
    full.update({"VAULT_DATA": data, "VAULT_LISTEN": f"127.0.0.1:{vd.free_port()}", **env})
    p = subprocess.run([os.environ["VT_VAULTD"], "serve", *args], env=full, capture_output=True,
                       text=True, timeout=vd.WAIT_S, stdin=subprocess.DEVNULL)
    assert p.returncode not in (0, None) and p.returncode > 0, (p.returncode, p.stderr)
    for w in words:
        assert w in p.stderr, (w, p.stderr)
    assert "Sanitizer" not in p.stderr, p.stderr


def temporary():
    d = tempfile.mkdtemp(prefix="vault-e2e-")
    vd.atexit.register(shutil.rmtree, d, True)
    return d


@tap.test("unknown configuration: environment, file, flag")
def _():
    d = temporary()
    fails_to_start({"VAULT_LIMITS_CODES_PER_HUOR": "3"}, d, "VAULT_LIMITS_CODES_PER_HUOR")
    ini = os.path.join(d, "vault.ini")
    with open(ini, "w") as f:
        f.write("[limits]\ncodes_per_huor = 3\n")
    fails_to_start({"VAULT_CONFIG": ini}, d, "codes_per_huor")
    fails_to_start({}, d, "--limits-nonsense", args=("--limits-nonsense=3",))
    fails_to_start({"VAULT_QUOTA_BYTES": "many"}, d, "VAULT_QUOTA_BYTES")


@tap.test("the port is in use")
def _():
    fails_to_start({"VAULT_LISTEN": f"127.0.0.1:{server.port}"}, temporary(), str(server.port))


@tap.test("the database is open in another process")
def _():
    if os.environ.get("VT_DATABASE") == "postgres":
        raise tap.Skip("PostgreSQL serves several processes")
    fails_to_start({}, server.data, "another process")


@tap.test("the storage directory is missing")
def _():
    with vd.Server() as s:
        s.sign_in("+905321230007").put("a", b"x")
        s.stop()
        os.rename(os.path.join(s.data, "storage"), os.path.join(s.data, "gone"))
        env = {"VAULT_DATABASE": s.database} if s.database else {}
        fails_to_start(env, s.data, "storage")
        assert not os.path.exists(os.path.join(s.data, "storage"))
        os.rename(os.path.join(s.data, "gone"), os.path.join(s.data, "storage"))
        s.start()


@tap.test("the storage directory is another vault's")
def _():
    with vd.Server() as s:
        s.stop()
        env = {"VAULT_STORAGE": "file:" + os.path.join(server.data, "storage")}
        if s.database:
            env["VAULT_DATABASE"] = s.database
        fails_to_start(env, s.data, "another vault")


@tap.test("a database that is gone: 503, to be tried again, and nothing of its insides")
def _():
    if os.environ.get("VT_DATABASE") != "postgres":
        raise tap.Skip("SQLite does not go away")
    with vd.Server() as s:
        s.sign_in("+905321230010")
        s.drop_database()
        a = s.request("POST", vd.API + "/auth/otp", {"phone": "+905321230011"})
        refused(a, 503, "retry")
        assert int(a.headers["Retry-After"]) >= 1, a.headers
        for word in ("PostgreSQL", "password", "database refused", "relation"):
            assert word not in a.body.decode(), a.body
        assert "PostgreSQL" in s.logged() or "database" in s.logged(), s.logged()
        s.kill()
        s.drop_database = lambda: None


@tap.test("a newer schema")
def _():
    with vd.Server() as s:
        s.stop()
        sql = "UPDATE vault_schema SET version = 99, min_reader = 99, min_writer = 99"
        env = {}
        if s.database:
            env["VAULT_DATABASE"] = s.database
            subprocess.run(["psql", "-X", "-q", "-d", s.database, "-c", sql], check=True,
                           capture_output=True)
        else:
            with contextlib.closing(sqlite3.connect(os.path.join(s.data, "vault.db"))) as db:
                db.execute(sql)
                db.commit()
        fails_to_start(env, s.data, "newer")


@tap.test("a full disk: a clear answer, nothing left, and it works again")
def _():
    if os.geteuid() != 0:
        raise tap.Skip("needs root to mount a small tmpfs")
    small = temporary()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", small]).returncode:
        raise tap.Skip("cannot mount a tmpfs here")
    try:
        with vd.Server(env={"VAULT_STORAGE": "file:" + os.path.join(small, "storage")}) as s:
            u = s.sign_in("+905321230008")
            refused(u.put("big", b"x" * (6 << 20)), 507, "disk_full")
            assert u.usage()["partial_bytes"] == 0 and u.content("big").status == 404
            assert u.put("small", b"x" * (1 << 20)).status == 201
            assert u.content("small").body == b"x" * (1 << 20)
            s.stop()
    finally:
        subprocess.run(["umount", "-l", small])


@tap.test("idle connections do not take the descriptors of those who work")
def _():
    with vd.Server(wrap=("sh", "-c", 'ulimit -n 128; exec "$@"', "sh")) as s:
        u = s.sign_in("+905321230009")
        busy = s.connect()
        assert s.request("GET", "/healthz", connection=busy).status == 200
        with contextlib.ExitStack() as idle:
            for _ in range(150):
                idle.enter_context(contextlib.closing(s.connect())).connect()
            a = s.request("PUT", vd.API + "/files/content?path=/a", b"x" * 300000,
                          u.headers, busy)
            assert a.status == 201, (a.status, a.body)
            a = s.request("GET", vd.API + "/files/content?path=/a", None, u.headers, busy)
            assert a.status == 200 and len(a.body) == 300000
        busy.close()
        assert "few_descriptors" in s.logged()


@tap.test("no log holds a code, a token or a whole number")
def _():
    server.stop()
    with open(server.log_path, errors="replace") as f:
        log = f.read()
    secrets = set(server.secrets)
    assert user.grant["access_token"] in secrets, len(secrets)
    secrets |= {re.search(r"#(\d{6})", m["text"]).group(0) for m in server.codes_sent()}
    secrets |= {m["to"] for m in server.codes_sent()} | {m["to"][1:] for m in server.codes_sent()}
    for s in secrets:
        assert s not in log, "a secret stands in the log"


tap.run()
