#!/usr/bin/env python3
"""Downloads: ranges, conditions in their order, HEAD, safe header fields, what may be shown in place."""
import contextlib
import email.parser
import email.policy
import hashlib
import http.client
import os
import shutil
import sqlite3
import sys
import urllib.parse

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "..", "support")]
import tap
import vd

server = vd.Server()
user = server.sign_in()
BODY = os.urandom(300000)
item = user.put("belge.bin", BODY).json
TAG = user.content("belge.bin").headers["ETag"]
LAST = user.content("belge.bin").headers["Last-Modified"]
OLD, NEW = "Mon, 01 Jan 2001 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"


def read(headers=None, path="belge.bin", method="GET"):
    return user.request(method, "/files/content?path=" + urllib.parse.quote(path), None, headers)


def parts_of(answer):
    """[(Content-Range, Content-Type, bytes)] of a multipart/byteranges answer, by Python's own reader."""
    kind = answer.headers["Content-Type"]
    assert kind.startswith("multipart/byteranges; boundary="), kind
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
        b"Content-Type: " + kind.encode() + b"\r\n\r\n" + answer.body)
    rows = []
    for part in message.iter_parts():
        # A part's bytes are cut out by their position: a mail reader changes line ends.
        head = f"Content-Range: {part['Content-Range']}\r\n\r\n".encode()
        first, last = map(int, part["Content-Range"].split()[1].split("/")[0].split("-"))
        start = answer.body.index(head) + len(head)
        rows.append((part["Content-Range"], part.get_content_type(), answer.body[start:start + last - first + 1]))
        assert answer.body[start + last - first + 1:].startswith(b"\r\n--" + kind.split("=")[1].encode())
    assert answer.body.endswith(b"--\r\n")
    return rows


@tap.test("several ranges are several parts, each with its place and type")
def _():
    for spec, want in (("0-0,299999-299999", [(0, 1), (299999, 1)]),
                       ("0-99, 200-299 ,-50", [(0, 100), (200, 100), (299950, 50)]),
                       ("200000-299998,0-99998", [(200000, 99999), (0, 99999)]),
                       (",".join(f"{i * 1000}-{i * 1000 + i}" for i in range(16)),
                        [(i * 1000, i + 1) for i in range(16)])):
        a = read({"Range": "bytes=" + spec})
        assert a.status == 206 and a.headers["Content-Range"] is None, (spec, a.status, a.headers)
        assert a.headers["ETag"] == TAG and a.headers["Accept-Ranges"] == "bytes", a.headers
        got = parts_of(a)
        assert [(r, k) for r, k, _ in got] == [(f"bytes {f}-{f + n - 1}/300000", "application/octet-stream")
                                              for f, n in want], got
        assert all(b == BODY[f:f + n] for (_, _, b), (f, n) in zip(got, want)), spec
    one, two = (read({"Range": "bytes=0-1,5-6"}).headers["Content-Type"] for _ in range(2))
    assert one != two, "the boundary must not be known before"


@tap.test("ranges that overlap or touch are one; too many, or bad ones, give the whole")
def _():
    for spec, first, n in (("0-99,100-199", 0, 200), ("50-99,0-60", 0, 100), ("0-9,5-7,8-", 0, 300000),
                           ("400000-,5-6", 5, 2)):
        a = read({"Range": "bytes=" + spec})
        assert a.status == 206 and a.body == BODY[first:first + n], (spec, a.status)
        assert a.headers["Content-Range"] == f"bytes {first}-{first + n - 1}/300000", a.headers
        assert a.headers["Content-Type"] == "application/octet-stream"
    for spec in (",".join(f"{i * 2}-{i * 2}" for i in range(17)), "5-4,0-1", "0-1,x", "0-1;2-3",
                 ",".join(["0-0"] * 129)):
        a = read({"Range": "bytes=" + spec})
        assert a.status == 200 and a.body == BODY, (spec, a.status)
    a = read({"Range": "bytes=300000-,400000-500000"})
    assert a.status == 416 and a.headers["Content-Range"] == "bytes */300000", a.headers
    assert a.problem() == "range_not_satisfiable"


@tap.test("parts of files of every kind of storage: empty, small, large, by id and by version")
def _():
    user.put("boş", b"")
    assert read({"Range": "bytes=0-0,2-3"}, "boş").status == 416
    small = b"0123456789"
    old = user.put("küçük.txt", small).json
    user.put("küçük.txt", b"abcdefghij")
    got = parts_of(read({"Range": "bytes=1-2,5-6"}, "küçük.txt"))
    assert [(b, k) for _, k, b in got] == [(b"bc", "text/plain"), (b"fg", "text/plain")], got
    a = user.request("GET", f"/files/{old['id']}/content?version={old['version_id']}", None,
                     {"Range": "bytes=1-2,5-6"})
    assert [b for _, _, b in parts_of(a)] == [b"12", b"56"]
    large = os.urandom(5 << 20)
    user.put("büyük", large)
    got = parts_of(read({"Range": "bytes=0-2000000,3000000-5242879"}, "büyük"))
    assert [b for _, _, b in got] == [large[:2000001], large[3000000:]]


@tap.test("conditions in the order of RFC 9110 13.2.2")
def _():
    other = '"other"'
    cases = [
        ({"If-Match": TAG}, 200), ({"If-Match": other}, 412), ({"If-Match": "*"}, 200),
        ({"If-Match": f"{other}, {TAG}"}, 200), ({"If-Match": "W/" + TAG}, 412),
        ({"If-None-Match": TAG}, 304), ({"If-None-Match": "W/" + TAG}, 304), ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": other}, 200), ({"If-Modified-Since": LAST}, 304), ({"If-Modified-Since": OLD}, 200),
        ({"If-Modified-Since": "no date"}, 200), ({"If-Unmodified-Since": OLD}, 412),
        ({"If-Unmodified-Since": NEW}, 200),
        # each is looked at only when the one before it is absent
        ({"If-Match": TAG, "If-Unmodified-Since": OLD}, 200),
        ({"If-None-Match": other, "If-Modified-Since": NEW}, 200),
        ({"If-Match": other, "If-None-Match": TAG}, 412),
        ({"If-Match": TAG, "If-None-Match": TAG}, 304),
        ({"If-Unmodified-Since": OLD, "If-None-Match": TAG}, 412),
        # and the range comes last
        ({"If-Match": other, "Range": "bytes=0-1"}, 412), ({"If-None-Match": TAG, "Range": "bytes=0-1"}, 304),
        ({"If-None-Match": TAG, "Range": "bytes=999999-"}, 304),
        ({"If-Range": TAG, "Range": "bytes=0-1"}, 206), ({"If-Range": other, "Range": "bytes=0-1"}, 200),
        ({"If-Range": "W/" + TAG, "Range": "bytes=0-1"}, 200), ({"If-Range": LAST, "Range": "bytes=0-1"}, 200),
        ({"If-Range": other, "Range": "bytes=999999-"}, 200), ({"If-Range": TAG, "Range": "bytes=0-1,5-6"}, 206),
        ({"If-Range": other, "Range": "bytes=0-1,5-6"}, 200), ({"If-Range": other}, 200),
        ({"If-Match": TAG, "If-Range": TAG, "Range": "bytes=0-1"}, 206),
    ]
    for headers, status in cases:
        a = read(headers)
        assert a.status == status, (headers, a.status)
        if status == 304:
            assert a.body == b"" and a.headers["ETag"] == TAG and a.headers["Cache-Control"], a.headers
        if status != 206:
            headers = {k: v for k, v in headers.items() if k not in ("Range", "If-Range")}
        head = read(headers, method="HEAD")
        assert head.status == (200 if status == 206 else status) and head.body == b"", (headers, head.status)


@tap.test("HEAD says what GET would, and opens nothing: not even where the bytes are gone")
def _():
    get, head = read(), read(method="HEAD")
    for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified", "Repr-Digest", "Content-Disposition",
                 "Accept-Ranges", "Cache-Control"):
        assert get.headers[name] == head.headers[name] and get.headers[name], name
    assert read({"Range": "bytes=0-1"}, method="HEAD").headers["Content-Length"] == "300000"
    with vd.Server() as s:
        u = s.sign_in()
        u.put("gone.bin", BODY)
        shutil.rmtree(os.path.join(s.data, "storage", u.grant["user"]["id"]))
        for headers in ({}, {"Range": "bytes=0-1,5-6"}):
            a = u.request("HEAD", "/files/content?path=gone.bin", None, headers)
            assert a.status == 200 and a.headers["Content-Length"] == "300000", a.status
        assert u.content("gone.bin", {"If-None-Match": a.headers["ETag"]}).status == 304
        assert u.content("gone.bin", {"Range": "bytes=999999-"}).status == 416
        assert u.content("gone.bin").status >= 400


@tap.test("every answer with bytes carries what keeps a browser from running them")
def _():
    html = b"<script>alert(1)</script>"
    user.put("sayfa.html", html, {"Content-Type": "text/html"})
    digest = "sha-256=:" + __import__("base64").b64encode(hashlib.sha256(html).digest()).decode() + ":"
    for headers, query in (({}, ""), ({"Range": "bytes=0-1"}, ""), ({"Range": "bytes=0-1,5-6"}, ""),
                           ({}, "&disposition=inline"), ({}, "&disposition=attachment")):
        for method in ("GET", "HEAD"):
            a = user.request(method, "/files/content?path=sayfa.html" + query, None, headers)
            h = a.headers
            assert a.status in (200, 206)
            assert h["X-Content-Type-Options"] == "nosniff", h
            assert h["Content-Security-Policy"] == "default-src 'none'; sandbox", h
            assert h["Cross-Origin-Resource-Policy"] == "same-site", h
            assert h["Content-Disposition"] == 'attachment; filename="sayfa.html"', h
            assert h["Repr-Digest"] == digest and h["Content-Encoding"] is None, h


@tap.test("names in Content-Disposition: ASCII first, then RFC 8187")
def _():
    for name, want in (("düz.txt", "attachment; filename=\"d_z.txt\"; filename*=UTF-8''d%C3%BCz.txt"),
                       ('a"b\\c%.txt', "attachment; filename=\"a_b_c_.txt\"; filename*=UTF-8''a%22b%5Cc%25.txt"),
                       ("plain name.txt", 'attachment; filename="plain name.txt"'),
                       ("日" * 80, None)):
        user.put("adlar/" + name, b"1")
        got = read(path="adlar/" + name).headers["Content-Disposition"]
        assert got == want or want is None and got.endswith("%E6%97%A5" * 80), got


@tap.test("shown in place: only where asked for, only what its bytes say, and never what can hold a script")
def _():
    box = lambda brand: b"\0\0\0\x20ftyp" + brand + b"\0" * 50
    shown = {"image/jpeg": b"\xff\xd8\xff\xe0 jpeg", "image/png": b"\x89PNG\r\n\x1a\n png", "image/gif": b"GIF89a gif",
             "image/webp": b"RIFF\0\0\0\0WEBPVP8 ", "image/avif": box(b"avif"), "video/mp4": box(b"isom"),
             "video/webm": b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm\x42\x87\x81\x02"}
    for kind, content in shown.items():
        user.put("resim", content, {"Content-Type": kind})
        a = user.request("GET", "/files/content?path=resim&disposition=inline")
        assert a.headers["Content-Disposition"].startswith("inline;") and a.headers["Content-Type"] == kind, a.headers
        assert a.body == content
        head = user.request("HEAD", "/files/content?path=resim&disposition=inline")
        assert head.headers["Content-Disposition"] == a.headers["Content-Disposition"], head.headers
        assert read(path="resim").headers["Content-Disposition"].startswith("attachment;")
        ranged = user.request("GET", "/files/content?path=resim&disposition=inline", None, {"Range": "bytes=2-4"})
        assert ranged.status == 206 and ranged.body == content[2:5], ranged.status
        parts = user.request("GET", "/files/content?path=resim&disposition=inline", None, {"Range": "bytes=0-1,4-5"})
        assert [b for _, _, b in parts_of(parts)] == [content[:2], content[4:6]]
    for kind, content in (("image/png", b"<svg onload=alert(1)>"), ("image/svg+xml", b"<svg/>"), ("text/html", b"<b>"),
                          ("application/pdf", b"%PDF-1.7"), ("video/webm", b"\x1a\x45\xdf\xa3\x42\x82\x88matroska"),
                          ("image/jpeg", b""), ("image/jpeg", b"\xff\xd8"), ("video/mp4", box(b"qt  "))):
        user.put("resim", content, {"Content-Type": kind})
        a = user.request("GET", "/files/content?path=resim&disposition=inline")
        assert a.headers["Content-Disposition"].startswith("attachment;") and a.body == content, (kind, a.headers)
    # The name lies, the bytes decide.
    user.put("yalan.html", shown["image/png"], {"Content-Type": "text/html"})
    a = user.request("GET", "/files/content?path=yalan.html&disposition=inline")
    assert a.headers["Content-Type"] == "image/png", a.headers
    a = user.request("GET", "/files/content?path=resim&disposition=open")
    assert a.status == 400 and a.problem() == "bad_parameter"


def stored_file(s, u, size):
    """The file of this size below the user's folder."""
    root = os.path.join(s.data, "storage", u.grant["user"]["id"])
    found = [os.path.join(d, f) for d, _, files in os.walk(root) for f in files]
    return next(f for f in found if os.path.getsize(f) == size)


def turn_bit(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0] ^ 4
        f.seek(at)
        f.write(bytes([byte]))


def cut_off(u, path, headers=None):
    """What came before the connection ended, which must be before the announced length."""
    try:
        a = u.content(path, headers)
    except http.client.IncompleteRead as e:
        return e.partial
    except ConnectionResetError:
        return b""
    raise AssertionError((path, headers, a.status, len(a.body)))


@tap.test("verify_reads: damaged content ends before its length, with no byte of the damaged MiB")
def _():
    size = (3 << 20) + 17
    large, one_piece = os.urandom(size), os.urandom(100000)
    with vd.Server(env={"VAULT_STORAGE_VERIFY_READS": "on", "VAULT_UPLOAD_SPILL_IDLE_MS": "1d",
                        "VAULT_UPLOAD_SPILL_AFTER_MS": "1d"}) as s:
        u = s.sign_in()
        u.put("large", large)
        u.put("small", one_piece)
        u.put("inline", b"0123456789")
        assert u.content("large").body == large and u.content("small").body == one_piece
        got = parts_of(u.content("large", {"Range": "bytes=0-9,1048570-1048580,3145728-3145744"}))
        assert [b for _, _, b in got] == [large[:10], large[1048570:1048581], large[3145728:]]
        assert u.content("inline", {"Range": "bytes=2-4"}).body == b"234"
        turn_bit(stored_file(s, u, size), (1 << 20) + 5)
        came = cut_off(u, "large")
        assert large[:1 << 20].startswith(came), len(came)
        assert '"read_damaged"' in s.logged() and "1048576" in s.logged(), s.logged()
        for spec in ("1048576-1048576", "2097151-", "1048570-1048580"):
            came = cut_off(u, "large", {"Range": "bytes=" + spec})
            assert large[1048570:1048576].startswith(came), (spec, came)
        assert large[2000000:2000010] not in cut_off(u, "large", {"Range": "bytes=0-9,2000000-2000009"})
        for spec, want in (("0-1048575", large[:1 << 20]), ("2097152-", large[2 << 20:])):
            assert u.content("large", {"Range": "bytes=" + spec}).body == want
        turn_bit(stored_file(s, u, size), (1 << 20) + 5)
        assert u.content("large").body == large
        for at in (0, 99999):
            turn_bit(stored_file(s, u, 100000), at)
            assert cut_off(u, "small") == b""
            assert cut_off(u, "small", {"Range": "bytes=50000-50009"}) == b""
            turn_bit(stored_file(s, u, 100000), at)
        assert u.content("small").body == one_piece
        if s.database is None:  # SQLite: the row of a small body is damaged while nobody has it open
            assert s.stop() == 0
            with contextlib.closing(sqlite3.connect(os.path.join(s.data, "vault.db"))) as db, db:
                assert db.execute("UPDATE inline_body SET body = x'30313233343536373838'").rowcount == 1
            s.start()
            for headers in ({}, {"Range": "bytes=0-1"}, {"Range": "bytes=9-9"}):
                a = u.content("inline", headers)
                assert a.status == 500 and a.problem() == "corrupt", (a.status, a.body)


@tap.test("gzip: lists for who wants it, never what has a tag, never user files")
def _():
    import gzip
    for i in range(30):
        user.put(f"liste/{i}.txt", b"a" * 5000)
    folder = user.content("liste/0.txt") and user.request("GET", "/files?path=/").json["items"]
    folder = next(i["id"] for i in folder if i["name"] == "liste")
    plain = user.get(f"/files?parent={folder}")
    assert plain.headers["Content-Encoding"] is None and plain.headers["Vary"] == "Accept-Encoding", plain.headers
    for accept, packed in (("gzip", True), ("br, gzip;q=0.1", True), ("*", True), ("gzip;q=0", False),
                           ("identity", False), ("gzip;q=0.2, identity", False)):
        a = user.get(f"/files?parent={folder}", {"Accept-Encoding": accept})
        assert (a.headers["Content-Encoding"] == "gzip") == packed, (accept, a.headers)
        assert a.headers["Vary"] == "Accept-Encoding" and int(a.headers["Content-Length"]) == len(a.body)
        assert (gzip.decompress(a.body) if packed else a.body) == plain.body
        assert len(a.body) < len(plain.body) / 3 or not packed
    wants = {"Accept-Encoding": "gzip"}
    user.put("metin.json", b'{"a": 1}' * 1000, {"Content-Type": "application/json"})
    for path in ("/files/content?path=metin.json", "/files/content?path=liste/0.txt", f"/files/{folder}",
                 "/files?limit=1", "/me"):
        a = user.get(path, wants)
        assert a.status == 200 and a.headers["Content-Encoding"] is None, (path, a.headers)
    short = user.get("/files?limit=1", wants)
    assert len(short.body) < 1024 and short.headers["Vary"] is None, short.headers


@tap.test("it leaves with 0")
def _():
    assert server.stop() == 0, server.logged()


tap.run()
