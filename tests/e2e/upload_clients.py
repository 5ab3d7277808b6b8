#!/usr/bin/env python3
"""Uploads by programs that others wrote: tus-js-client (tus, and its IETF mode), Uppy, curl. With pauses, in parallel,
big and empty; what is stored is compared byte by byte. `./test` installs the packages; see clients/README.md."""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "..", "support")]
import tap
import vd

LONG = bool(os.environ.get("VT_LONG"))
MODULES = os.environ.get("VT_NODE_MODULES", "")
BIG = (256 if LONG else 48) << 20
MIB = 1 << 20


class Public(vd.Server):
    """Its URLs lead to it."""

    def environment(self):
        return {**super().environment(), "VAULT_PUBLIC_URL": f"http://127.0.0.1:{self.port}"}


server = Public()
user = server.sign_in()
folder = tempfile.mkdtemp(prefix="vault-clients-", dir=server.data)
endpoint = f"http://127.0.0.1:{server.port}{vd.API}/uploads"
counter = iter(range(10**9))


def local(size):
    path = os.path.join(folder, f"f{next(counter)}")
    with open(path, "wb") as f:
        for at in range(0, size, MIB):
            f.write(os.urandom(min(MIB, size - at)))
    return path


def same(name, path):
    a = user.content(name)
    assert a.status == 200 and hashlib.sha256(a.body).hexdigest() == vd.digest(path), (name, a.status, len(a.body))


def node(client, file, name, options=None, **more):
    if not shutil.which("node"):
        raise tap.Skip("node is not installed")
    if not os.path.isdir(os.path.join(MODULES, "node_modules", "tus-js-client")):
        raise tap.Skip("the packages of tests/e2e/clients are not installed (VT_NODE_MODULES); ./test does that")
    job = {"client": client, "endpoint": endpoint, "token": user.grant["access_token"], "file": file, "name": name,
           "options": options or {}, **more}
    env = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    done = subprocess.run(["node", os.path.join(here, "clients", "upload.mjs")], input=json.dumps(job), text=True,
                          capture_output=True, timeout=300, env=env)
    try:
        result = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        raise AssertionError((done.returncode, done.stdout[-1000:], done.stderr[-3000:])) from None
    assert result["ok"], result
    return result


def curl(*args, **more):
    done = subprocess.run(["curl", "-fsS", "--noproxy", "*", "-H", f"Authorization: Bearer {user.grant['access_token']}",
                           *args], capture_output=True, timeout=300, **more)
    assert done.returncode == 0, (done.returncode, done.stderr[-1000:])
    return done.stdout


SIZES = (0, 1, 65536, 65537, 5 * MIB + 3)
MODES = {"tus": {}, "IETF draft -05": {"protocol": "ietf-draft-05"}}

for mode, extra in MODES.items():

    @tap.test(f"tus-js-client, {mode}: files of all sizes in one go and in parts")
    def _(extra=extra):
        for size in SIZES:
            path, name = local(size), f"js{next(counter)}.bin"
            node("tus-js", path, name, {**extra, **({"chunkSize": 1 << 20} if size > MIB else {})}, buffer=True)
            same(name, path)

    @tap.test(f"tus-js-client, {mode}: paused and resumed, bytes identical")
    def _(extra=extra):
        for i in range(20 if LONG else 4):
            path, name = local(12 * MIB + i), f"js{next(counter)}.bin"
            r = node("tus-js", path, name, {**extra, "chunkSize": 3 * MIB}, pauses=3, buffer=True)
            assert r["aborted"] > 0, r
            same(name, path)

    @tap.test(f"tus-js-client, {mode}: given up, and continued by another process from the URL")
    def _(extra=extra):
        path, name = local(9 * MIB + 1), f"js{next(counter)}.bin"
        r = node("tus-js", path, name, {**extra, "chunkSize": MIB}, abandon=0.4, buffer=True)
        assert r["abandoned"] and user.content(name).status == 404, r
        r = node("tus-js", path, name, {**extra, "uploadUrl": r["url"]}, token=None, buffer=True)
        same(name, path)

    @tap.test(f"tus-js-client, {mode}: a big file as a stream")
    def _(extra=extra):
        path, name = local(BIG), f"js{next(counter)}.bin"
        node("tus-js", path, name, {**extra, "chunkSize": 16 * MIB, "uploadSize": BIG})
        same(name, path)

    @tap.test(f"tus-js-client, {mode}: the length is told at the end")
    def _(extra=extra):
        path, name = local(3 * MIB + 1), f"js{next(counter)}.bin"
        node("tus-js", path, name, {**extra, "uploadLengthDeferred": True, "chunkSize": MIB}, deferred=True)
        same(name, path)

    @tap.test(f"tus-js-client, {mode}: data with the creation, PATCH as POST")
    def _(extra=extra):
        path, name = local(2 * MIB + 1), f"js{next(counter)}.bin"
        r = node("tus-js", path, name, {**extra, "uploadDataDuringCreation": True, "overridePatchMethod": True,
                                        "chunkSize": MIB}, buffer=True)
        assert r["statuses"][0] == "POST 201" and not any("PATCH" in s for s in r["statuses"]), r
        same(name, path)


@tap.test("tus-js-client, tus: parallel uploads are put together")
def _():
    for parallel, size in ((2, 4 * MIB + 1), (4, 1000), (6, 13 * MIB)):
        path, name = local(size), f"js{next(counter)}.bin"
        node("tus-js", path, name, {"parallelUploads": parallel}, buffer=True)
        same(name, path)


@tap.test("Uppy with its tus plugin: several files, an empty one too, paused on the way")
def _():
    paths = [local(n) for n in (0, 1000, 70000, 6 * MIB)]
    names = [f"uppy{next(counter)}.bin" for _ in paths]
    r = node("uppy", paths, names, {"chunkSize": 2 * MIB}, pauses=1)
    assert len(r["urls"]) == len(paths), r
    for name, path in zip(names, paths):
        same(name, path)


@tap.test("curl: PUT, chunked PUT, and a resumed upload by the draft")
def _():
    path = local(5 * MIB + 7)
    curl("-T", path, f"{endpoint[:-8]}/files/content?path=/curl1.bin")
    same("curl1.bin", path)
    with open(path, "rb") as f:
        curl("-T", "-", f"{endpoint[:-8]}/files/content?path=/curl2.bin", stdin=f)
    same("curl2.bin", path)
    curl("-T", path, "-H", "Upload-Complete: ?1", "-H", "Upload-Draft-Interop-Version: 8",
         f"{endpoint[:-8]}/files/content?path=/curl3.bin")
    same("curl3.bin", path)


tap.run()
