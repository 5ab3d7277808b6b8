#!/usr/bin/env python3
"""What a client may rely on: versions, conditions, ranges, digests, folders, the trash, sessions,
commands for the operator, flat memory, and an orderly end."""
import base64
import hashlib
import json
import os
import socket
import subprocess
import sys
import threading

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "..", "support")]
import tap
import vd

MIB = 1 << 20
server = vd.Server(env={"VAULT_LIMITS_CODE_GAP_MS": "1", "VAULT_LIMITS_CODES_PER_HOUR": "100000",
                        "VAULT_LIMITS_CODES_PER_DAY": "100000"})
user = server.sign_in()


def refused(answer, status, code):
    assert answer.status == status, (answer.status, answer.body)
    assert answer.problem() == code, answer.body


@tap.test("the front page says what this is and where the API is")
def _():
    a = server.get("/")
    assert a.status == 200 and a.headers["Content-Type"].startswith("text/html")
    assert vd.API in a.body.decode()


@tap.test("health, readiness and the key set")
def _():
    assert server.get("/healthz").status == 200
    assert server.get("/readyz").status == 200
    keys = server.get("/.well-known/jwks.json").json["keys"]
    assert keys and keys[0]["kty"] == "OKP" and keys[0]["crv"] == "Ed25519" and "d" not in keys[0]


@tap.test("put: 201 for a new file, 200 for a new version, 200 for the same bytes")
def _():
    a = user.put("v/x.txt", b"one")
    assert a.status == 201 and a.headers["ETag"], a.headers
    b = user.put("v/x.txt", b"two")
    assert b.status == 200 and b.json["id"] == a.json["id"]
    assert b.json["version_id"] != a.json["version_id"]
    c = user.put("v/x.txt", b"two")
    assert c.status == 200 and c.json["version_id"] == b.json["version_id"]
    assert user.content("v/x.txt").body == b"two"
    old = user.get(f"/files/{a.json['id']}/content?version={a.json['version_id']}")
    assert old.status == 200 and old.body == b"one", old.body


@tap.test("conditions on a put")
def _():
    a = user.put("cond.txt", b"one")
    tag = user.content("cond.txt").headers["ETag"]
    refused(user.put("cond.txt", b"two", {"If-None-Match": "*"}), 412, "precondition_failed")
    refused(user.put("cond.txt", b"two", {"If-Match": '"nonsense"'}), 412, "precondition_failed")
    assert user.put("cond.txt", b"two", {"If-Match": tag}).status == 200
    refused(user.put("cond.txt", b"three", {"If-Match": tag}), 412, "precondition_failed")
    assert user.put("cond2.txt", b"new", {"If-None-Match": "*"}).status == 201
    by_id = f"/files/{a.json['id']}/content"
    assert user.request("PUT", by_id, b"four").status == 428
    tag = user.content("cond.txt").headers["ETag"]
    assert user.request("PUT", by_id, b"four", {"If-Match": tag}).status == 200
    assert user.content("cond.txt").body == b"four"


@tap.test("download: ETag, digest, safe headers, HEAD, conditions")
def _():
    body = os.urandom(100000)
    user.put("down/şirket.html", body)
    a = user.content("down/şirket.html")
    assert a.body == body
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert a.headers["Repr-Digest"] == f"sha-256=:{digest}:"
    assert a.headers["X-Content-Type-Options"] == "nosniff"
    assert a.headers["Content-Disposition"].startswith("attachment")
    assert "filename*=UTF-8''%C5%9Firket.html" in a.headers["Content-Disposition"]
    assert "sandbox" in a.headers["Content-Security-Policy"]
    head = user.request("HEAD", "/files/content?path=down/%C5%9Firket.html")
    assert head.status == 200 and head.body == b""
    assert head.headers["Content-Length"] == str(len(body))
    tag = a.headers["ETag"]
    assert user.content("down/şirket.html", {"If-None-Match": tag}).status == 304
    assert user.content("down/şirket.html", {"If-None-Match": '"x"'}).status == 200
    assert user.content("down/şirket.html", {"If-Match": '"x"'}).status == 412
    assert user.content("down/şirket.html",
                        {"If-Modified-Since": a.headers["Last-Modified"]}).status == 304


@tap.test("download: ranges")
def _():
    body = os.urandom(70000)
    user.put("range.bin", body)
    tag = user.content("range.bin").headers["ETag"]
    for spec, want in [("bytes=0-0", body[:1]), ("bytes=5-9", body[5:10]), ("bytes=69999-", body[-1:]),
                       ("bytes=-10", body[-10:]), ("bytes=60000-99999999999999999999", body[60000:])]:
        a = user.content("range.bin", {"Range": spec})
        assert a.status == 206 and a.body == want, (spec, a.status)
        assert a.headers["Content-Range"].endswith("/70000")
    a = user.content("range.bin", {"Range": "bytes=70000-"})
    assert a.status == 416 and a.headers["Content-Range"] == "bytes */70000", a.headers
    assert user.content("range.bin", {"Range": "bytes=0-1", "If-Range": tag}).status == 206
    assert user.content("range.bin", {"Range": "bytes=0-1", "If-Range": '"old"'}).body == body
    assert user.content("range.bin", {"Range": "lines=1-2"}).body == body


@tap.test("chunked bodies, 100-continue and keep-alive")
def _():
    c = server.connect()
    for i in range(3):
        c.request("PUT", vd.API + f"/files/content?path=chunk{i}", iter([b"ab", b"cd" * 50000, b"e"]),
                  {**user.headers, "Transfer-Encoding": "chunked"}, encode_chunked=True)
        r = c.getresponse()
        assert r.status == 201 and json.loads(r.read())["size"] == 100003
    out = subprocess.run(["curl", "-sS", "-T", "-", "-H", "Expect: 100-continue", "-H",
                          "Authorization: " + user.headers["Authorization"], "-o", os.devnull,
                          "-w", "%{http_code}",
                          f"http://127.0.0.1:{server.port}{vd.API}/files/content?path=curl.txt"],
                         input=b"from curl", capture_output=True, check=True)
    assert out.stdout == b"201", out
    assert user.content("curl.txt").body == b"from curl"


@tap.test("times: nanoseconds, before 1970, and X-OC-Mtime")
def _():
    for ns in (0, 1, -1, -123456789012345678, 1764000000123456789):
        a = user.put("time.txt", str(ns).encode(), query=f"&mtime_ns={ns}")
        assert a.json["mtime_ns"] == str(ns), a.json
    a = user.put("time2.txt", b"x", {"X-OC-Mtime": "1764000000"})
    assert a.json["mtime_ns"] == "1764000000000000000", a.json


@tap.test("folders: make, list in pages, rename, move, cycle")
def _():
    a = user.request("POST", "/files", {"name": "Klasör"})
    assert a.status == 201, a.body
    folder = a.json["id"]
    for i in range(25):
        assert user.put(f"Klasör/{i:02}.txt", b"x%d" % i).status == 201
    seen, cursor = [], ""
    while True:
        page = user.get(f"/files?parent={folder}&limit=10&cursor={cursor}").json
        seen += [i["name"] for i in page["items"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == [f"{i:02}.txt" for i in range(25)], seen
    b = user.request("POST", "/files", {"name": "in", "parent_id": folder}).json
    refused(user.request("PATCH", f"/files/{folder}", {"parent_id": b["id"]}), 409, "folder_cycle")
    item = user.get(f"/files/{b['id']}")
    tag = item.headers["ETag"]
    assert item.json["etag"] == tag
    moved = user.request("PATCH", f"/files/{b['id']}", {"name": "out", "parent_id": None},
                         {"If-Match": tag})
    assert moved.status == 200 and moved.json["name"] == "out", moved.body
    refused(user.request("PATCH", f"/files/{b['id']}", {"name": "x"}, {"If-Match": tag}), 412,
            "precondition_failed")
    refused(user.request("POST", "/files", {"name": "KLASÖR"}), 409, "name_taken")
    assert user.get("/files?limit=1001").status in (400, 413)
    assert user.get("/files?cursor=%21").status == 400


@tap.test("the trash: move, list, restore, remove for good")
def _():
    u = server.sign_in("+905321239001")
    a = u.put("t/a.txt", b"12345").json
    u.put("t/b.txt", b"123")
    folder = u.get("/files").json["items"][0]["id"]
    assert u.request("DELETE", f"/files/{folder}").status in (200, 204)
    assert u.get("/files").json["items"] == []
    refused(u.get(f"/files/{a['id']}/content"), 404, "not_found")
    usage = u.usage()
    assert (usage["live_bytes"], usage["trash_bytes"]) == (0, 8), usage
    trash = u.get("/trash").json["items"]
    assert [i["id"] for i in trash] == [folder], trash
    assert u.request("POST", f"/trash/{folder}/restore").status == 200
    assert u.content("t/a.txt").body == b"12345"
    u.request("DELETE", f"/files/{folder}")
    assert u.request("DELETE", f"/trash/{folder}").status in (200, 204)
    usage = u.usage()
    assert usage["used_bytes"] == 0 and usage["files"] == 0, usage
    refused(u.request("POST", f"/trash/{folder}/restore"), 404, "not_found")


@tap.test("an idempotency key does it once")
def _():
    key = {"Idempotency-Key": "b5a1c7f0-1"}
    a = user.request("POST", "/files", {"name": "once"}, key)
    b = user.request("POST", "/files", {"name": "once"}, key)
    assert a.status == 201 and b.status in (200, 201) and a.json["id"] == b.json["id"], b.body
    refused(user.put("other.txt", b"x", key), 422, "idempotency_key_reused")
    key = {"Idempotency-Key": "b5a1c7f0-2"}
    a, b = user.put("k.txt", b"x", key), user.put("k.txt", b"x", key)
    assert a.json["version_id"] == b.json["version_id"]
    refused(user.put("k.txt", b"other bytes", key), 422, "idempotency_key_reused")
    assert user.content("k.txt").body == b"x" and user.usage()["partial_bytes"] == 0


@tap.test("a key finds the lost answer, also where its own success now fails the condition")
def _():
    def twice(method, path, body, fields):
        answers = []
        for _ in range(2):
            answers.append(user.request(method, path, body, {"Idempotency-Key": f"lost-{twice.n}", **fields}))
        twice.n += 1
        a, b = answers
        assert a.status in (200, 201, 204) and b.status in (200, 201, 204), (fields, a.status, b.status, b.body)
        assert a.status == 204 or a.json["version_id"] == b.json["version_id"]
        return b.json if b.status != 204 else None
    twice.n = 0
    by_path = "/files/content?path=/lost.txt"
    item = twice("PUT", by_path, b"1", {"If-None-Match": "*"})
    item = twice("PUT", by_path, b"2", {"If-Match": item["content_etag"]})
    item = twice("PUT", by_path, b"3", {"If-Match": '"zz", ' + item["content_etag"]})
    one = "/files/" + item["id"]
    item = twice("PUT", one + "/content", b"4", {"If-Match": item["content_etag"]})
    item = twice("PATCH", one, {"name": "lost2.txt"}, {"If-Match": item["etag"]})
    item = twice("PATCH", one, {"name": "lost3.txt"}, {"If-Match": '"zz", ' + item["etag"]})
    for method, path, body in (("PUT", by_path, b"5"), ("PUT", one + "/content", b"5"), ("PATCH", one, {"name": "x"})):
        for tag in ('"zz"', '"zz", "zy"'):
            twice.n += 1  # a condition that really fails does, with a key too
            refused(user.request(method, path, body, {"Idempotency-Key": f"lost-{twice.n}", "If-Match": tag}),
                    412, "precondition_failed")
    item = twice("DELETE", one, None, {"If-Match": item["etag"]})
    twice("DELETE", "/trash/" + item["id"], None, {"If-Match": "*"})


@tap.test("sessions: refresh, list, revoke another, log out")
def _():
    one, two = server.sign_in("+905321239002"), server.sign_in("+905321239002")
    listed = one.get("/auth/sessions").json
    rows = listed["sessions"] if isinstance(listed, dict) else listed
    assert len(rows) == 2 and sum(r["current"] for r in rows) == 1, rows
    fresh = server.request("POST", vd.API + "/auth/refresh",
                           {"refresh_token": one.grant["refresh_token"]})
    assert fresh.status == 200, fresh.body
    again = server.request("POST", vd.API + "/auth/refresh",
                           {"refresh_token": one.grant["refresh_token"]})
    assert again.json["refresh_token"] == fresh.json["refresh_token"]
    other = next(r["id"] for r in rows if not r["current"])
    assert one.request("DELETE", f"/auth/sessions/{other}").status in (200, 204)
    refused(two.get("/me"), 401, "session_revoked")


@tap.test("32 refreshes at once all get the same token")
def _():
    u = server.sign_in("+905321239003")
    answers = []

    def go():
        answers.append(server.request("POST", vd.API + "/auth/refresh",
                                      {"refresh_token": u.grant["refresh_token"]}))
    threads = [threading.Thread(target=go) for _ in range(32)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert {a.status for a in answers} == {200}
    assert len({a.json["refresh_token"] for a in answers}) == 1


@tap.test("a browser gets the refresh token only as a cookie")
def _():
    challenge, code = server.ask_code("+905321239004")
    browser = {"Sec-Fetch-Site": "same-origin"}
    a = server.verify(challenge, code, browser)
    assert a.status == 200 and "refresh_token" not in a.json, a.body
    cookie = a.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie, cookie
    pair = cookie.split(";")[0]
    ok = server.request("POST", vd.API + "/auth/refresh", None, {**browser, "Cookie": pair})
    assert ok.status == 200 and "refresh_token" not in ok.json, ok.body
    cross = server.request("POST", vd.API + "/auth/refresh", None,
                           {"Sec-Fetch-Site": "cross-site", "Cookie": pair})
    assert cross.status in (401, 403), cross.body


def vaultd(*args):
    return subprocess.run([os.environ["VT_VAULTD"], *args], env=server.environment(),
                          capture_output=True, text=True, timeout=vd.WAIT_S)


@tap.test("commands: user, session, fsck and config, beside the running server")
def _():
    u = server.sign_in("+905321239005")
    p = vaultd("user", "list")
    assert p.returncode == 0, p.stderr
    p = vaultd("user", "quota", "+905321239005", "12345")
    assert p.returncode == 0, p.stderr
    assert u.usage()["quota_bytes"] == 12345
    p = vaultd("session", "revoke", "+905321239005")
    assert p.returncode == 0, p.stderr
    refused(u.get("/me"), 401, "session_revoked")
    p = vaultd("user", "disable", "+905321239005")
    assert p.returncode == 0, p.stderr
    challenge, code = server.ask_code("+905321239005")
    vd.eventually(lambda: server.request("POST", vd.API + "/auth/otp/verify",
                                         {"challenge_id": challenge, "code": code}).status == 403,
                  "the refusal")
    p = vaultd("fsck", "--quick")
    assert p.returncode == 0, (p.stdout, p.stderr)
    p = vaultd("config", "show")
    assert p.returncode == 0 and "listen" in p.stdout, p.stderr
    p = vaultd("nonsense")
    assert p.returncode not in (0, 1) or "nonsense" in p.stderr


@tap.test("a command that never reads its answers holds up no stop")
def _():
    with vd.Server() as s:
        s.sign_in("+905321239006")
        with socket.socket(socket.AF_UNIX) as c:
            c.connect(os.path.join(s.data, "admin.sock"))
            c.setblocking(False)
            line = b'{"op":"user.list"}\n' * 1000
            end = vd.time.monotonic() + 2
            while vd.time.monotonic() < end:
                try:
                    c.send(line)
                except BlockingIOError:
                    vd.time.sleep(0.01)
            assert s.stop() == 0
        with open(s.log_path) as f:
            assert "admin_command" in f.read()


def peak_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))


@tap.test("memory is flat: 1 GiB up and down costs at most 2 MiB more than 1 MiB")
def _():
    if os.environ.get("VT_SANITIZED"):
        raise tap.Skip("a sanitizer's own memory would be measured")
    with vd.Server() as s:
        u = s.sign_in()

        def through(name, size):
            def blocks():
                block = os.urandom(MIB)
                for i in range(size // MIB):
                    yield i.to_bytes(8, "big") + block[8:]
            u.put(name, blocks(), {"Content-Length": str(size)})
            c = s.connect()
            c.request("GET", vd.API + "/files/content?path=" + name, headers=u.headers)
            r = c.getresponse()
            n = 0
            while block := r.read(MIB):
                n += len(block)
            assert n == size
            c.close()
        through("warm", MIB)
        through("small", MIB)
        small = peak_kib(s.process.pid)
        through("large", 1024 * MIB)
        large = peak_kib(s.process.pid)
        assert large - small <= 2048, f"{small} KiB, then {large} KiB"


@tap.test("SIGTERM: what is in flight is finished, then it leaves")
def _():
    # Not inline: what is in flight can be seen from outside.
    with vd.Server(env={"VAULT_UPLOAD_INLINE_MAX_BYTES": "0"}) as s:
        u = s.sign_in()
        sock = socket.create_connection(("127.0.0.1", s.port), vd.WAIT_S)
        sock.sendall((f"PUT {vd.API}/files/content?path=late.txt HTTP/1.1\r\nHost: x\r\n"
                      f"Authorization: {u.headers['Authorization']}\r\nContent-Length: 10\r\n"
                      "\r\n12345").encode())
        # The upload is under way once its bytes are reserved.
        vd.eventually(lambda: u.usage()["partial_bytes"] == 10, "the reservation")
        s.process.send_signal(15)
        vd.eventually(lambda: refuses(s.port), "closing the listener")
        sock.sendall(b"67890")
        answer = b""
        while block := sock.recv(65536):
            answer += block
        assert answer.startswith(b"HTTP/1.1 201"), answer
        assert s.process.wait(vd.WAIT_S) == 0
        s.start()
        assert u.content("late.txt").body == b"1234567890"


def refuses(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return False
    except OSError:
        return True


@tap.test("it leaves with 0")
def _():
    assert server.stop() == 0, server.logged()


tap.run()
