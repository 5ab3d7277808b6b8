"""tus 1.0 spoken by hand, for the tests. `server` and `user` are those that the functions talk to; with other() they are
others for a while."""
import base64
import contextlib
import hashlib
import json
import os

import vd
import wire

LONG = bool(os.environ.get("VT_LONG"))
UPLOADS = vd.API + "/uploads"
BYTES = "application/offset+octet-stream"
LIMITS = {"VAULT_LIMITS_CODE_GAP_MS": "1", "VAULT_LIMITS_CODES_PER_HOUR": "100000",
          "VAULT_LIMITS_CODES_PER_DAY": "100000"}
MAX = 1 << 30
EXTENSIONS = {"creation", "creation-with-upload", "creation-defer-length", "expiration", "checksum",
              "checksum-trailer", "termination", "concatenation", "concatenation-unfinished"}

server = vd.Server(env={**LIMITS, "VAULT_UPLOAD_MAX_BYTES": str(MAX)})
user = server.sign_in()
counter = iter(range(10**9))


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def meta(**pairs):
    return ",".join(f"{k} {b64(str(v))}" for k, v in pairs.items())


def path_of(url):
    return "/" + url.split("/", 3)[3] if "://" in url else url


def tus(method, target, headers=None, body=None, owner=None, version="1.0.0", **more):
    """owner None: the capability in the URL must do."""
    h = {"Tus-Resumable": version, **((owner or user).headers if target.startswith(UPLOADS + "?") or
         target == UPLOADS else {}), **(headers or {})}
    r = wire.ask(server.port, method, path_of(target), h, body, **more)
    if method != "OPTIONS":
        assert r["Tus-Resumable"] == "1.0.0", r
    return r


def create(length=None, name=None, headers=None, body=None, **more):
    h = {"Upload-Metadata": meta(filename=name or f"t{next(counter)}.bin"), **(headers or {})}
    if length is not None:
        h["Upload-Length"] = length
    r = tus("POST", UPLOADS, h, body, **more)
    assert r.status == 201, r
    return r["Location"], r


def patch(url, offset, body, headers=None, **more):
    return tus("PATCH", url, {"Upload-Offset": offset, "Content-Type": BYTES, **(headers or {})}, body, **more)


def head(url):
    return tus("HEAD", url)


def offset_of(url):
    r = head(url)
    assert r.status == 200, r
    return int(r["Upload-Offset"])


def refused(r, status, code=None):
    assert r.status == status, r
    if code:
        assert json.loads(r.body)["code"] == code, r


def stored(name, data, who=None):
    a = (who or user).content(name)
    assert a.status == 200 and hashlib.sha256(a.body).digest() == hashlib.sha256(data).digest(), (a.status, len(a.body))


def fresh(suffix="bin"):
    return f"t{next(counter)}.{suffix}"


@contextlib.contextmanager
def other(**env):
    """A server with other settings, for the tests inside."""
    global server, user
    before = server, user
    with vd.Server(env={**LIMITS, **env}) as server:
        user = server.sign_in()
        try:
            yield
        finally:
            server, user = before
