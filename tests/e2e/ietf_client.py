"""Resumable Uploads for HTTP spoken by hand, for the tests."""
import base64
import hashlib
import json
import os
import re

import vd
import wire

LONG = bool(os.environ.get("VT_LONG"))
UPLOADS = vd.API + "/uploads"
PART = "application/partial-upload"
LIMITS = {"VAULT_LIMITS_CODE_GAP_MS": "1", "VAULT_LIMITS_CODES_PER_HOUR": "100000",
          "VAULT_LIMITS_CODES_PER_DAY": "100000"}
MAX = 1 << 30
TYPES = "https://iana.org/assignments/http-problem-types#"

server = vd.Server(env={**LIMITS, "VAULT_UPLOAD_MAX_BYTES": str(MAX)})
user = server.sign_in()
counter = iter(range(10**9))


def fresh():
    return f"i{next(counter)}.bin"


def path_of(url):
    return "/" + url.split("/", 3)[3] if "://" in url else url


def ask(method, target, headers=None, body=None, version=8, **more):
    own = path_of(target).startswith(UPLOADS + "/")  # the capability in the URL must do
    h = {} if own else dict(user.headers)
    if version:
        h["Upload-Draft-Interop-Version"] = version
    h.update(headers or {})
    return wire.ask(server.port, method, path_of(target), h, body, **more)


def create(name, complete, body=None, headers=None, **more):
    return ask("POST", f"{UPLOADS}?path=/{name}", {"Upload-Complete": complete, **(headers or {})}, body, **more)


def begin(length=None, name=None):
    """(URL, name) of an upload without content."""
    name = name or fresh()
    r = create(name, "?0", headers={"Upload-Length": length})
    assert r.status == 201, r
    return r["Location"], name


def append(url, offset, complete, body, headers=None, **more):
    return ask("PATCH", url, {"Upload-Offset": offset, "Upload-Complete": complete, "Content-Type": PART,
                              **(headers or {})}, body, **more)


def state(url):
    r = ask("HEAD", url)
    assert r.status == 200, r
    return int(r["Upload-Offset"]), r["Upload-Complete"]


def refused(r, status, kind=None):
    assert r.status == status and r["Content-Type"] == "application/problem+json", r
    doc = json.loads(r.body)
    assert doc["status"] == status and doc["detail"] and doc["request_id"] == r["X-Request-Id"], doc
    if kind:
        assert doc["type"] == TYPES + kind, doc
    return doc


def stored(name, data):
    a = user.content(name)
    assert a.status == 200 and hashlib.sha256(a.body).digest() == hashlib.sha256(data).digest(), (a.status, len(a.body))


def digest(data):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


def limits_of(r, key="max-age"):
    got = re.fullmatch(rf"max-size=(\d+), min-size=0, {key}=(\d+)", r["Upload-Limit"] or "")
    assert got and int(got[1]) == MAX, r
    return int(got[2])
