#!/usr/bin/env python3
"""The figures of docs/performance.md, measured next to nginx (dav module) in one run.

  bench/figures.py [--rounds N] [--vaultd PATH] [--load PATH] [--library PATH]

Starts and stops everything itself, on free ports and below one temporary directory (TMPDIR).
Each comparison runs in turn, ours and nginx's, N times; the median is printed with the median of
the same-round ratios. nginx never flushes; vaultd is durable before each answer.
"""
import argparse
import http.client
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
PHONE = "+905321234567"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def status_kib(pid, key):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(rf"^{key}:\s+(\d+) kB", f.read(), re.M).group(1))


def pss_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return int(re.search(r"^Pss:\s+(\d+) kB", f.read(), re.M).group(1))


def cpu_seconds(pids):
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rsplit(") ", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def wait_for(port, path, process, status=200):
    """Seconds until the first answer with this status."""
    start = time.monotonic()
    while process.poll() is None and time.monotonic() - start < 30:
        try:
            c = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            c.request("GET", path)
            if c.getresponse().status == status:
                return time.monotonic() - start
        except OSError:
            time.sleep(0.001)
    raise SystemExit("the server did not answer")


class Vaultd:
    """limits are lifted by settings, never bypassed."""

    def __init__(self, binary, data):
        self.port = free_port()
        self.codes = os.path.join(data, "sms.jsonl")
        self.log = open(os.path.join(data, "log"), "ab")
        env = dict(os.environ, VAULT_DATA=data, VAULT_LISTEN=f"127.0.0.1:{self.port}",
                   VAULT_SMS=f"file:{self.codes}", VAULT_LIMITS_CODES_PER_HOUR="1000000",
                   VAULT_LIMITS_CODES_PER_DAY="1000000", VAULT_LIMITS_CODE_GAP_MS="1",
                   VAULT_LIMITS_CODES_PER_HOUR_ALL="100000000",
                   VAULT_LIMITS_CODES_PER_HOUR_ADDRESS="100000000")
        self.started = time.monotonic()
        self.process = subprocess.Popen([binary, "serve"], env=env, stderr=self.log,
                                        stdout=self.log)
        self.first_answer = wait_for(self.port, "/healthz", self.process)
        self.pids = [self.process.pid]

    def call(self, method, path, body=None, headers=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        c.request(method, path, json.dumps(body) if body is not None else None,
                  dict({"Content-Type": "application/json"} if body is not None else {},
                       **(headers or {})))
        r = c.getresponse()
        data = r.read()
        if r.status >= 300:
            raise SystemExit(f"{method} {path}: {r.status} {data!r}")
        return json.loads(data) if data else None

    def code(self, at):
        """The code that was appended to the file after position `at`."""
        while True:
            try:
                with open(self.codes, "rb") as f:
                    f.seek(at)
                    line = f.readline()
                if line.endswith(b"\n"):
                    return json.loads(line)["text"].strip().rsplit("#", 1)[1][:6]
            except FileNotFoundError:
                pass
            time.sleep(0.0005)

    def sign_in(self, phone=PHONE):
        at = os.path.getsize(self.codes) if os.path.exists(self.codes) else 0
        ch = self.call("POST", "/api/v1/auth/otp", {"phone": phone})
        grant = self.call("POST", "/api/v1/auth/otp/verify",
                          {"challenge_id": ch["challenge_id"], "code": self.code(at)})
        return "Authorization: Bearer " + grant["access_token"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


class Nginx:
    def __init__(self, root):
        self.port = free_port()
        for d in ("files", "temp", "logs"):
            os.makedirs(os.path.join(root, d))
        os.chmod(root, 0o755)
        conf = f"""
worker_processes 2; pid {root}/pid; error_log {root}/logs/error.log; daemon off; user root;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; client_max_body_size 0; client_body_temp_path {root}/temp;
  client_body_buffer_size 256k; keepalive_requests 1000000;
  server {{ listen 127.0.0.1:{self.port}; root {root}/files;
    location / {{ dav_methods PUT DELETE; create_full_put_path on; }} }}
}}"""
        path = os.path.join(root, "nginx.conf")
        with open(path, "w") as f:
            f.write(conf)
        self.process = subprocess.Popen(["nginx", "-p", root, "-c", path],
                                        stderr=subprocess.DEVNULL)
        wait_for(self.port, "/", self.process, status=403)
        out = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True)
        self.pids = [self.process.pid] + [int(p) for p in out.stdout.split()]

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def load(tool, method, port, path, n, conns, size, *headers):
    out = subprocess.run([tool, method, "127.0.0.1", str(port), path, str(n), str(conns),
                          str(size), *headers], capture_output=True, text=True)
    if out.returncode:
        raise SystemExit(f"{method} {path}: {out.stderr}{out.stdout}")
    return json.loads(out.stdout)


def measure(server, tool, method, path, n, conns, size, *headers):
    before = cpu_seconds(server.pids)
    r = load(tool, method, server.port, path, n, conns, size, *headers)
    r["cpu_us"] = (cpu_seconds(server.pids) - before) / n * 1e6
    return r


def compare(name, rounds, ours, theirs, unit):
    """ours and theirs: functions that give a result of `load`."""
    rows = []
    for i in range(rounds):
        pair = (ours(i), theirs(i))
        rows.append(pair)
    value = (lambda r: r["per_second"]) if unit == "/s" else (lambda r: GIB / r["seconds"] / 1e6)
    a = [value(x) for x, _ in rows]
    b = [value(y) for _, y in rows]
    ratio = statistics.median(x / y for x, y in zip(a, b))
    med = statistics.median
    print(f"| {name} | {med(a):,.0f} ({min(a):,.0f}–{max(a):,.0f}) {unit} | "
          f"{med(b):,.0f} ({min(b):,.0f}–{max(b):,.0f}) {unit} | {ratio:.2f} | "
          f"{med(x['cpu_us'] for x, _ in rows):,.0f} / {med(y['cpu_us'] for _, y in rows):,.0f} | "
          f"{med(x['p50_ms'] for x, _ in rows):.2f} / {med(x['p99_ms'] for x, _ in rows):.2f} |",
          flush=True)


def transfers(args, base):
    data = os.path.join(base, "vault")
    root = os.path.join(base, "nginx")
    os.makedirs(data)
    os.makedirs(root)
    v, n = Vaultd(args.vaultd, data), Nginx(root)
    auth = v.sign_in()
    api = "/api/v1/files/content?path="
    print("| | vaultd | nginx | ratio | CPU µs per request, vaultd / nginx | vaultd p50 / p99 ms |")
    print("|---|---|---|---|---|---|")
    for conns in (1, 32):
        compare(f"2,000 PUT of 4 KiB, {conns} connection{'s' * (conns > 1)}", args.rounds,
                lambda i: measure(v, args.load, "PUT", f"{api}/s{conns}-{i}/%d.bin", 2000, conns,
                                  4 * KIB, auth),
                lambda i: measure(n, args.load, "PUT", f"/s{conns}-{i}/%d.bin", 2000, conns,
                                  4 * KIB), "/s")
    small = status_kib(v.pids[0], "VmHWM")
    compare("PUT of 1 GiB", args.rounds,
            lambda i: measure(v, args.load, "PUT", f"{api}/big{i}-%d.bin", 1, 1, GIB, auth),
            lambda i: measure(n, args.load, "PUT", f"/big{i}-%d.bin", 1, 1, GIB), "MB/s")
    compare("GET of 1 GiB", args.rounds,
            lambda i: measure(v, args.load, "GET", f"{api}/big{i}-%d.bin", 1, 1, 0, auth),
            lambda i: measure(n, args.load, "GET", f"/big{i}-%d.bin", 1, 1, 0), "MB/s")
    compare("GET of 4 KiB, 32 connections", args.rounds,
            lambda i: measure(v, args.load, "GET", f"{api}/s32-{i}/%d.bin", 2000, 32, 0, auth),
            lambda i: measure(n, args.load, "GET", f"/s32-{i}/%d.bin", 2000, 32, 0), "/s")
    print(f"\npeak RSS of vaultd: {small / 1024:.1f} MiB after the small uploads, "
          f"{status_kib(v.pids[0], 'VmHWM') / 1024:.1f} MiB after 1 GiB up and down")
    v.stop()
    n.stop()


def sign_ins(args, base):
    data = os.path.join(base, "sign")
    os.makedirs(data)
    v = Vaultd(args.vaultd, data)
    count = 200
    start = time.monotonic()
    for i in range(count):
        v.sign_in(f"+90532{i:07d}")
    print(f"sign-ins, one after the other (ask, read the code, verify): "
          f"{count / (time.monotonic() - start):.0f}/s")
    v.stop()


def start_up(args, base):
    data = os.path.join(base, "many")
    os.makedirs(data)
    v = Vaultd(args.vaultd, data)
    print(f"idle, fresh: PSS {pss_kib(v.pids[0]) / 1024:.1f} MiB, "
          f"RSS {status_kib(v.pids[0], 'VmRSS') / 1024:.1f} MiB")
    auth = v.sign_in()
    items = args.items
    load(args.load, "PUT", v.port, "/api/v1/files/content?path=/i%d.txt", items, 32, 16, auth)
    v.stop()
    firsts = []
    for _ in range(5):
        v = Vaultd(args.vaultd, data)
        firsts.append(v.first_answer * 1e3)
        rss = status_kib(v.pids[0], "VmRSS") / 1024
        v.stop()
    print(f"start to the first 200 with {items:,} items: median {statistics.median(firsts):.0f} ms "
          f"({min(firsts):.0f}–{max(firsts):.0f}); RSS then {rss:.1f} MiB")


def sizes(args):
    with tempfile.TemporaryDirectory() as d:
        for name, path in (("vaultd", args.vaultd), ("libvault.so", args.library)):
            copy = os.path.join(d, name)
            shutil.copy(path, copy)
            subprocess.run(["strip", copy], check=True)
            print(f"{name}, stripped: {os.path.getsize(copy) / 1024:.0f} KiB")


def main():
    top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    release = os.path.join(top, "build", "bench")
    p = argparse.ArgumentParser()
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--items", type=int, default=100000)
    p.add_argument("--vaultd", default=f"{release}/server/vaultd")
    p.add_argument("--load", default=f"{release}/bench/load")
    p.add_argument("--library", default=f"{release}/libvault/libvault.so")
    args = p.parse_args()
    base = tempfile.mkdtemp(prefix="vault-bench-")
    try:
        sizes(args)
        transfers(args, base)
        sign_ins(args, base)
        start_up(args, base)
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
