#!/usr/bin/env python3
"""Pages of other origins: none by default; with http.cors_origins those, their preflights, and what they may read."""
import os
import subprocess
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "..", "support")]
import tap
import vd
import wire

UPLOADS = vd.API + "/uploads"
OURS, OTHER = "https://photos.example", "https://evil.example"
TUS = {"Tus-Resumable", "Upload-Length", "Upload-Offset", "Upload-Metadata", "Upload-Checksum", "Upload-Concat",
       "Upload-Defer-Length", "Content-Type", "Authorization", "X-HTTP-Method-Override"}
READABLE = {"Location", "Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm",
            "Upload-Offset", "Upload-Length", "Upload-Metadata", "Upload-Concat", "Upload-Defer-Length",
            "Upload-Expires", "Upload-Complete", "Upload-Limit", "ETag", "Repr-Digest"}


def names(value):
    return {n.strip() for n in value.split(",")}


def ask(server, method, target, origin, **headers):
    return wire.ask(server.port, method, target, {"Origin": origin, **{k.replace("_", "-"): v for k, v in headers.items()}})


def preflight(server, target, origin, method="PATCH"):
    return ask(server, "OPTIONS", target, origin, Access_Control_Request_Method=method,
               Access_Control_Request_Headers="tus-resumable,upload-offset,content-type")


def allowed(r):
    return [k for k in r.headers if k.startswith("access-control-")]


@tap.test("by default no other origin is allowed anything, and none is named")
def _():
    with vd.Server() as server:
        for r in (preflight(server, UPLOADS, OURS), ask(server, "GET", "/healthz", OURS), ask(server, "GET", "/none", OURS)):
            assert not allowed(r) and r["Vary"] is None, r


@tap.test("an allowed origin: preflight, the answer's own fields, and what may be read of it")
def _():
    with vd.Server(env={"VAULT_HTTP_CORS_ORIGINS": f"http://localhost:3000, {OURS}"}) as server:
        for target, method in ((UPLOADS, "POST"), (UPLOADS + "/x", "PATCH"), (UPLOADS + "/x", "DELETE"),
                               (vd.API + "/files/content", "PUT"), (vd.API + "/me", "GET")):
            r = preflight(server, target, OURS, method)
            assert r.status in (200, 204) and r["Access-Control-Allow-Origin"] == OURS, r
            assert method in names(r["Access-Control-Allow-Methods"]), r
            assert TUS <= names(r["Access-Control-Allow-Headers"]), r
            assert int(r["Access-Control-Max-Age"]) > 0 and "Origin" in r["Vary"], r
            assert r["Access-Control-Allow-Credentials"] is None, r
        for status, target in ((200, "/healthz"), (401, UPLOADS + "/01890000-0000-7000-8000-000000000000"), (404, "/none")):
            r = ask(server, "GET", target, OURS)
            assert r.status == status and r["Access-Control-Allow-Origin"] == OURS, r
            assert READABLE <= names(r["Access-Control-Expose-Headers"]), r
            assert r["Access-Control-Allow-Credentials"] is None and "Origin" in r["Vary"], r


@tap.test("another origin gets nothing, but its answers may not be taken for ours by a cache")
def _():
    with vd.Server(env={"VAULT_HTTP_CORS_ORIGINS": OURS}) as server:
        for origin in (OTHER, "null", OURS + ":443", "http://photos.example", OURS + ".evil.example", "*", ""):
            for r in (preflight(server, UPLOADS, origin), ask(server, "GET", "/healthz", origin)):
                assert not allowed(r) and "Origin" in r["Vary"], (origin, r)
        assert "Origin" in ask(server, "GET", "/healthz", None)["Vary"]


@tap.test("* allows any origin, without Vary and without cookies")
def _():
    with vd.Server(env={"VAULT_HTTP_CORS_ORIGINS": "*"}) as server:
        r = preflight(server, UPLOADS, OTHER)
        assert r["Access-Control-Allow-Origin"] == "*" and r["Vary"] is None, r
        assert r["Access-Control-Allow-Credentials"] is None, r
        assert ask(server, "GET", "/healthz", OTHER)["Access-Control-Allow-Origin"] == "*"


@tap.test("a list that is none stops the start, with a sentence")
def _():
    for bad in ("photos.example", "https://photos.example/", "https://a.example *"):
        server = vd.Server(env={"VAULT_HTTP_CORS_ORIGINS": bad}, start=False)
        server.port = vd.free_port()
        done = subprocess.run([os.environ["VT_VAULTD"], "serve"], env=server.environment(), capture_output=True,
                              text=True, timeout=vd.WAIT_S)
        assert done.returncode != 0 and "cors_origins" in done.stderr, (bad, done)
        server.remove()


tap.run()
