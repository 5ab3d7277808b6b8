"""Every operation of server/openapi.yaml, called on a running vaultd: the status is documented, the content type
and the document are what the description says, and nothing is in an answer that it does not name.

VT_VAULTD names the binary.
"""
import base64
import hashlib
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent / "e2e")]
import forms  # noqa: E402
import tap  # noqa: E402
import vd  # noqa: E402
import yaml_subset  # noqa: E402

DOC = yaml_subset.load((HERE.parents[1] / "server" / "openapi.yaml").read_text())
METHODS = ("get", "put", "post", "patch", "delete")
NOWHERE = "01890000-0000-7000-8000-000000000000"
JSON_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "null": type(None)}
FORMATS = {
    "uuid": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
    "binary": re.compile(r".*", re.S),
}
called = {}  # (method, path) -> statuses seen


def resolve(node):
    while isinstance(node, dict) and "$ref" in node:
        target = DOC
        for name in node["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        node = target
    return node


def operations():
    for path, entry in DOC["paths"].items():
        for method in METHODS:
            if method in entry:
                yield method, path, entry[method]


def check_type(schema, value, at):
    wanted = schema.get("type")
    wanted = wanted if isinstance(wanted, list) else [wanted] if wanted else []
    if wanted:
        fits = [t for t in wanted if isinstance(value, JSON_TYPES[t])
                and not (t == "integer" and isinstance(value, bool))]
        assert fits, f"{at}: {value!r} is not {wanted}"
    if isinstance(value, str) and "format" in schema:
        assert FORMATS[schema["format"]].fullmatch(value), f"{at}: {value!r} is no {schema['format']}"
    assert "enum" not in schema or value in schema["enum"], f"{at}: {value!r}"
    assert "const" not in schema or value == schema["const"], f"{at}: {value!r}"


def check(schema, value, at="body"):
    schema = resolve(schema)
    if "oneOf" in schema:
        null = [s for s in schema["oneOf"] if s == {"type": "null"}]
        others = [s for s in schema["oneOf"] if s not in null]
        assert len(others) == 1, f"{at}: only one schema, or null, is looked at"
        if value is None and null:
            return
        schema = resolve(others[0])
    check_type(schema, value, at)
    if isinstance(value, dict) and "properties" in schema:
        missing = set(schema.get("required", [])) - set(value)
        unknown = set(value) - set(schema["properties"])
        assert not missing, f"{at}: without {sorted(missing)}"
        assert not unknown, f"{at}: the description does not name {sorted(unknown)}"
        for name, member in value.items():
            check(schema["properties"][name], member, f"{at}.{name}")
    if isinstance(value, list) and "items" in schema:
        for i, member in enumerate(value):
            check(schema["items"], member, f"{at}[{i}]")


def check_answer(method, path, answer):
    documented = DOC["paths"][path][method]["responses"]
    assert str(answer.status) in documented, (
        f"{method} {path}: {answer.status} is not documented; {answer.body[:300]!r}")
    response = resolve(documented[str(answer.status)])
    for name in response.get("headers", {}):
        # These only where they apply.
        if name not in ("Set-Cookie", "Repr-Digest", "Last-Modified", "RateLimit", "RateLimit-Policy"):
            assert name in answer.headers, f"{method} {path} {answer.status}: no {name}"
    content = response.get("content")
    if not content:
        assert not answer.body, f"{method} {path} {answer.status}: {answer.body[:300]!r}"
        return
    kind = (answer.headers["Content-Type"] or "").split(";")[0]
    if "*/*" in content:
        assert kind, f"{method} {path}: no content type"
        return
    assert kind in content, f"{method} {path} {answer.status}: {kind} is not documented"
    if kind.endswith("json"):
        check(content[kind]["schema"], answer.json, f"{method} {path} {answer.status}")
        if kind == "application/problem+json":
            assert answer.json["code"] in DOC["x-problem-codes"], answer.json


def call(who, method, path, status, body=None, headers=None, query="", **ids):
    target = path.format(**ids)
    if isinstance(who, vd.User):
        headers = {**who.headers, **(headers or {})}
    server = who.server if isinstance(who, vd.User) else who
    answer = server.request(method.upper(), target + query, body, headers)
    assert answer.status == status, (method, target, answer.status, answer.body[:500])
    called.setdefault((method, path), set()).add(status)
    check_answer(method, path, answer)
    return answer


@tap.test("the page, health, readiness and keys")
def _():
    page = call(server, "get", "/", 200)
    style = re.search(rb"<style>(.*?)</style>", page.body, re.S).group(1)
    digest = base64.b64encode(hashlib.sha256(style).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page.headers["Content-Security-Policy"], digest
    assert b"<script" not in page.body
    for path in re.findall(r"<code>\w+ (/[^?<]*)", page.body.decode()):
        assert path in DOC["paths"], f"the page names {path}"
    call(server, "get", "/healthz", 200)
    call(server, "get", "/readyz", 200)
    assert call(server, "get", "/.well-known/jwks.json", 200).json["keys"]


@tap.test("signing in, refreshing, sessions")
def _():
    otp, verify, refresh = ("/api/v1/auth/" + p for p in ("otp", "otp/verify", "refresh"))
    call(server, "post", otp, 400, {"phone": "1"})
    call(server, "post", otp, 400, {"phone": "+905321234567", "extra": 1})
    challenge, code = server.ask_code("+905321234567")
    call(server, "post", otp, 429, {"phone": "+905321234567"})
    call(server, "post", verify, 401, {"challenge_id": challenge, "code": f"{(int(code) + 1) % 10**6:06}"})
    vd.eventually(lambda: server.log_has("code_sent"), "the message")
    grant = call(server, "post", verify, 200, {"challenge_id": challenge, "code": code, "device_name": "test"})
    call(server, "post", verify, 401, {"challenge_id": challenge, "code": code})
    call(server, "post", refresh, 401, {"refresh_token": "x"})
    call(server, "post", refresh, 200, {"refresh_token": grant.json["refresh_token"]})
    user = vd.User(server, grant.json)
    rows = call(user, "get", "/api/v1/auth/sessions", 200).json["sessions"]
    assert [r["current"] for r in rows] == [True], rows
    call(user, "delete", "/api/v1/auth/sessions/{id}", 404, id=NOWHERE)
    call(user, "delete", "/api/v1/auth/sessions/{id}", 204, id=rows[0]["id"])
    call(server.sign_in("+905321234568"), "post", "/api/v1/auth/logout", 204)
    call(server, "post", otp, 202, {"phone": "+905321234569"})


@tap.test("the account")
def _():
    call(owner, "get", "/api/v1/me", 200)
    call(owner, "get", "/api/v1/me/usage", 200)


@tap.test("folders and items")
def _():
    files, one = "/api/v1/files", "/api/v1/files/{id}"
    made = call(owner, "post", files, 201, {"name": "klasör"}).json
    call(owner, "post", files, 409, {"name": "klasör"})
    call(owner, "post", files, 400, {"name": "a/b"})
    key = {"Idempotency-Key": "k1"}
    call(owner, "post", files, 201, {"name": "once"}, key)
    call(owner, "post", files, 201, {"name": "once"}, key)
    call(owner, "put", "/api/v1/files/content", 422, b"x", key, query="?path=/x")
    call(owner, "put", "/api/v1/files/content", 201, b"x", {"Idempotency-Key": "k2"}, query="?path=/x")
    call(owner, "post", files, 422, {"name": "twice"}, {"Idempotency-Key": "k2"})
    call(owner, "post", files, 400, {"name": "x"}, {"Idempotency-Key": "k" * 65})
    call(owner, "post", files, 404, {"name": "x", "parent_id": NOWHERE})
    call(owner, "post", files, 400, {"nmae": "x"})
    call(owner, "get", files, 200)
    call(owner, "get", files, 400, query="?limit=0")
    call(owner, "get", files, 404, query="?parent=" + NOWHERE)
    got = call(owner, "get", one, 200, id=made["id"])
    assert got.headers["ETag"] == got.json["etag"]
    call(owner, "get", one, 304, headers={"If-None-Match": got.json["etag"]}, id=made["id"])
    call(owner, "get", one, 404, id=NOWHERE)
    call(owner, "patch", one, 200, {"name": "yeni"}, id=made["id"])
    call(owner, "patch", one, 412, {"name": "daha"}, {"If-Match": got.json["etag"]}, id=made["id"])
    call(owner, "patch", one, 409, {"parent_id": made["id"]}, id=made["id"])
    call(owner, "patch", one, 400, {"name": ".."}, id=made["id"])
    call(owner, "patch", one, 422, {"name": "x"}, key, id=made["id"])
    call(owner, "delete", one, 422, None, key, id=made["id"])
    call(owner, "patch", one, 400, {}, id=made["id"])
    call(owner, "patch", one, 404, {"name": "x"}, id=NOWHERE)


@tap.test("content by path and by id")
def _():
    by_path, by_id = "/api/v1/files/content", "/api/v1/files/{id}/content"
    at = "?path=/a/b.txt"
    item = call(owner, "put", by_path, 201, b"one", query=at + "&mtime_ns=1").json
    again = call(owner, "put", by_path, 200, b"two", query=at).json
    assert again["id"] == item["id"] and again["versions"] == 2, again
    call(owner, "put", by_path, 412, b"x", {"If-None-Match": "*"}, query=at)
    call(owner, "put", by_path, 400, b"x", {"Repr-Digest": "sha-256=:AAAA:"}, query=at)
    call(owner, "put", by_path, 400, b"x", {"Repr-Digest": f"sha-256=:{'A' * 43}=:"}, query=at)
    call(owner, "put", by_path, 400, b"x", query="?path=/a/" + "x" * 256)
    call(owner, "put", by_path, 409, b"x", query="?path=/a")
    call(owner, "put", by_path, 415, b"x", {"Content-Encoding": "gzip"}, query=at)
    for method, path, extra in ((by_path, by_path, {"query": at}), (by_id, by_id, {"id": item["id"]})):
        full = call(owner, "get", path, 200, **extra)
        assert full.body == b"two"
        call(owner, "get", path, 206, headers={"Range": "bytes=1-"}, **extra)
        call(owner, "get", path, 206, headers={"Range": "bytes=0-0,2-2"}, **extra)
        call(owner, "get", path, 304, headers={"If-None-Match": full.headers["ETag"]}, **extra)
        call(owner, "get", path, 412, headers={"If-Match": '"other"'}, **extra)
        call(owner, "get", path, 416, headers={"Range": "bytes=9-"}, **extra)
    call(owner, "get", by_path, 404, query="?path=/none")
    call(owner, "get", by_path, 409, query="?path=/a")
    call(owner, "get", by_id, 200, query="?version=" + item["version_id"], id=item["id"])
    call(owner, "get", by_id, 404, id=NOWHERE)
    call(owner, "put", by_id, 428, b"x", id=item["id"])
    call(owner, "put", by_id, 412, b"x", {"If-Match": '"other"'}, id=item["id"])
    call(owner, "put", by_id, 200, b"three", {"If-Match": again["content_etag"]}, id=item["id"])


@tap.test("forms")
def _():
    form = "/api/v1/uploads/form"
    good, bad = forms.file("form.txt", b"1"), forms.file("..", b"2")
    call(owner, "post", form, 200, forms.body(forms.field("path", "f"), good), forms.TYPE)
    call(owner, "post", form, 207, forms.body(good, bad), forms.TYPE)
    call(owner, "post", form, 400, forms.body(bad), forms.TYPE)
    call(owner, "post", form, 409, forms.body(forms.file("a", b"1")), forms.TYPE)
    call(owner, "post", form, 413, forms.body(*[good] * 257), forms.TYPE)
    call(owner, "post", form, 415, b"{}", {"Content-Type": "application/json"})


@tap.test("uploads that can be resumed")
def _():
    begin, one = "/api/v1/uploads", "/api/v1/uploads/{id}"
    draft, part = {"Upload-Complete": "?0"}, {"Content-Type": "application/partial-upload", "Upload-Complete": "?1"}
    tus = {"Tus-Resumable": "1.0.0"}
    whole = call(owner, "post", begin, 201, b"abc", query="?path=/up/a.txt")
    assert whole.json["size"] == 3
    call(owner, "post", begin, 200, b"abcd", query="?path=/up/a.txt")
    call(owner, "post", begin, 400, b"abc")
    call(owner, "post", begin, 409, b"abc", query="?path=/up")
    call(owner, "post", begin, 412, None, {"Tus-Resumable": "0.2.2"})
    call(owner, "post", begin, 413, None, {**draft, "Upload-Length": "900000000000000"}, query="?path=/x")
    call(owner, "post", begin, 415, b"abc", {**tus, "Upload-Length": "3"}, query="?path=/x")
    call(owner, "post", begin, 404, None, {**tus, "Upload-Concat": "final;" + begin + "/" + NOWHERE}, query="?path=/x")

    def start(headers=draft):
        made = owner.request("POST", "/uploads?path=/up/b.txt", b"", headers)
        assert made.status == 201 and not made.body, made.body
        key = made.headers["Location"].rsplit("/", 1)[1]
        return key, call(server, "get", one, 200, id=key).json["id"]

    key, ident = start()
    call(owner, "get", one, 200, id=ident)
    call(server, "get", one, 412, None, {"Tus-Resumable": "2"}, id=key)
    call(server, "patch", one, 400, b"x", {**part, "Upload-Offset": "x"}, id=key)
    call(server, "patch", one, 409, b"x", {**part, "Upload-Offset": "1"}, id=key)
    call(server, "patch", one, 400, b"x", {**part, "Upload-Offset": "0", "Upload-Length": "2"}, id=key)
    call(server, "patch", one, 415, b"x", {"Upload-Offset": "0"}, id=key)
    call(server, "patch", one, 204, b"x", {**part, "Upload-Offset": "0", "Upload-Complete": "?0"}, id=key)
    call(server, "patch", one, 201, b"y", {**part, "Upload-Offset": "1"}, id=key)
    assert call(server, "get", one, 200, id=key).json["state"] == "done"
    call(server, "patch", one, 200, b"", {**part, "Upload-Offset": "2"}, id=key)
    call(server, "delete", one, 204, id=key)
    call(server, "delete", one, 404, id=key)
    call(server, "patch", one, 404, b"", {**part, "Upload-Offset": "2"}, id=key)
    key, _ = start({**tus, "Upload-Length": "3"})
    bytes_of_tus = {**tus, "Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
    call(server, "patch", one, 460, b"abc", {**bytes_of_tus, "Upload-Checksum": "crc32c AAAAAA=="}, id=key)
    call(server, "patch", one, 413, b"abcd", bytes_of_tus, id=key)
    call(server, "patch", one, 204, b"abc", bytes_of_tus, id=key)


@tap.test("batches")
def _():
    batch = "/api/v1/uploads/batch"
    one = forms.field("manifest", '{"items":[{"path":"/batch.txt"}]}')
    bad = forms.field("manifest", '{"items":[{"path":"/batch.txt","if_none_match":"*"}]}')
    part = forms.file("x", b"1", name="0")
    call(owner, "post", batch, 200, forms.body(one, part), forms.TYPE)
    call(owner, "post", batch, 207, forms.body(bad, part), forms.TYPE)
    call(owner, "post", batch, 400, forms.body(part), forms.TYPE)
    call(owner, "post", batch, 400, forms.body(forms.field("manifest", "{}")), forms.TYPE)
    call(owner, "post", batch, 413, forms.body(one, forms.file("x", bytes(5 << 20), name="0")), forms.TYPE)
    call(owner, "post", batch, 415, b"{}", {"Content-Type": "application/json"})


@tap.test("checking digests")
def _():
    check_path = "/api/v1/uploads/check"
    got = call(owner, "post", check_path, 200, {"digests": [hashlib.sha256(b"1").hexdigest(), "0" * 64]}).json
    assert [r["have"] for r in got["results"]] == [True, False], got
    call(owner, "post", check_path, 400, {"digests": ["0"]})
    call(owner, "post", check_path, 413, {"digests": ["0" * 64] * 1001})
    call(owner, "post", check_path, 415, b"x", {"Content-Type": "text/plain"})


@tap.test("the trash")
def _():
    item = call(owner, "put", "/api/v1/files/content", 201, b"gone", query="?path=/gone.txt").json
    delete, trash, gone = "/api/v1/files/{id}", "/api/v1/trash", "/api/v1/trash/{id}"
    call(owner, "delete", delete, 412, headers={"If-Match": '"other"'}, id=item["id"])
    assert call(owner, "delete", delete, 200, id=item["id"]).json["trashed_at"]
    call(owner, "delete", delete, 404, id=NOWHERE)
    assert call(owner, "get", trash, 200).json["items"]
    call(owner, "get", trash, 400, query="?cursor=x")
    call(owner, "post", gone + "/restore", 404, id=NOWHERE)
    key = {"Idempotency-Key": "t1"}
    call(owner, "post", "/api/v1/files", 201, {"name": "t1"}, key)
    call(owner, "post", gone + "/restore", 422, {}, key, id=item["id"])
    call(owner, "delete", gone, 422, None, key, id=item["id"])
    call(owner, "post", gone + "/restore", 200, {"name": "back.txt"}, id=item["id"])
    call(owner, "delete", delete, 200, id=item["id"])
    call(owner, "delete", gone, 412, headers={"If-Match": '"other"'}, id=item["id"])
    call(owner, "delete", gone, 204, id=item["id"])
    call(owner, "delete", gone, 404, id=item["id"])


@tap.test("what needs a token says so without one")
def _():
    for method, path, operation in operations():
        if "security" not in operation:
            query = "?path=/x" if path.endswith("files/content") else ""
            call(server, method, path, 401, query=query, id=NOWHERE)


@tap.test("an id that is none")
def _():
    for method, path, operation in operations():
        if "security" not in operation and "{id}" in path:
            answer = server.request(method.upper(), path.format(id="x"), None, owner.headers)
            check_answer(method, path, answer)
            assert answer.status in (400, 404, 428), (method, path, answer.status)


@tap.test("every operation was called, with success and in each way that is not rare")
def _():
    for method, path, operation in operations():
        seen = called.get((method, path), set())
        assert any(s < 300 for s in seen), f"{method} {path}: {seen}"


server = vd.Server()
server.log_has = lambda event: event in server.logged()
owner = server.sign_in("+905329999999")
tap.run()
