#!/usr/bin/env python3
"""tus 1.0: concatenation, the capability in the URL, interrupted uploads, requests at one offset.
VT_LONG runs the campaigns ten times as long.
"""
import hashlib
import json
import os
import random
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "..", "support")]
import tap
import tus_client as t
import vd
import wire
from tus_client import (BYTES, LONG, UPLOADS, create, fresh, head, meta, offset_of, patch, path_of, refused, stored,
                        tus)


# ---- concatenation ----------------------------------------------------------------------------------


def partial(data, whole=True):
    r = tus("POST", UPLOADS, {"Upload-Concat": "partial", "Upload-Length": len(data)})
    assert r.status == 201, r
    if whole:
        assert patch(r["Location"], 0, data).status == 204
    return r["Location"]


def final(urls, name, headers=None):
    return tus("POST", UPLOADS, {"Upload-Concat": "final;" + " ".join(urls), "Upload-Metadata": meta(filename=name),
                                 **(headers or {})})


@tap.test("concatenation: the parts in their order, absolute or relative; HEAD has the list, the sum and the offset")
def _():
    parts = [os.urandom(n) for n in (5, 0, 70000, 3 << 20)]
    urls = [partial(p) for p in parts]
    for u, p in zip(urls, parts):
        r = head(u)
        assert r["Upload-Concat"] == "partial" and r["Upload-Offset"] == r["Upload-Length"] == str(len(p)), r
    name = fresh()
    listed = [urls[0], path_of(urls[1]), urls[2], path_of(urls[3])]
    r = final(listed, name)
    assert r.status == 201, r
    stored(name, b"".join(parts))
    r = head(r["Location"])
    total = str(sum(map(len, parts)))
    assert r["Upload-Offset"] == r["Upload-Length"] == total, r
    assert r["Upload-Concat"] == "final;" + " ".join(listed), r
    assert r["Upload-Metadata"] == meta(filename=name), r


@tap.test("concatenation: other orders, a part twice, a part again")
def _():
    a, b = partial(b"aaa"), partial(b"bb")
    for order, want in (((b, a), b"bbaaa"), ((a, b, a), b"aaabbaaa"), ((a, a), b"aaaaaa")):
        name = fresh()
        assert final(order, name).status == 201
        stored(name, want)


@tap.test("concatenation: metadata of parts is not inherited; a part is no file")
def _():
    r = tus("POST", UPLOADS, {"Upload-Concat": "partial", "Upload-Length": 3, "Upload-Metadata": meta(filename="p.txt")})
    assert patch(r["Location"], 0, b"abc").status == 204
    assert t.user.content("p.txt").status == 404
    assert "filename" in head(r["Location"])["Upload-Metadata"]
    refused(tus("POST", UPLOADS, {"Upload-Concat": "final;" + r["Location"]}), 400, "name_missing")
    name = fresh()
    f = final([r["Location"]], name)
    assert head(f["Location"])["Upload-Metadata"] == meta(filename=name)


@tap.test("concatenation: PATCH on a final upload is 403; Upload-Length or a body on its creation 400")
def _():
    part = partial(b"abc")
    f = final([part], fresh())
    refused(patch(f["Location"], 3, b"x"), 403, "upload_final")
    assert offset_of(part) == 3
    refused(final([part], "x", {"Upload-Length": 3}), 400)
    refused(tus("POST", UPLOADS, {"Upload-Concat": "final;" + part, "Upload-Metadata": meta(filename="x"),
                                  "Content-Type": BYTES}, b"abc"), 400)
    for extra in ({"Upload-Checksum": "sha1 " + t.b64(hashlib.sha1(b"").digest())}, {"Trailer": "Upload-Checksum"}):
        refused(tus("POST", UPLOADS, {"Upload-Concat": "final;" + part, "Upload-Metadata": meta(filename="x"), **extra}),
                400, "bad_header")
    for bad in ("final;", "final", "Partial", "final;/etc/passwd", "final; "):
        refused(tus("POST", UPLOADS, {"Upload-Concat": bad, "Upload-Metadata": meta(filename="x")}), 400)


@tap.test("concatenation: unknown parts, finals as parts and somebody else's parts are refused")
def _():
    other = t.server.sign_in("+905321230000")
    part = partial(b"abc")
    whole, _ = create(3, None, {"Content-Type": BYTES}, b"abc")
    refused(final([UPLOADS + "/01890000-0000-7000-8000-000000000000"], "x"), 404)
    assert final([whole], "x").status in (400, 404)
    r = tus("POST", UPLOADS, {**other.headers, "Upload-Concat": "final;" + part, "Upload-Metadata": meta(filename="x")})
    assert r.status == 404, r


@tap.test("concatenation: at most 64 parts; a list too long to keep is still named by HEAD")
def _():
    part = partial(b"ab")
    name = fresh()
    r = final([part] * 64, name)
    assert r.status == 201, r
    stored(name, b"ab" * 64)
    named = head(r["Location"])["Upload-Concat"]
    assert named.startswith("final;") and len(named.split(" ")) == 64 and named.split(" ")[1] == path_of(part), named
    refused(final([path_of(part)] * 65, "x"), 400, "bad_concat")


@tap.test("concatenation-unfinished: a final waits for its parts, without Upload-Offset, and is there when they are")
def _():
    a, b = partial(b"aaa", False), partial(b"bbbb", False)
    name = fresh()
    f = final([a, b], name)
    assert f.status == 201, f
    r = head(f["Location"])
    assert r.status == 200 and r["Upload-Offset"] is None and r["Upload-Length"] == "7", r
    assert r["Upload-Concat"] == f"final;{a} {b}", r
    refused(patch(f["Location"], 0, b"x"), 403)
    assert patch(b, 0, b"bbbb").status == 204 and patch(a, 0, b"aa").status == 204
    assert t.user.content(name).status == 404
    assert patch(a, 2, b"a").status == 204
    r = head(f["Location"])
    assert r["Upload-Offset"] == r["Upload-Length"] == "7", r
    stored(name, b"aaabbbb")


# ---- the capability in the URL -----------------------------------------------------------------------


@tap.test("capability: the URL outlives the access token, dies with logout, and the id works with a token")
def _():
    with t.other(VAULT_AUTH_ACCESS_TTL_MS="1500", VAULT_AUTH_REVOKE_LAG_MS="1"):
        name, data = fresh(), os.urandom(300000)
        url, _ = create(len(data), name)
        gone, _ = create(10)
        half = len(data) // 2
        assert patch(url, 0, data[:half]).status == 204
        vd.eventually(lambda: t.user.get("/me").status == 401, "the end of the token")
        r = patch(url, half, data[half:])
        assert r.status == 204 and r["Upload-Offset"] == str(len(data)), r
        grant = t.server.request("POST", vd.API + "/auth/refresh",
                               {"refresh_token": t.user.grant["refresh_token"]}).json
        t.user = vd.User(t.server, grant)
        stored(name, data)
        ident = json.loads(tus("GET", gone).body)["id"]
        assert tus("HEAD", f"{UPLOADS}/{ident}").status == 401
        assert tus("HEAD", f"{UPLOADS}/{ident}", t.user.headers).status == 200
        stranger = t.server.sign_in("+905321230001")
        assert tus("HEAD", f"{UPLOADS}/{ident}", stranger.headers).status == 404
        assert head(gone).status == 200
        assert t.user.request("POST", "/auth/logout").status == 204
        vd.eventually(lambda: head(gone).status == 404, "the end of the capability")
        assert patch(gone, 0, b"x").status == 404 and tus("DELETE", gone).status == 404


@tap.test("capability: no other upload, no other character")
def _():
    url, _ = create(5)
    key = url.rsplit("/", 1)[1]
    for at in range(0, len(key), 5):
        other = key[:at] + ("A" if key[at] != "A" else "B") + key[at + 1:]
        assert head(f"{UPLOADS}/{other}").status == 404
    assert head(f"{UPLOADS}/{key[:-1]}").status == 404 and head(f"{UPLOADS}/{key}A").status == 404


@tap.test("capability: it stands in no line of the log")
def _():
    url, _ = create(5)
    key = url.rsplit("/", 1)[1]
    assert patch(url, 0, b"hello").status == 204 and head(url).status == 200
    for method, target in (("PATCH", path_of(url) + "/x"), ("PUT", f"{UPLOADS}/%41{key[1:]}"),
                           ("PUT", f"/%61pi/v1/uploads/{key}"), ("GET", f"/cloud{path_of(url)}"),
                           ("GET", f"/{'a.' * 300}{path_of(url)}")):
        assert wire.ask(t.server.port, method, target).status in (404, 405)

    def lines():
        with open(t.server.log_path) as f:
            return f.read()

    for path in ("/api/v1/uploads/*/x", "/%61pi/v1/uploads/*", "/cloud/api/v1/uploads/*"):
        vd.eventually(lambda: f'"path":"{path}"' in lines(), "the line")
    vd.eventually(lambda: f"{'a.' * 300}/api/v1/uploads/*" in lines(), "the line")
    assert key[1:] not in lines()


@tap.test("GET says what became of it")
def _():
    url, _ = create(5)
    doc = json.loads(tus("GET", url).body)
    assert (doc["state"], doc["offset"], doc["length"], doc["item_id"]) == ("receiving", 0, 5, None), doc
    assert patch(url, 0, b"hello").status == 204
    doc = json.loads(tus("GET", url).body)
    assert doc["state"] == "done" and t.user.get("/files/" + doc["item_id"]).json["size"] == 5, doc


# ---- campaigns ----------------------------------------------------------------------------------------


@tap.test("interrupted and resumed at random offsets: the bytes are the same")
def _():
    rounds, rng = 1000 if LONG else 100, random.Random(20261123)
    for i in range(rounds):
        data, name = rng.randbytes(rng.choice((1, 1000, 65536, 65537, 400000, 1200000))), fresh()
        url, _ = create(len(data), name)
        at = 0
        for _ in range(rng.randrange(1, 4)):
            cut = rng.randrange(0, len(data) - at + 1)
            if at + cut == len(data):
                break
            wire.send_part(t.server.port, "PATCH", path_of(url), {"Tus-Resumable": "1.0.0", "Upload-Offset": at,
                           "Content-Type": BYTES}, len(data) - at, data[at:at + cut])
            got = offset_of(url)
            assert at <= got <= at + cut, (i, at, cut, got)
            at = got
        r = patch(url, at, data[at:])
        assert r.status == 204 and r["Upload-Offset"] == str(len(data)), (i, at, r)
        stored(name, data)


@tap.test("PATCHes to one offset at the same time: never two win, and the upload can go on")
def _():
    rounds, clients = 1000 if LONG else 150, 4
    wins = {0: 0, 1: 0}
    for i in range(rounds):
        name, size = fresh(), 3000
        url, _ = create(size, name)
        bodies = [bytes([65 + k]) * size for k in range(clients)]
        replies = wire.at_once(clients, lambda k: patch(url, 0, bodies[k]))
        won = [k for k, r in enumerate(replies) if r and r.status == 204]
        assert len(won) <= 1, (i, replies)
        assert all(r is None or r.status in (204, 409) for r in replies), (i, replies)
        wins[len(won)] += 1
        at = offset_of(url)
        assert not won or at == size, (i, at)
        if at < size:
            assert patch(url, at, b"Z" * (size - at)).status == 204, i
        # Whoever is told that all is there may rely on it.
        got = t.user.content(name).body
        assert len(got) == size and (not won or got == bodies[won[0]]), (i, won, got[:10], got[-10:])
        first = got.rstrip(b"Z")
        assert len(set(first)) <= 1, (i, got[:10], got[-10:])
    print(f"# one won {wins[1]} times, none {wins[0]} times")
    assert wins[1] > 0


tap.run()
