#!/usr/bin/env python3
"""POST /uploads/batch: many small files in one request, a result for each. POST /uploads/check."""
import hashlib
import json
import os
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "..", "support")]
import forms
import tap
import vd

ITEMS_MAX, ITEM_BYTES_MAX, BATCH_BYTES_MAX, MANIFEST_BYTES_MAX = 256, 65536, 4194304, 262144
server = vd.Server()
user = server.sign_in()


def parts(items, contents):
    """[manifest, "0", "1", …]"""
    return [forms.field("manifest", json.dumps({"items": items})),
            *(forms.file(f"f{i}", c, name=str(i)) for i, c in enumerate(contents))]


def post(items, contents, headers=None, order=None):
    p = parts(items, contents)
    if order:
        p = [p[0], *(p[1 + i] for i in order)]
    return send(forms.body(*p), headers)


def send(body, headers=None):
    return user.request("POST", "/uploads/batch", body, {**forms.TYPE, **(headers or {})})


def results(answer, status=200):
    assert answer.status == status, (answer.status, answer.body[:2000])
    return answer.json["results"]


def refused(answer, status, code):
    assert answer.status == status, (answer.status, answer.body)
    assert answer.problem() == code, answer.body


def sha(content):
    return hashlib.sha256(content).hexdigest()


@tap.test("256 files, with all that can be said of each")
def _():
    contents = [os.urandom(i * 7 % 4096) for i in range(ITEMS_MAX)]
    items = [{"path": f"/toplu/{i % 8}/ç{i}.bin", "mtime_ns": str(-i), "sha256": sha(contents[i]),
              "if_none_match": "*", "idempotency_key": f"key-{i}"} for i in range(ITEMS_MAX)]
    rows = results(post(items, contents, order=list(reversed(range(ITEMS_MAX)))))
    for i, row in enumerate(rows):
        assert row["index"] == i and row["name"] == items[i]["path"] and row["status"] == 201, row
        assert row["item"]["sha256"] == sha(contents[i]) and row["item"]["mtime_ns"] == str(-i), row
        assert user.content(items[i]["path"]).body == contents[i]
    again = results(post(items, contents))
    assert [r["item"]["id"] for r in again] == [r["item"]["id"] for r in rows]
    assert {(r["status"], r["item"]["versions"]) for r in again} == {(200, 1)}
    refused(post(items + [{"path": "x"}], contents + [b""]), 413, "too_many_files")


@tap.test("other spaces; the same path twice is two versions in their order")
def _():
    rows = results(post([{"path": "p.jpg", "space": "photos"}, {"path": "twice"}, {"path": "twice"}],
                        [b"photo", b"first", b"second"]))
    assert [r["status"] for r in rows] == [201, 201, 200], rows
    assert rows[0]["item"]["space"] == "photos" and rows[2]["item"]["versions"] == 2, rows
    assert user.content("twice").body == b"second"


@tap.test("what is wrong with one is that one's result; the others are stored")
def _():
    user.put("var", b"there")
    bad = {"digest_mismatch": {"path": "d", "sha256": sha(b"other")}, "name_invalid": {"path": "a/../b"},
           "precondition_failed": {"path": "var", "if_none_match": "*"}, "not_a_folder": {"path": "var/x"},
           "input_invalid": {"path": "k", "idempotency_key": "k" * 65}}
    items = [{"path": "iyi-1"}, *bad.values(), {"path": "iyi-2"}]
    rows = results(post(items, [b"content"] * len(items)), 207)
    assert [r["problem"]["code"] for r in rows[1:-1]] == list(bad), rows
    assert rows[0]["status"] == rows[-1]["status"] == 201, rows
    assert user.content("iyi-1").body == user.content("iyi-2").body == b"content"
    rows = results(post(list(bad.values()), [b"content"] * len(bad)), 207)
    assert all(r["item"] is None for r in rows)
    assert user.content("d").status == 404


@tap.test("limits of one file, of all files, of the manifest: on both sides")
def _():
    rows = results(post([{"path": "tam"}, {"path": "fazla"}, {"path": "son"}],
                        [bytes(ITEM_BYTES_MAX), bytes(ITEM_BYTES_MAX + 1), b"1"]), 207)
    assert [r["status"] for r in rows] == [201, 413, 201] and rows[1]["problem"]["code"] == "too_large", rows
    n = BATCH_BYTES_MAX // ITEM_BYTES_MAX
    full = [os.urandom(ITEM_BYTES_MAX) for _ in range(n)]
    paths = [{"path": f"dolu/{i}"} for i in range(n + 1)]
    refused(post(paths, full + [b"1"]), 413, "body_too_large")
    assert user.content("dolu/0").status == 404
    rows = results(post(paths, full + [b""]))
    assert [user.content(p["path"]).body for p in paths[:n]] == full
    for more, status in ((0, 200), (1, 413)):
        text = json.dumps({"items": [{"path": "manifest"}]})
        text += " " * (MANIFEST_BYTES_MAX + more - len(text))
        a = send(forms.body(forms.field("manifest", text), forms.file("f", b"1", name="0")))
        assert a.status == status, (more, a.body)


@tap.test("a batch that is wrong in itself stores nothing")
def _():
    good, content = {"path": "hiç"}, b"1"
    for items in ([], [{}], [{"path": 1}], ["x"], [{**good, "colour": "red"}], [{**good, "space": "attic"}],
                  [{**good, "sha256": "00"}], [{**good, "sha256": "g" * 64}], [{**good, "if_none_match": "x"}],
                  [{**good, "mtime_ns": "soon"}], [{**good, "idempotency_key": "a b"}],
                  [{**good, "idempotency_key": ""}]):
        refused(post(items, [content]), 400, "bad_json")
    for text in ("", "[]", "{}", '{"items":{}}', '{"items":[{"path":"a"}],"x":1}', '{"items":[{"path":"a\\u0000b"}]}',
                 '{"items":[', '{"items":[{"path":"a","path":"b"}]}'):
        refused(send(forms.body(forms.field("manifest", text), forms.file("f", content, name="0"))), 400, "bad_json")
    manifest, *files = parts([good, good], [content, content])
    for body in (forms.body(), forms.body(manifest), forms.body(manifest, files[0]), forms.body(*files, manifest),
                 forms.body(manifest, files[0], files[0]), forms.body(manifest, *files, forms.file("f", b"", name="2")),
                 forms.body(manifest, files[0], forms.file("f", b"", name="01")),
                 forms.body(manifest, files[0], forms.file("f", b"", name="-0")),
                 forms.body(manifest, files[0], forms.file("f", b"", name="one")),
                 forms.body(manifest, *files, end=False), forms.body(manifest, *files)[:-4], b"", b"x"):
        refused(send(body), 400, "bad_form")
    refused(send(b"{}", {"Content-Type": "application/json"}), 415, "unsupported_media_type")
    refused(server.request("POST", vd.API + "/uploads/batch", forms.body(manifest, *files), forms.TYPE), 401,
            "auth_required")
    assert user.content("hiç").status == 404
    assert user.usage()["partial_bytes"] == 0


@tap.test("the key of the request counts for each file; a file's own key wins")
def _():
    items, contents = [{"path": "anahtar-0"}, {"path": "anahtar-1", "idempotency_key": "own"}], [b"0", b"1"]
    key = {"Idempotency-Key": "batch"}
    first = results(post(items, contents, key))
    user.put("anahtar-0", b"changed")
    user.put("anahtar-1", b"changed")
    again = results(post(items, contents, key))
    assert [r["item"]["id"] for r in again] == [r["item"]["id"] for r in first]
    assert user.content("anahtar-0").body == user.content("anahtar-1").body == b"changed"
    other = results(post(items, [b"0", b"other"], {"Idempotency-Key": "another"}), 207)
    assert [r["status"] for r in other] == [200, 422], other
    refused(post(items, contents, {"Idempotency-Key": "k" * 61}), 400, "bad_idempotency_key")
    assert results(post(items, contents, {"Idempotency-Key": "k" * 60}))[0]["status"] == 200


@tap.test("a full quota: what fits is stored")
def _():
    env = {"VAULT_QUOTA_BYTES": "100000"}
    with vd.Server(env=env) as s:
        u = s.sign_in("+905321111111")
        items, contents = [{"path": f"{i}"} for i in range(4)], [bytes([i]) * 40000 for i in range(4)]
        a = u.request("POST", "/uploads/batch", forms.body(*parts(items, contents)), forms.TYPE)
        rows = results(a, 207)
        assert [r["status"] for r in rows] == [201, 201, 507, 507], rows
        assert {r["problem"]["code"] for r in rows[2:]} == {"quota_exceeded"}
        assert u.usage()["used_bytes"] == 80000, u.usage()


@tap.test("check: what is there, in the order of the question; older versions and the trash do not count")
def _():
    def have(*contents):
        digests = [sha(c) for c in contents]
        a = user.request("POST", "/uploads/check", {"digests": digests})
        assert a.status == 200, a.body
        assert [r["sha256"] for r in a.json["results"]] == digests, a.json
        return [r["have"] for r in a.json["results"]]
    small, large, deleted, old, new = (os.urandom(n) for n in (100, 200000, 150, 170, 180))
    for name, content in (("small", small), ("large", large), ("versions", old), ("versions", new)):
        user.put("check/" + name, content)
    gone = user.put("check/gone", deleted).json
    assert have(deleted, b"never", small, large, small, new, old) == [True, False, True, True, True, True, False]
    user.request("DELETE", "/files/" + gone["id"])
    assert have(deleted) == [False]
    assert have() == []
    many = [os.urandom(8) for _ in range(1000)]
    many[31], many[32], many[999] = small, large, new
    assert [i for i, h in enumerate(have(*many)) if h] == [31, 32, 999]
    refused(user.request("POST", "/uploads/check", {"digests": [sha(b"")] * 1001}), 413, "too_large")
    for bad in ({"digests": "x"}, {"digests": [1]}, {"digests": ["0" * 63]}, {"digests": ["0" * 65]}, {},
                {"digests": ["x" * 64]}, {"digests": [], "more": 1}):
        refused(user.request("POST", "/uploads/check", bad), 400, "bad_json")
    assert user.request("POST", "/uploads/check", {"digests": [sha(small).upper()]}).json["results"][0]["have"]
    other = server.sign_in("+905322222222")
    a = other.request("POST", "/uploads/check", {"digests": [sha(small)]})
    assert a.json["results"] == [{"sha256": sha(small), "have": False}], a.json


@tap.test("curl alone can send one")
def _():
    with tempfile.TemporaryDirectory() as d:
        for name in "ab":
            with open(os.path.join(d, name), "w") as f:
                f.write(name)
        manifest = json.dumps({"items": [{"path": "/curl/a"}, {"path": "/curl/b"}]})
        out = subprocess.run(["curl", "-sS", "-H", "Authorization: " + user.headers["Authorization"],
                              "-F", "manifest=" + manifest, "-F", f"0=@{d}/a", "-F", f"1=@{d}/b",
                              f"http://127.0.0.1:{server.port}{vd.API}/uploads/batch"],
                             capture_output=True, check=True).stdout
    assert [r["status"] for r in json.loads(out)["results"]] == [201, 201], out


@tap.test("it leaves with 0")
def _():
    assert server.stop() == 0, server.logged()


tap.run()
