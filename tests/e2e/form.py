#!/usr/bin/env python3
"""POST /uploads/form: several files in one form, a result for each."""
import json
import os
import socket
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "..", "support")]
import forms
import tap
import vd

MIB = 1 << 20
UPLOAD_MAX = 20 * MIB
FILES_MAX = 256
server = vd.Server(env={"VAULT_UPLOAD_MAX_BYTES": str(UPLOAD_MAX)})
user = server.sign_in()


def post(*parts, headers=None, body=None):
    body = forms.body(*parts) if body is None else body
    return user.request("POST", "/uploads/form", body, {**forms.TYPE, **(headers or {})})


def results(answer, status=200):
    assert answer.status == status, (answer.status, answer.body[:2000])
    rows = answer.json["results"]
    assert [r["index"] for r in rows] == list(range(len(rows))), rows
    for r in rows:
        assert set(r) == {"index", "name", "status", "item", "problem"}, r
        assert (r["status"] < 300) == (r["problem"] is None) == (r["item"] is not None), r
    return rows


def refused(answer, status, code):
    assert answer.status == status, (answer.status, answer.body)
    assert answer.problem() == code, answer.body


def exists(path):
    return user.content(path).status == 200


@tap.test("several files, fields before them, results in their order")
def _():
    parts = {"bir.txt": b"one", "iki günlük.jpg": b"\xff\xd8\xff two", "boş": b"", "a/b/üç.bin": os.urandom(70000)}
    rows = results(post(forms.field("path", "/aile/2026"), forms.field("space", "files"),
                        *(forms.file(n, c) for n, c in parts.items())))
    assert [r["name"] for r in rows] == list(parts), rows
    for row, (name, content) in zip(rows, parts.items()):
        assert row["status"] == 201 and row["item"]["size"] == len(content), row
        assert row["item"]["name"] == name.split("/")[-1], row
        assert user.content("/aile/2026/" + name).body == content
    again = results(post(forms.field("path", "aile/2026/"), *(forms.file(n, c) for n, c in parts.items())))
    assert [r["status"] for r in again] == [200] * 4, again
    assert [r["item"]["id"] for r in again] == [r["item"]["id"] for r in rows]
    assert all(r["item"]["versions"] == 1 for r in again), again


@tap.test("parent, times, types and another space")
def _():
    folder = user.request("POST", "/files", {"name": "hedef", "space": "photos"}).json["id"]
    rows = results(post(forms.field("space", "photos"), forms.field("parent", folder),
                        forms.field("mtime_ns", "-5"), forms.file("a.txt", b"1", kind="image/png"),
                        forms.file("b.txt", b"2"), forms.field("mtime_ns", "7"), forms.file("c.txt", b"3")))
    items = [r["item"] for r in rows]
    assert [i["mtime_ns"] for i in items] == ["-5", None, "7"], items
    assert {i["parent_id"] for i in items} == {folder} and {i["space"] for i in items} == {"photos"}, items
    assert [i["content_type"] for i in items] == ["image/png", "text/plain", "text/plain"], items
    root = results(post(forms.field("parent", ""), forms.file("root.txt", b"1")))
    assert root[0]["item"]["parent_id"] is None


@tap.test("every size around the limits of buffers, and the body cut as the network likes")
def _():
    sizes = [0, 1, 65535, 65536, 65537, 262143, 262144, 262145, 3 * MIB + 1]
    contents = {f"size-{n}": (b"\r\n--" + os.urandom(n))[:n] for n in sizes}
    rows = results(post(forms.field("path", "sizes"), *(forms.file(n, c) for n, c in contents.items())))
    for row, (name, content) in zip(rows, contents.items()):
        assert row["item"]["size"] == len(content), row
        assert user.content("sizes/" + name).body == content, name
    body = forms.body(forms.field("path", "cut"), forms.file("x.bin", contents["size-65537"]))
    for step in (1, 7, 65536):
        pieces = body[:3000] if step == 1 else body
        if step == 1:
            pieces = forms.body(forms.field("path", "cut"), forms.file("x.bin", b"tiny"))
        c = server.connect()
        c.request("POST", vd.API + "/uploads/form", (pieces[i:i + step] for i in range(0, len(pieces), step)),
                  {**user.headers, **forms.TYPE, "Transfer-Encoding": "chunked"}, encode_chunked=True)
        assert c.getresponse().status == 200
        assert user.content("cut/x.bin").body == (b"tiny" if step == 1 else contents["size-65537"])


@tap.test("curl -F, with names that need care")
def _():
    names = ['plain.txt', 'iki söz.txt', 'per%cent.txt', 'semi;colon.txt', 'quo"te.txt', 'back\\slash.txt', '日本.txt']
    with tempfile.TemporaryDirectory() as d:
        args = []
        for i, name in enumerate(names):
            with open(os.path.join(d, str(i)), "w") as f:
                f.write(name)
            # curl's own syntax wants the quote and the backslash escaped.
            said = name.replace("\\", "\\\\").replace('"', '\\"')
            args += ["-F", f'file=@"{d}/{i}";filename="{said}"']
        out = subprocess.run(["curl", "-sS", "-H", "Authorization: " + user.headers["Authorization"], "-F",
                              "path=curl", *args, f"http://127.0.0.1:{server.port}{vd.API}/uploads/form"],
                             capture_output=True, check=True).stdout
    rows = json.loads(out)["results"]
    assert [r["name"] for r in rows] == names, rows
    for name in names:
        assert user.content("curl/" + name).body == name.encode()


@tap.test("the third of five fails in each way: the others are stored, and the answer says which")
def _():
    user.request("POST", "/files", {"name": "kapı"})
    bad = {"name_invalid": ("x" * 256, b"1"), "is_a_folder": ("kapı", b"1"), "not_a_folder": ("bir.txt/x", b"1"),
           "too_large": ("büyük", bytes(UPLOAD_MAX + 1))}
    user.put("bir.txt", b"a file")
    for code, (name, content) in bad.items():
        rows = results(post(*(forms.file(f"{code}-{i}", b"ok") for i in (0, 1)), forms.file(name, content),
                            *(forms.file(f"{code}-{i}", b"ok") for i in (3, 4))), 207)
        assert [r["status"] < 300 for r in rows] == [True, True, False, True, True], rows
        assert rows[2]["problem"]["code"] == code and rows[2]["problem"]["detail"], rows[2]
        assert all(exists(f"{code}-{i}") for i in (0, 1, 3, 4))
        alone = post(forms.file(name, content))
        assert alone.problem() == code and alone.status == rows[2]["status"], alone.body
    exact = results(post(forms.file("tam", bytes(UPLOAD_MAX))))
    assert exact[0]["item"]["size"] == UPLOAD_MAX


@tap.test("file names lead nowhere else")
def _():
    for name in ("../x", "a/../x", "/etc/passwd", "a//b", "a/", ".", "..", "a/.", "./a"):
        rows = results(post(forms.file("beside.txt", b"ok"), forms.file(name, b"bad")), 207)
        assert rows[1]["problem"]["code"] == "name_invalid" and rows[1]["name"] == name, rows[1]
    inside = results(post(forms.field("path", "in"), forms.file("...", b"1"), forms.file("a\\..\\b", b"2")))
    assert [r["item"]["name"] for r in inside] == ["...", "a\\..\\b"], inside
    refused(post(forms.field("path", "../.."), forms.file("x", b"1")), 400, "name_invalid")
    refused(post(forms.file("a\nb", b"1")), 400, "name_invalid")


@tap.test("a file field in which nobody chose a file")
def _():
    rows = results(post(forms.file("", b""), forms.file("chosen", b"1"), forms.file("", b"")))
    assert [r["name"] for r in rows] == ["chosen"], rows
    refused(post(forms.file("", b"")), 400, "bad_form")
    refused(post(forms.file("", b"bytes without a name")), 400, "name_invalid")
    refused(post(), 400, "bad_form")


@tap.test("bad forms are refused, with a sentence")
def _():
    good = forms.file("good.txt", b"1")
    for parts in ([forms.field("colour", "red"), good], [forms.field("space", "attic"), good],
                  [forms.field("space", "files"), forms.field("space", "files"), good],
                  [forms.field("path", "a"), forms.field("parent", ""), good],
                  [forms.field("parent", ""), forms.field("path", "a"), good],
                  [forms.field("parent", "x"), good], [forms.field("path", "a\0b"), good],
                  [forms.field("mtime_ns", "soon"), good],
                  [forms.field("mtime_ns", "1"), forms.field("mtime_ns", "2"), good],
                  [good, forms.field("path", "late")]):
        refused(post(*parts), 400, "bad_form")
    for n, code in ((8192, "name_invalid"), (8193, "bad_form")):
        refused(post(forms.field("path", "p" * n), good), 400, code)
    for kind, status, code in (("application/json", 415, "unsupported_media_type"),
                               ("multipart/form-data", 400, "bad_form"),
                               ("multipart/form-data; boundary=" + "b" * 71, 400, "bad_form")):
        refused(post(good, headers={"Content-Type": kind}), status, code)
    refused(post(good, headers={"Content-Encoding": "gzip"}), 415, "unsupported_content_encoding")
    refused(user.request("POST", "/uploads/form?path=x", forms.body(good), forms.TYPE), 400, "bad_parameter")
    refused(server.request("POST", vd.API + "/uploads/form", forms.body(good), forms.TYPE), 401, "auth_required")
    refused(post(body=b"no boundary at all" * 100), 400, "bad_form")
    refused(post(body=b""), 400, "bad_form")
    assert not exists("late/good.txt")


@tap.test("a form that is cut off: complete files are stored, the rest is not")
def _():
    refused(post(body=forms.body(forms.file("open.txt", b"1"), end=False)), 400, "bad_form")
    for end in (b"--" + forms.BOUNDARY, b"--" + forms.BOUNDARY + b"\r\nContent-Disposition: form-data"):
        whole = forms.body(forms.file("whole.txt", b"1"), end=False)
        refused(post(body=whole + end), 400, "bad_form")
        vd.eventually(lambda: exists("whole.txt"), "the complete file")
        user.request("DELETE", "/files/" + next(i["id"] for i in user.children() if i["name"] == "whole.txt"))
    broken = forms.body(forms.file("first.bin", b"1" * 70000), forms.file("second.bin", b"2" * 300000), end=False)
    refused(post(body=broken[:-1000]), 400, "bad_form")
    vd.eventually(lambda: exists("first.bin"), "the complete file")
    assert not exists("second.bin") and not exists("open.txt")
    vd.eventually(lambda: user.usage()["partial_bytes"] == 0, "the end of the reservation")


@tap.test("a connection that breaks: complete files are stored, the rest leaves nothing behind")
def _():
    body = forms.body(forms.file("kept.bin", b"k" * 100000), forms.file("lost.bin", b"l" * 300000))
    with socket.create_connection(("127.0.0.1", server.port)) as s:
        head = f"POST {vd.API}/uploads/form HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        for name, value in {**user.headers, **forms.TYPE}.items():
            head += f"{name}: {value}\r\n"
        s.sendall(head.encode() + b"\r\n" + body[:-5000])
        vd.eventually(lambda: exists("kept.bin"), "the complete file")
    vd.eventually(lambda: user.usage()["partial_bytes"] == 0, "the end of the reservation")
    assert not exists("lost.bin")


@tap.test("at most 256 files")
def _():
    rows = results(post(forms.field("path", "many"), *(forms.file(f"{i}", b"%d" % i) for i in range(FILES_MAX))))
    assert len(rows) == FILES_MAX and {r["status"] for r in rows} == {201}
    refused(post(forms.field("path", "more"), *(forms.file(f"{i}", b"%d" % i) for i in range(FILES_MAX + 1))),
            413, "too_many_files")
    names = {i["name"] for i in user.children(rows[0]["item"]["parent_id"])}
    assert names == {str(i) for i in range(FILES_MAX)}


@tap.test("an idempotency key counts for each file")
def _():
    key = {"Idempotency-Key": "k" * 60}
    first = results(post(forms.file("once-a", b"1"), forms.file("once-b", b"2"), headers=key))
    user.put("once-a", b"changed meanwhile")
    again = results(post(forms.file("once-a", b"1"), forms.file("once-b", b"2"), headers=key))
    assert [r["item"]["id"] for r in again] == [r["item"]["id"] for r in first]
    assert user.content("once-a").body == b"changed meanwhile"
    other = results(post(forms.file("once-a", b"1"), forms.file("once-b", b"other"), headers=key), 207)
    assert [r["status"] for r in other] == [200, 422] and other[1]["problem"]["code"] == "idempotency_key_reused"
    refused(post(forms.file("x", b"1"), headers={"Idempotency-Key": "k" * 61}), 400, "bad_idempotency_key")


@tap.test("stopped while complete files of a broken form wait for their commit: they are stored, and it leaves with 0")
def _():
    with vd.Server() as s:
        u = s.sign_in()
        body = forms.body(*(forms.file(f"{i}", b"%d" % i) for i in range(FILES_MAX)), end=False) + b"--x"
        a = u.request("POST", "/uploads/form", body, forms.TYPE)
        assert a.status == 400, a.body
        assert s.stop() == 0, s.logged()
        s.start()
        assert len(list(u.children())) == FILES_MAX - 1


@tap.test("it leaves with 0")
def _():
    assert server.stop() == 0, server.logged()


tap.run()
