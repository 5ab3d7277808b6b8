#!/usr/bin/env python3
"""Resumable Uploads for HTTP (draft-ietf-httpbis-resumable-upload, interop 8, and 6 on the same wire), requirement
by requirement, by a client of its own that speaks raw HTTP. VT_LONG runs the campaigns ten times as long."""
import base64
import json
import os
import random
import re
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "..", "support")]
import tap
import vd
import wire
from ietf_client import (LONG, MAX, PART, UPLOADS, append, ask, begin, create, digest, fresh, limits_of, path_of,
                         refused, server, state, stored, user)


# ---- the frozen conversation --------------------------------------------------------------------------


def conversation(text):
    for block in re.split(r"^=== ", text, flags=re.M)[1:]:
        title, *lines = block.split("\n")
        request = [line[2:] for line in lines if line.startswith("> ")]
        answers = []
        for line in lines:
            if line.startswith("<   "):
                answers[-1][1].append(line[4:])
            elif line.startswith("< "):
                answers.append((int(line[2:]), []))
        yield title, request, answers


def fill(text, seen):
    return re.sub(r"\{(\w+)\}", lambda m: seen.get(m[1], m[0]), text)


def matches(pattern, value, seen):
    rx, names = "", []
    for piece in re.split(r"(\{\w+\})", pattern):
        if piece == "{_}":
            rx += r"[^,]+"
        elif piece.startswith("{") and piece[1:-1] not in seen:
            names.append(piece[1:-1])
            rx += r"([^,]+)"
        else:
            rx += re.escape(seen[piece[1:-1]] if piece.startswith("{") else piece)
    got = re.fullmatch(rx, value or "")
    if got:
        seen.update(zip(names, got.groups()))
    return got


def check_frozen(title, reply, status, fields, seen):
    assert reply.status == status, (title, status, reply)
    for field in fields:
        if field.startswith("!"):
            assert reply[field[1:]] is None, (title, field, reply)
            continue
        name, value = field.split(": ", 1)
        have = str(json.loads(reply.body)[name[5:]]) if name.startswith("json ") else reply[name]
        assert matches(value, have, seen), (title, field, have, seen)


@tap.test("interop 8: the frozen conversation")
def _():
    with open(os.path.join(os.environ.get("VT_DATA") or os.path.join(here, "..", "data"), "interop8.txt")) as f:
        text = f.read()
    seen, n = {}, 0
    for title, request, answers in conversation(text):
        method, target = request[0].split(" ", 1)
        fields = dict(line.split(": ", 1) for line in request[1:] if not line.startswith("|"))
        body = [line[2:].replace("\\n", "\n") for line in request[1:] if line.startswith("|")]
        r = ask(method, fill(target, seen), fields, body[0].encode() if body else None, version=None)
        replies = [*r.interim, r]
        assert len(replies) == len(answers), (title, replies)
        for reply, (status, wanted) in zip(replies, answers):
            check_frozen(title, reply, status, wanted, seen)
        n += 1
    assert n >= 16, n
    stored("frozen/1.txt", b"hello")
    stored("frozen/2.txt", b"hello world")


# ---- creation -----------------------------------------------------------------------------------------


@tap.test("creation: ?1 with everything is answered by the target; Location of the 104 is the upload's")
def _():
    for size in (0, 1, 100000, 3 << 20):
        data, name = os.urandom(size), fresh()
        r = create(name, "?1", data)
        assert r.status == 201 and r["Upload-Complete"] == "?1" and r["Upload-Offset"] == str(size), r
        assert r.interim[0].status == 104 and UPLOADS in r.interim[0]["Location"], r
        assert r["Location"].startswith("http://localhost/api/v1/files/") and r["Repr-Digest"] == digest(data), r
        assert r["ETag"] == json.loads(r.body)["content_etag"], r
        assert state(r.interim[0]["Location"]) == (size, "?1")
        stored(name, data)
        again = create(name, "?1", data + b"!")
        assert again.status == 200 and json.loads(again.body)["versions"] == 2, again


@tap.test("creation: ?0 is 201 with Location, Upload-Limit and Upload-Complete: ?0, the same Location in the 104")
def _():
    for body in (None, b"", b"hello"):
        r = create(fresh(), "?0", body)
        assert r.status == 201 and r["Upload-Complete"] == "?0", r
        assert [i["Location"] for i in r.interim if i["Location"]] == [r["Location"]], r
        limits_of(r)
        limits_of(r.interim[0])
        assert state(r["Location"]) == (len(body or b""), "?0")


@tap.test("104 only to the versions that are ours, and with theirs")
def _():
    for version, told in ((8, "8"), (6, "6"), (7, None), (5, None), (3, None), (9, None), (None, None), ("?1", None),
                          ("8.0", None), ("8, 8", None)):
        r = create(fresh(), "?0", b"x" * 100, version=version)
        assert r.status == 201, r
        got = [i["Upload-Draft-Interop-Version"] for i in r.interim]
        assert got == ([told] if told else []), (version, r)
        limits_of(r, "expires" if version == 6 else "max-age")


@tap.test("104 does not stand for 100 Continue, and HTTP/1.0 gets neither")
def _():
    with wire.Wire(server.port) as w:
        w.head("POST", f"{UPLOADS}?path=/{fresh()}", {**user.headers, "Upload-Complete": "?1", "Content-Length": 5,
               "Upload-Draft-Interop-Version": 8, "Expect": "100-continue"})
        first = [w.one().status, w.one().status]
        assert sorted(first) == [100, 104], first
        w.send(b"hello")
        assert w.reply().status == 201
    with wire.Wire(server.port) as w:
        w.send(f"POST {UPLOADS}?path=/{fresh()} HTTP/1.0\r\nHost: x\r\nContent-Length: 5\r\nUpload-Complete: ?1\r\n"
               f"Upload-Draft-Interop-Version: 8\r\nAuthorization: {user.headers['Authorization']}\r\n\r\nhello".encode())
        assert w.one().status == 201


@tap.test("a value of Upload-Complete that is no Boolean is ignored: a plain upload")
def _():
    for value in ("1", "true", "?2", "", "?1, ?0", "\"?0\"", "?0 ;a", "?0,"):
        name = fresh()
        r = create(name, value, b"hello")
        assert r.status == 201 and not r.interim and r["Upload-Complete"] is None, (value, r)
        stored(name, b"hello")
    r = create(fresh(), "?0;a=1", b"hello")
    assert r["Upload-Complete"] == "?0", r


@tap.test("lengths must agree: Upload-Length, Content-Length with ?1, and both over all requests")
def _():
    for complete, length, body in (("?1", 6, b"hello"), ("?1", 4, b"hello"), ("?0", 4, b"hello")):
        doc = refused(create(fresh(), complete, body, {"Upload-Length": length}), 400, "inconsistent-upload-length")
        assert doc["code"] == "length_inconsistent", doc
    for ignored in ("-1", "1.5", "five", "?1", "1000000000000000"):
        assert create(fresh(), "?1", b"hello", {"Upload-Length": ignored}).status == 201
    url, name = begin(10)
    refused(append(url, 0, "?0", b"12345", {"Upload-Length": 11}), 400, "inconsistent-upload-length")
    refused(append(url, 0, "?1", b"12345"), 400, "inconsistent-upload-length")
    assert append(url, 0, "?0", b"12345", {"Upload-Length": 10}).status == 204
    r = append(url, 5, "?1", None, chunks=[b"678"])
    refused(r, 400, "inconsistent-upload-length")
    assert r["Upload-Complete"] == "?0" and state(url)[1] == "?0"
    at = state(url)[0]
    assert append(url, at, "?1", b"1234567890"[at:]).status == 201
    stored(name, b"1234567890")


@tap.test("the length may come late, or never before the end")
def _():
    url, name = begin()
    assert ask("HEAD", url)["Upload-Length"] is None
    assert append(url, 0, "?0", b"12345").status == 204
    assert append(url, 5, "?0", b"678", {"Upload-Length": 10}).status == 204
    assert ask("HEAD", url)["Upload-Length"] == "10"
    assert append(url, 8, "?1", b"90").status == 201
    stored(name, b"1234567890")
    url, name = begin()
    assert append(url, 0, "?0", None, chunks=[b"ab", b"c"]).status == 204
    assert append(url, 3, "?1", None, chunks=[b"def"]).status == 201
    stored(name, b"abcdef")


@tap.test("more than the length ends the upload for good")
def _():
    for how in ({"body": b"1234567890"}, {"body": None, "chunks": [b"12345", b"67890"]}):
        url, name = begin(9)
        refused(append(url, 0, "?0", headers=None, **how), 400, "inconsistent-upload-length")
        assert ask("HEAD", url).status == 404
        assert user.content(name).status == 404


@tap.test("too large is 413 with Upload-Limit, before the body")
def _():
    for h, body in (({"Upload-Length": MAX + 1}, b"x"), ({"Upload-Length": 999999999999999}, None)):
        r = create(fresh(), "?0", body, h)
        refused(r, 413)
        limits_of(r)
    with wire.Wire(server.port) as w:
        w.head("POST", f"{UPLOADS}?path=/x", {**user.headers, "Upload-Complete": "?1", "Content-Length": MAX + 1,
                                              "Upload-Draft-Interop-Version": 8, "Expect": "100-continue"})
        r = w.one()
        assert r.status == 413 and r["Upload-Limit"], r


# ---- offset and append ----------------------------------------------------------------------------------


@tap.test("HEAD and GET: offset, completeness, length where it is known, limits, no-store")
def _():
    for method in ("HEAD", "GET"):
        url, _ = begin(10)
        r = ask(method, url)
        assert (r["Upload-Offset"], r["Upload-Complete"], r["Upload-Length"]) == ("0", "?0", "10"), r
        assert r["Cache-Control"] == "no-store" and 0 < limits_of(r), r
        assert append(url, 0, "?1", b"1234567890").status == 201
        r = ask(method, url)
        assert (r["Upload-Offset"], r["Upload-Complete"], r["Upload-Length"]) == ("10", "?1", "10"), r
        if method == "GET":
            assert json.loads(r.body)["state"] == "done", r


@tap.test("PATCH: wrong offset 409 with both offsets, wrong type 415, missing fields 400")
def _():
    url, _ = begin()
    assert append(url, 0, "?0", b"hello").status == 204
    for offset in (0, 4, 6, 999999999999999):
        r = append(url, offset, "?1", b"x")
        doc = refused(r, 409, "mismatching-upload-offset")
        assert (doc["expected-offset"], doc["provided-offset"]) == (5, offset), doc
        assert r["Upload-Offset"] == "5" and r["Upload-Complete"] == "?0", r
    for kind in (None, "application/offset+octet-stream", "application/octet-stream"):
        refused(append(url, 5, "?1", b"x", {"Content-Type": kind}), 415)
    for offset, complete in ((None, "?1"), ("-1", "?1"), ("x", "?1"), (5, None), (5, "1"), (5, "?1, ?1")):
        refused(append(url, offset, complete, b"x"), 400)
    assert state(url) == (5, "?0")


@tap.test("PATCH: every answer has Upload-Offset (interop 6 clients want it) and none of the ?0 ones a Location")
def _():
    for version in (6, 8):
        url, name = begin(6)
        for at, complete in ((0, "?0"), (2, "?0"), (4, "?1")):
            r = append(url, at, complete, b"ab", version=version)
            assert r["Upload-Offset"] == str(at + 2) and r["Upload-Complete"] == complete, r
            assert complete == "?1" or (r.status == 204 and r["Location"] is None and r["Upload-Limit"]), r
        stored(name, b"ababab")


@tap.test("PATCH: the end can be asked for again; anything else on a complete upload is refused")
def _():
    url, name = begin()
    first = append(url, 0, "?1", b"hello")
    again = append(url, 5, "?1", b"")
    assert again.status == 200 and again["Upload-Complete"] == "?1", again
    assert json.loads(again.body)["id"] == json.loads(first.body)["id"]
    for r in (append(url, 5, "?1", b"x"), append(url, 5, "?0", b"")):
        refused(r, 409)
        assert r["Upload-Complete"] == "?0", r
    refused(append(url, 0, "?1", b"hello"), 409, "mismatching-upload-offset")
    stored(name, b"hello")


@tap.test("offset and length can agree and the upload still not be complete")
def _():
    url, name = begin(5)
    assert append(url, 0, "?0", b"hello").status == 204
    assert state(url) == (5, "?0") and user.content(name).status == 404
    assert append(url, 5, "?1", b"").status == 201
    stored(name, b"hello")


@tap.test("interop 6: complete when the offset is the length, as tus-js-client believes; the end may still come")
def _():
    name = fresh()
    r = create(name, "?0", b"hel", {"Upload-Length": 5}, version=6)
    url = r["Location"]
    assert r["Upload-Complete"] == "?0", r
    r = append(url, 3, "?0", b"lo", version=6)
    assert r.status == 201 and r["Upload-Complete"] == "?1" and r["Upload-Offset"] == "5", r
    stored(name, b"hello")
    assert append(url, 5, "?1", b"", version=6).status == 200
    name = fresh()
    r = create(name, "?0", None, {"Upload-Length": 0}, version=6)
    assert r.status == 201 and r["Upload-Complete"] == "?1", r
    stored(name, b"")
    r = create(fresh(), "?0", None, {"Upload-Length": 0})
    assert r["Upload-Complete"] == "?0", r


@tap.test("progress: 104 with Upload-Offset and without Location, never back, while a large append runs")
def _():
    size = 40 << 20
    url, name = begin(size)
    data = os.urandom(1 << 20) * 40
    r = append(url, 0, "?1", data)
    offsets = [int(i["Upload-Offset"]) for i in r.interim]
    assert r.status == 201 and offsets == sorted(offsets) and len(offsets) >= 2, (r.status, offsets)
    assert all(i["Location"] is None and i["Upload-Draft-Interop-Version"] == "8" for i in r.interim), r.interim
    stored(name, data)
    url, name = begin(size)
    assert not append(url, 0, "?0", data, version=None).interim


@tap.test("a broken connection keeps what arrived, in a creation too, and is never the end")
def _():
    data, name = os.urandom(1 << 20), fresh()
    with wire.Wire(server.port) as w:
        w.head("POST", f"{UPLOADS}?path=/{name}", {**user.headers, "Upload-Complete": "?1",
                                                   "Content-Length": len(data), "Upload-Draft-Interop-Version": 8})
        url = w.one()["Location"]
        w.send(data[:400001])
        w.socket.shutdown(1)
        try:
            while w.socket.recv(1 << 16):
                pass
        except OSError:
            pass
    assert state(url) == (400001, "?0") and user.content(name).status == 404
    assert ask("HEAD", url)["Upload-Length"] == str(len(data))
    wire.send_part(server.port, "PATCH", path_of(url), {"Upload-Offset": 400001, "Upload-Complete": "?1",
                   "Content-Type": PART}, len(data) - 400001, data[400001:700000])
    assert state(url) == (700000, "?0")
    assert append(url, 700000, "?1", data[700000:]).status == 201
    stored(name, data)


@tap.test("looking at the offset ends a running append, and that offset is then accepted")
def _():
    for _ in range(20 if not LONG else 200):
        url, name = begin(10)
        with wire.Wire(server.port) as w:
            w.head("PATCH", path_of(url), {"Upload-Offset": 0, "Upload-Complete": "?1", "Content-Type": PART,
                                           "Content-Length": 10, "Expect": "100-continue"})
            assert w.one().status == 100  # from here on it has the upload
            w.send(b"12345")
            at = state(url)[0]
            assert at in (0, 5), at
            r = append(url, at, "?1", b"1234567890"[at:])
            assert r.status == 201, r
            try:
                w.send(b"XXXXX")
                assert w.reply().status >= 400
            except (OSError, EOFError):
                pass
        stored(name, b"1234567890")


@tap.test("DELETE ends a running append; afterwards 404")
def _():
    url, name = begin(10)
    with wire.Wire(server.port) as w:
        w.head("PATCH", path_of(url), {"Upload-Offset": 0, "Upload-Complete": "?1", "Content-Type": PART,
                                       "Content-Length": 10, "Expect": "100-continue"})
        assert w.one().status == 100
        w.send(b"12345")
        assert ask("DELETE", url).status == 204
        try:
            w.send(b"67890")
            assert w.reply().status >= 400
        except (OSError, EOFError):
            pass
    for method in ("HEAD", "GET", "DELETE"):
        assert ask(method, url).status == 404
    refused(append(url, 0, "?1", b"x"), 404)
    assert user.content(name).status == 404


# ---- limits, digests, other targets -----------------------------------------------------------------------


@tap.test("OPTIONS has Upload-Limit where uploads can begin, unless it has Upload-Complete itself")
def _():
    for target in (UPLOADS, vd.API + "/files/content", vd.API + "/files/01890000-0000-7000-8000-000000000000/content"):
        r = ask("OPTIONS", target)
        assert r.status == 204 and limits_of(r) > 0 and r["Allow"], r
        assert ask("OPTIONS", target, {"Upload-Complete": "?1"})["Upload-Limit"] is None
    assert ask("OPTIONS", vd.API + "/me")["Upload-Limit"] is None


@tap.test("max-age counts down and starts again with each part")
def _():
    url, _ = begin(10)
    a = limits_of(ask("HEAD", url))
    assert append(url, 0, "?0", b"x").status == 204
    assert limits_of(ask("HEAD", url)) >= a - 1


@tap.test("Repr-Digest: of the whole, at creation or later; wrong, the upload fails at its end")
def _():
    data = b"hello world"
    for late in (False, True):
        for right in (True, False):
            name, field = fresh(), {"Repr-Digest": digest(data if right else b"other")}
            url = create(name, "?0", b"hello", {} if late else field)["Location"]
            r = append(url, 5, "?1", b" world", field if late else {})
            if right:
                assert r.status == 201 and r["Repr-Digest"] == digest(data), r
                stored(name, data)
            else:
                doc = refused(r, 400)
                assert doc["code"] == "digest_mismatch" and r["Upload-Complete"] == "?1", r
                assert user.content(name).status == 404 and ask("HEAD", url).status == 404
    refused(create(fresh(), "?1", b"x", {"Repr-Digest": "sha-256=:AAAA:"}), 400)
    assert create(fresh(), "?1", b"x", {"Repr-Digest": "md5=:AAAA:"}).status == 201


@tap.test("Content-Digest: of this request's bytes; wrong, they do not count")
def _():
    name = fresh()
    r = create(name, "?0", b"hello", {"Content-Digest": digest(b"hello"), "Repr-Digest": digest(b"hello world")})
    assert r.status == 201 and r["Upload-Offset"] == "5", r
    url = r["Location"]
    r = append(url, 5, "?1", b" World", {"Content-Digest": digest(b" world")})
    assert refused(r, 400)["code"] == "digest_mismatch" and r["Upload-Complete"] == "?0", r
    assert state(url) == (5, "?0")
    wire.send_part(server.port, "PATCH", path_of(url), {"Upload-Offset": 5, "Upload-Complete": "?1",
                   "Content-Type": PART, "Content-Digest": digest(b" world")}, 6, b" wor")
    assert state(url) == (5, "?0")
    assert append(url, 5, "?1", b" world", {"Content-Digest": digest(b" world")}).status == 201
    stored(name, b"hello world")
    refused(append(begin()[0], 0, "?0", b"x", {"Content-Digest": "sha-256=x"}), 400)


@tap.test("PUT of a file becomes resumable when the client adds the fields; small and whole it stays plain")
def _():
    data, name = os.urandom(300000), fresh()
    target = f"{vd.API}/files/content?path=/{name}"
    r = ask("PUT", target, {"Upload-Complete": "?1"}, data)
    assert r.status == 201 and r["Upload-Complete"] == "?1" and r.interim[0].status == 104, r
    stored(name, data)
    r = ask("PUT", target, {"Upload-Complete": "?1"}, b"small")
    assert r.status == 200 and not r.interim, r
    item, etag = json.loads(r.body)["id"], r["ETag"]
    r = ask("PUT", target, {"Upload-Complete": "?0", "If-Match": '"other"'}, data[:1000])
    refused(r, 412)
    by_id = f"{vd.API}/files/{item}/content"
    refused(ask("PUT", by_id, {"Upload-Complete": "?0"}, data[:1000]), 428)
    r = ask("PUT", by_id, {"Upload-Complete": "?0", "If-Match": etag}, data[:1000])
    assert r.status == 201 and r["Upload-Complete"] == "?0", r
    r = append(r["Location"], 1000, "?1", data[1000:])
    assert r.status == 200 and json.loads(r.body)["id"] == item and json.loads(r.body)["versions"] == 3, r
    stored(name, data)


@tap.test("a condition is looked at again when the upload ends")
def _():
    name = fresh()
    a = user.put(name, b"one")
    r = ask("PUT", f"{vd.API}/files/content?path=/{name}", {"Upload-Complete": "?0", "If-Match": a.headers["ETag"]}, b"tw")
    assert r.status == 201, r
    assert user.put(name, b"meanwhile").status == 200
    r = append(r["Location"], 2, "?1", b"o")
    refused(r, 412)
    assert r["Upload-Complete"] == "?1", r
    stored(name, b"meanwhile")


@tap.test("endpoints without uploads ignore the fields quietly")
def _():
    extra = {"Upload-Complete": "?1", "Upload-Draft-Interop-Version": "8", "Upload-Length": "1"}
    for method, path, body, status in (("POST", "/files", {"name": fresh()}, 201), ("GET", "/me", None, 200)):
        r = user.request(method, path, body, extra)
        assert r.status == status and r.headers["Upload-Complete"] is None, (r.status, r.body)


@tap.test("POST to /uploads without any of the fields is a plain upload; without a name it is refused")
def _():
    name = fresh()
    r = ask("POST", f"{UPLOADS}?path=/{name}&mtime_ns=5", {"Content-Type": "text/x-log"}, b"hello", version=None)
    assert r.status == 201 and not r.interim and json.loads(r.body)["mtime_ns"] == "5", r
    assert json.loads(r.body)["content_type"] == "text/x-log"
    stored(name, b"hello")
    doc = refused(ask("POST", UPLOADS, {"Upload-Complete": "?0"}, b"x"), 400)
    assert doc["code"] == "name_missing", doc
    refused(wire.ask(server.port, "POST", UPLOADS + "?path=/x", {"Upload-Complete": "?0"}, b"x"), 401)


@tap.test("the name can come in Content-Disposition, and the metadata of tus in interop 6")
def _():
    name = fresh()
    for value, want in ((f'inline; filename="{name}"', name),
                        (f"inline; filename=\"x\"; filename*=UTF-8''%c3%b6{name}", "ö" + name),
                        (f"attachment; filename={name}2", name + "2")):
        r = ask("POST", UPLOADS, {"Upload-Complete": "?1", "Content-Disposition": value}, b"x" + value.encode())
        assert r.status == 201 and json.loads(r.body)["name"] == want, r
    name = fresh()
    r = ask("POST", UPLOADS, {"Upload-Complete": "?1", "Upload-Metadata": "filename " + base64.b64encode(
        name.encode()).decode()}, b"x", version=6)
    assert r.status == 201 and json.loads(r.body)["name"] == name, r


@tap.test("the same Idempotency-Key finds the upload that it began, or its result")
def _():
    name, h = fresh(), {"Idempotency-Key": "k" + fresh(), "Upload-Length": 10}
    a = create(name, "?0", None, h)
    b = create(name, "?0", None, h)
    assert a["Location"] == b["Location"], (a, b)
    assert append(a["Location"], 0, "?1", b"1234567890").status == 201
    c = create(name, "?1", b"1234567890", h)
    assert c.status == 200 and c["Upload-Complete"] == "?1" and json.loads(c.body)["versions"] == 1, c


# ---- campaigns ----------------------------------------------------------------------------------------------


@tap.test("interrupted and resumed at random offsets: the bytes are the same")
def _():
    rounds, rng = 1000 if LONG else 100, random.Random(20261124)
    for i in range(rounds):
        data, name = rng.randbytes(rng.choice((1, 1000, 65537, 400000, 1200000))), fresh()
        url, at = begin(len(data), name)[0], 0
        for _ in range(rng.randrange(1, 4)):
            cut = rng.randrange(0, len(data) - at + 1)
            if at + cut == len(data):
                break
            wire.send_part(server.port, "PATCH", path_of(url), {"Upload-Offset": at, "Upload-Complete": "?1",
                           "Content-Type": PART}, len(data) - at, data[at:at + cut])
            got, complete = state(url)
            assert at <= got <= at + cut and complete == "?0", (i, at, cut, got)
            at = got
        r = append(url, at, "?1", data[at:])
        assert r.status == 201, (i, at, r)
        stored(name, data)


@tap.test("appends to one offset at the same time: never two win, and the upload can go on")
def _():
    wins = {0: 0, 1: 0}
    for i in range(1000 if LONG else 150):
        size, clients = 2000, 4
        url, name = begin(size)
        replies = wire.at_once(clients, lambda k: append(url, 0, "?1", bytes([65 + k]) * size))
        won = [k for k, r in enumerate(replies) if r and r.status == 201]
        assert len(won) <= 1, (i, replies)
        assert all(r is None or r.status in (201, 409) for r in replies), (i, replies)
        wins[len(won)] += 1
        at, complete = state(url)
        assert not won or (at, complete) == (size, "?1"), (i, at)
        if complete == "?0":
            assert append(url, at, "?1", b"Z" * (size - at)).status == 201, i
        got = user.content(name).body
        assert len(got) == size and len(set(got.rstrip(b"Z"))) <= 1, (i, got[:10], got[-10:])
        assert not won or got == bytes([65 + won[0]]) * size, (i, won)
    print(f"# one won {wins[1]} times, none {wins[0]} times")
    assert wins[1] > 0


tap.run()
