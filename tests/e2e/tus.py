#!/usr/bin/env python3
"""tus 1.0, requirement by requirement: core, creation, expiration, checksum, termination.

Each test names the part of https://tus.io/protocols/resumable-upload that it holds the server to.
"""
import email.utils
import hashlib
import os
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "..", "support")]
import tap
import tus_client as t
import vd
import wire
from tus_client import (BYTES, EXTENSIONS, MAX, UPLOADS, b64, create, fresh, head, meta, offset_of, patch, path_of,
                        refused, stored, tus)


def sums(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return {"sha1": hashlib.sha1(data).digest(), "sha256": hashlib.sha256(data).digest(),
            "crc32c": (crc ^ 0xffffffff).to_bytes(4, "big")}


# ---- core -----------------------------------------------------------------------------------------


@tap.test("core: OPTIONS gives version, extensions, limits and algorithms, whatever Tus-Resumable says")
def _():
    for target in (UPLOADS, UPLOADS + "/anything"):
        for version in (None, "1.0.0", "0.2.2"):
            r = wire.ask(t.server.port, "OPTIONS", target, {"Tus-Resumable": version})
            assert r.status in (200, 204) and r["Tus-Version"] == "1.0.0", r
            assert set(r["Tus-Extension"].split(",")) == EXTENSIONS, r
            assert r["Tus-Max-Size"] == str(MAX), r
            assert r["Tus-Checksum-Algorithm"] == "sha1,sha256,crc32c", r


@tap.test("core: another version is 412 with Tus-Version, and nothing is processed")
def _():
    url, _ = create(5)
    for version in ("0.2.2", "1.0.1", "", "1.0.0, 0.2.2"):
        for method, target in (("POST", UPLOADS), ("HEAD", url), ("PATCH", url), ("DELETE", url), ("GET", url)):
            h = {"Upload-Length": 1, "Upload-Offset": 0, "Content-Type": BYTES}
            r = tus(method, target, h, b"hello" if method == "PATCH" else None, version=version)
            assert r.status == 412 and r["Tus-Version"] == "1.0.0", r
    assert offset_of(url) == 0


@tap.test("core: HEAD has Upload-Offset, Upload-Length and no-store, at 0, between and when finished")
def _():
    url, _ = create(10)
    for offset in (0, 4, 10):
        if offset:
            assert patch(url, {4: 0, 10: 4}[offset], b"x" * (4 if offset == 4 else 6)).status == 204
        r = head(url)
        assert r.status in (200, 204) and r["Upload-Offset"] == str(offset) and r["Upload-Length"] == "10", r
        assert r["Cache-Control"] == "no-store" and r["Upload-Defer-Length"] is None, r


@tap.test("core: what is not there is 404 without Upload-Offset")
def _():
    for name in ("01890000-0000-7000-8000-000000000000", "A" * 96, "nothing", "A" * 97):
        for method in ("HEAD", "PATCH", "DELETE", "GET"):
            r = tus(method, f"{UPLOADS}/{name}", {**t.user.headers, "Upload-Offset": 0, "Content-Type": BYTES})
            assert r.status == 404 and r["Upload-Offset"] is None, r


@tap.test("core: PATCH stores at the offset and answers 204 with the new one; the file is there at the end")
def _():
    name, data = fresh("txt"), os.urandom(100)
    url, _ = create(100, name)
    r = patch(url, 0, data[:70])
    assert r.status == 204 and r["Upload-Offset"] == "70" and not r.body, r
    assert t.user.content(name).status == 404
    r = patch(url, 70, data[70:])
    assert r.status == 204 and r["Upload-Offset"] == "100", r
    stored(name, data)
    item = r["Content-Location"].rsplit("/", 1)[1]
    assert t.user.get("/files/" + item).json["name"] == name


@tap.test("core: another content type is 415")
def _():
    url, _ = create(5)
    for kind in (None, "application/octet-stream", "application/partial-upload", BYTES + "x"):
        refused(tus("PATCH", url, {"Upload-Offset": 0, "Content-Type": kind}, b"hello"), 415, "unsupported_media_type")
    assert tus("PATCH", url, {"Upload-Offset": 0, "Content-Type": BYTES.upper()}, b"hello").status == 204


@tap.test("core: an offset that is not the upload's is 409 and changes nothing; none, or none that is a number, 400")
def _():
    url, _ = create(10)
    assert patch(url, 0, b"12345").status == 204
    for offset in (0, 4, 6, 10, 11, 2**63, 10**30):
        r = patch(url, offset, b"x")
        refused(r, 409, "offset_mismatch")
        assert r["Upload-Offset"] == "5", r
    for offset in (None, "", "-1", "5.0", "0x5", "five", "5, 5"):
        refused(patch(url, offset, b"x"), 400, "bad_header")
    assert offset_of(url) == 5


@tap.test("core: never past Upload-Length, declared or not")
def _():
    url, _ = create(10)
    assert patch(url, 0, b"12345").status == 204
    refused(patch(url, 5, b"123456"), 413, "body_too_long")
    assert offset_of(url) == 5
    r = patch(url, 5, None, chunks=[b"123", b"456"])
    assert r.status == 413, r
    assert offset_of(url) in (5, 8)
    at = offset_of(url)
    assert patch(url, at, b"x" * (10 - at)).status == 204


@tap.test("core: a broken connection keeps what arrived")
def _():
    data = os.urandom(1 << 20)
    name = fresh()
    url, _ = create(len(data), name)
    wire.send_part(t.server.port, "PATCH", path_of(url),
                   {"Tus-Resumable": "1.0.0", "Upload-Offset": 0, "Content-Type": BYTES}, len(data), data[:300001])
    at = vd.eventually(lambda: offset_of(url), "an offset")
    assert at == 300001, at
    assert patch(url, at, data[at:]).status == 204
    stored(name, data)


@tap.test("core: X-HTTP-Method-Override stands for PATCH and DELETE")
def _():
    name = fresh()
    url, _ = create(5, name)
    h = {"X-HTTP-Method-Override": "PATCH", "Upload-Offset": 0, "Content-Type": BYTES}
    r = tus("POST", url, h, b"hello")
    assert r.status == 204 and r["Upload-Offset"] == "5", r
    stored(name, b"hello")
    assert tus("POST", url, {"X-HTTP-Method-Override": "DELETE"}).status == 204
    assert head(url).status == 404


@tap.test("core: the answer to the last bytes can be asked for again")
def _():
    url, _ = create(5)
    assert patch(url, 0, b"hello").status == 204
    r = patch(url, 5, b"")
    assert r.status == 204 and r["Upload-Offset"] == "5" and r["Content-Location"], r
    assert patch(url, 5, b"x").status in (403, 409, 413)
    assert offset_of(url) == 5


# ---- creation -------------------------------------------------------------------------------------


@tap.test("creation: 201 with an absolute Location; without a token 401")
def _():
    url, r = create(5)
    assert url.startswith("http://localhost" + UPLOADS + "/") and r["Upload-Expires"], r
    refused(wire.ask(t.server.port, "POST", UPLOADS, {"Tus-Resumable": "1.0.0", "Upload-Length": 5}), 401)


@tap.test("creation: Upload-Length or Upload-Defer-Length: 1, and nothing else")
def _():
    bad = [{}, {"Upload-Defer-Length": "0"}, {"Upload-Defer-Length": "2"}, {"Upload-Defer-Length": ""},
           {"Upload-Length": "-1"}, {"Upload-Length": "1.5"}, {"Upload-Length": ""}, {"Upload-Length": "a"},
           {"Upload-Length": "1", "Upload-Defer-Length": "1"}]
    for h in bad:
        refused(tus("POST", UPLOADS, {"Upload-Metadata": meta(filename="x"), **h}), 400, "bad_header")


@tap.test("creation: the largest length is taken, one more is 413 with Tus-Max-Size")
def _():
    url, _ = create(MAX)
    assert tus("DELETE", url).status == 204
    for length in (MAX + 1, 2**63, 2**64, 10**40):
        r = tus("POST", UPLOADS, {"Upload-Metadata": meta(filename="x"), "Upload-Length": length})
        refused(r, 413)
        assert r["Tus-Max-Size"] == str(MAX), r


@tap.test("creation: length 0 is complete at once")
def _():
    name = fresh()
    url, r = create(0, name)
    assert r["Upload-Offset"] == "0", r
    r = head(url)
    assert r["Upload-Offset"] == r["Upload-Length"] == "0", r
    stored(name, b"")


@tap.test("creation: HEAD gives Upload-Metadata back as it was sent")
def _():
    for text in (meta(filename="plan.pdf") + ",is_confidential", meta(filename="ö ü.txt", x="") + " , a Zm9v",
                 "filename " + b64(fresh()) + ",raw " + b64(bytes(range(256)))):
        url, _ = create(5, headers={"Upload-Metadata": text})
        assert head(url)["Upload-Metadata"] == text, head(url)
    pad = "filename eA==,k " + "A" * (4096 - 16)
    url, _ = create(5, headers={"Upload-Metadata": pad})
    assert head(url)["Upload-Metadata"] == pad
    refused(tus("POST", UPLOADS, {"Upload-Length": 5, "Upload-Metadata": pad + "AAAA"}), 400, "bad_metadata")


@tap.test("creation: Upload-Metadata that is malformed is 400")
def _():
    for text in ("filename", "filename x", "filename eA", "a eA==,a eA==", ",", "filename eA==,", "filename  eA=="):
        refused(tus("POST", UPLOADS, {"Upload-Length": 5, "Upload-Metadata": text}), 400)
    refused(tus("POST", UPLOADS, {"Upload-Length": 5}), 400, "name_missing")


@tap.test("creation: metadata and query say where the file goes")
def _():
    folder = t.user.request("POST", "/files", {"name": fresh()}).json

    def item(query="", **pairs):
        _, r = create(0, headers={"Upload-Metadata": meta(**pairs)}) if not query else (None, tus(
            "POST", UPLOADS + query, {"Upload-Length": 0, "Upload-Metadata": meta(**pairs)}))
        assert r.status == 201, r
        return t.user.get("/files/" + r["Content-Location"].rsplit("/", 1)[1]).json

    a = item(name="a.jpg", type="image/jpeg", parent=folder["id"], lastModified="1700000000123")
    assert (a["name"], a["parent_id"], a["content_type"], a["mtime_ns"]) == (
        "a.jpg", folder["id"], "image/jpeg", "1700000000123000000"), a
    b = item(filename="b.txt", relativePath=f"{folder['name']}/deep/er/b2.txt", mtime_ns="-5")
    assert b["name"] == "b2.txt" and b["mtime_ns"] == "-5", b
    stored(f"{folder['name']}/deep/er/b2.txt", b"")
    c = item(filename="c.png", relativePath="null", filetype="undefined", space="photos", lastModified="soon")
    assert c["name"] == "c.png" and c["space"] == "photos" and c["content_type"] == "image/png", c
    assert c["mtime_ns"] is None, c
    d = item(query="?path=/q/d.txt&mtime_ns=7", filename="other", mtime_ns="9")
    assert d["name"] == "d.txt" and d["mtime_ns"] == "7", d
    for pairs in ({"filename": "x", "space": "moon"}, {"filename": "x", "parent": "x"},
                  {"filename": "x", "mtime_ns": "soon"}, {"filename": "a/../b"}, {"filename": "x" * 256}):
        refused(tus("POST", UPLOADS, {"Upload-Length": 0, "Upload-Metadata": meta(**pairs)}), 400)
    refused(tus("POST", UPLOADS + "?pth=x", {"Upload-Length": 0}), 400, "bad_parameter")


@tap.test("creation: the same Idempotency-Key finds the upload that it began")
def _():
    h = {"Idempotency-Key": fresh()}
    url, _ = create(10, "same.bin", h)
    assert patch(url, 0, b"12345").status == 204
    again, r = create(10, "same.bin", h)
    assert again == url and r["Upload-Offset"] == "5", r
    refused(tus("POST", UPLOADS, {"Upload-Length": 11, "Upload-Metadata": meta(filename="same.bin"), **h}), 422)


@tap.test("creation-defer-length: told by HEAD until the length is set, once, by PATCH")
def _():
    name = fresh()
    url, _ = create(None, name, {"Upload-Defer-Length": "1"})
    r = head(url)
    assert r["Upload-Defer-Length"] == "1" and r["Upload-Length"] is None and r["Upload-Offset"] == "0", r
    assert patch(url, 0, b"12345").status == 204
    assert head(url)["Upload-Defer-Length"] == "1"
    refused(patch(url, 5, b"", {"Upload-Length": 4}), 400)
    refused(patch(url, 5, b"", {"Upload-Length": "x"}), 400)
    refused(patch(url, 5, b"", {"Upload-Length": MAX + 1}), 413)
    r = patch(url, 5, b"678", {"Upload-Length": 10})
    assert r.status == 204 and r["Upload-Offset"] == "8", r
    r = head(url)
    assert r["Upload-Defer-Length"] is None and r["Upload-Length"] == "10", r
    refused(patch(url, 8, b"90", {"Upload-Length": 11}), 400)
    assert head(url)["Upload-Length"] == "10"
    assert patch(url, 8, b"90", {"Upload-Length": 10}).status == 204
    stored(name, b"1234567890")


@tap.test("creation-with-upload: bytes in the POST, all or some; the same content type rule")
def _():
    name, kind = fresh(), {"Content-Type": BYTES}
    url, r = create(5, name, kind, b"hello")
    assert r["Upload-Offset"] == "5", r
    stored(name, b"hello")
    name = fresh()
    url, r = create(11, name, kind, b"hello")
    assert r["Upload-Offset"] == "5" and r["Upload-Expires"], r
    assert patch(url, 5, b" world").status == 204
    stored(name, b"hello world")
    h = {"Upload-Length": 5, "Upload-Metadata": meta(filename="x")}
    refused(tus("POST", UPLOADS, h, b"hello"), 415)
    refused(tus("POST", UPLOADS, {**h, **kind}, b"hello!"), 413)


@tap.test("creation-with-upload: Expect is answered before the body, with a refusal or 100")
def _():
    for length, status in ((MAX + 1, 413), (5, 201)):
        with wire.Wire(t.server.port) as w:
            w.head("POST", UPLOADS, {**t.user.headers, "Tus-Resumable": "1.0.0", "Upload-Length": length,
                                     "Upload-Metadata": meta(filename=fresh()), "Content-Type": BYTES,
                                     "Content-Length": 5, "Expect": "100-continue"})
            first = w.one()
            if status == 201:
                assert first.status == 100, first
                w.send(b"hello")
                first = w.one()
            assert first.status == status, first


# ---- expiration, checksum, termination ---------------------------------------------------------------


@tap.test("expiration: Upload-Expires on POST, HEAD and every PATCH, an IMF-fixdate that slides")
def _():
    with t.other(VAULT_UPLOAD_TTL_MS="4000"):
        url, r = create(10)
        last = 0
        for step in range(3):
            when = email.utils.parsedate_to_datetime(r["Upload-Expires"])
            assert r["Upload-Expires"] == email.utils.format_datetime(when, usegmt=True), r
            assert abs(when.timestamp() - time.time()) < 60 and when.timestamp() >= last, r
            last = when.timestamp()
            assert head(url)["Upload-Expires"]
            r = patch(url, step, b"x")
            assert r.status == 204, r
        r = vd.eventually(lambda: (q := head(url)).status != 200 and q, "the end of the upload")
        assert r.status in (404, 410) and r["Upload-Offset"] is None, r
        assert patch(url, 3, b"x").status in (404, 410)


@tap.test("checksum: 204 when it holds, 460 when it does not, 400 for an unknown one; the bytes are then dropped")
def _():
    for name, right in sums(b"hello").items():
        file = fresh()
        url, _ = create(10, file)
        r = patch(url, 0, b"hellO", {"Upload-Checksum": f"{name} {b64(right)}"})
        assert r.status == 460 and offset_of(url) == 0, r
        refused(patch(url, 0, b"hello", {"Upload-Checksum": f"{name.upper()} {b64(right)}"}), 400, "checksum_unknown")
        refused(patch(url, 0, b"hello", {"Upload-Checksum": f"md5 {b64(right)}"}), 400, "checksum_unknown")
        for bad in (name, f"{name} ", f"{name} {b64(right)[:-4]}", f"{name} {b64(right + b'x')}", " " + b64(right)):
            refused(patch(url, 0, b"hello", {"Upload-Checksum": bad}), 400)
        assert offset_of(url) == 0
        r = patch(url, 0, b"hello", {"Upload-Checksum": f"{name} {b64(right)}"})
        assert r.status == 204 and r["Upload-Offset"] == "5", r
        wrong = patch(url, 5, b"hellO", {"Upload-Checksum": f"{name} {b64(right)}"})
        assert wrong.status == 460 and offset_of(url) == 5, wrong
        assert patch(url, 5, b"hello", {"Upload-Checksum": f"{name} {b64(right)}"}).status == 204
        stored(file, b"hellohello")


@tap.test("checksum: a chunk of megabytes, wrong in its last byte, leaves nothing behind")
def _():
    data, file = os.urandom(20 << 20), fresh()
    url, _ = create(len(data), file)
    right = {"Upload-Checksum": "sha1 " + b64(hashlib.sha1(data).digest())}
    assert patch(url, 0, data[:-1] + bytes([data[-1] ^ 1]), right).status == 460
    assert offset_of(url) == 0
    assert patch(url, 0, data, right).status == 204
    stored(file, data)


@tap.test("checksum: an interrupted chunk does not count")
def _():
    data, file = os.urandom(1 << 20), fresh()
    url, _ = create(len(data), file)
    assert patch(url, 0, data[:1000]).status == 204
    rest = data[1000:]
    h = {"Tus-Resumable": "1.0.0", "Upload-Offset": 1000, "Content-Type": BYTES,
         "Upload-Checksum": "sha1 " + b64(hashlib.sha1(rest).digest())}
    wire.send_part(t.server.port, "PATCH", path_of(url), h, len(rest), rest[:500000])
    assert offset_of(url) == 1000
    assert patch(url, 1000, rest, {"Upload-Checksum": h["Upload-Checksum"]}).status == 204
    stored(file, data)


@tap.test("checksum-trailer: announced by Trailer, checked when it comes; missing or wrong, the bytes are dropped")
def _():
    for name, right in sums(b"hello").items():
        file = fresh()
        url, _ = create(5, file)
        t = {"Trailer": "Upload-Checksum"}
        cases = [({"Upload-Checksum": f"{name} {b64(right[:-1] + bytes([right[-1] ^ 1]))}"}, 460), ({}, 400),
                 ({"Upload-Checksum": "md5 " + b64(right)}, 400), ({"Upload-Checksum": name}, 400)]
        for trailers, status in cases:
            r = patch(url, 0, None, t, chunks=[b"he", b"llo"], trailers=trailers)
            assert r.status == status and offset_of(url) == 0, r
        r = patch(url, 0, None, t, chunks=[b"he", b"llo"], trailers={"Upload-Checksum": f"{name} {b64(right)}"})
        assert r.status == 204, r
        stored(file, b"hello")


@tap.test("checksum: with creation-with-upload; a wrong one makes nothing")
def _():
    file, kind = fresh(), {"Content-Type": BYTES}
    h = {**kind, "Upload-Length": 5, "Upload-Metadata": meta(filename=file)}
    r = tus("POST", UPLOADS, {**h, "Upload-Checksum": "sha1 " + b64(hashlib.sha1(b"x").digest())}, b"hello")
    assert r.status == 460 and t.user.content(file).status == 404, r
    r = tus("POST", UPLOADS, {**h, "Upload-Checksum": "sha1 " + b64(hashlib.sha1(b"hello").digest())}, b"hello")
    assert r.status == 201 and r["Upload-Offset"] == "5", r
    stored(file, b"hello")


@tap.test("termination: 204, then 404; of a finished upload the file stays")
def _():
    url, _ = create(1000)
    assert patch(url, 0, b"x" * 10).status == 204
    r = tus("DELETE", url)
    assert r.status == 204 and not r.body, r
    for method in ("HEAD", "PATCH", "DELETE"):
        assert tus(method, url, {"Upload-Offset": 10, "Content-Type": BYTES}).status in (404, 410)
    name = fresh()
    url, _ = create(5, name, {"Content-Type": BYTES}, b"hello")
    assert tus("DELETE", url).status == 204 and head(url).status == 404
    stored(name, b"hello")


tap.run()
