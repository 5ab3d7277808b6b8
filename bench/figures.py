#!/usr/bin/env python3
"""The figures of docs/performance.md: vaultd beside its peers in one run.

  bench/figures.py --install-peers            once: copyparty and the tus server, below build/peers
  bench/figures.py [--rounds N] [--cases put_4k_c32,...] [--only vaultd,nginx] [--vaultd PATH] ...

Starts and stops everything itself, on free ports and below one temporary directory (TMPDIR). In each round every
server takes its turn at a case; printed are the median of its rounds (lowest-highest), in bold the median of the
same-round ratios to nginx, and the server's CPU per operation. nginx, rclone, copyparty and the tus server never flush;
vaultd and nginxsync are durable before each answer.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from servers import Vaultd, install_peers, pss_kib, start_all, status_kib

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
SETTLE_S = 30  # at most, for what vaultd does after its answers


class Case:
    """method, operations, connections and body of one load; bulk: its figure is MB/s and seconds per GB."""

    def __init__(self, method, n, conns, size, chunk=0, source=None):
        self.method, self.n, self.conns, self.size = method, n, conns, size
        self.chunk, self.source = chunk, source
        self.bulk = size * n >= GIB or (source and CASES[source].bulk)


CASES = {}
CASES.update({
    "put_4k_c1": Case("PUT", 2000, 1, 4 * KIB),
    "put_4k_c8": Case("PUT", 8000, 8, 4 * KIB),
    "put_4k_c32": Case("PUT", 20000, 32, 4 * KIB),
    "put_64k_c8": Case("PUT", 3000, 8, 64 * KIB),
    "put_64k_c32": Case("PUT", 6000, 32, 64 * KIB),
    "put_1g": Case("PUT", 1, 1, GIB),
    "put_8x128m": Case("PUT", 8, 8, 128 * MIB),
    "tus_64k_c8": Case("TUS", 1000, 8, 64 * KIB),
    "tus1_64k_c8": Case("TUS1", 1000, 8, 64 * KIB),
    "tus_1g": Case("TUS", 1, 1, GIB, chunk=8 * MIB),
})
CASES["get_4k_c64"] = Case("GET", 20000, 64, 0, source="put_4k_c32")
CASES["get_1g"] = Case("GET", 1, 1, 0, source="put_1g")


def run_load(tool, case, server, tag):
    path = server.tus_path if case.method.startswith("TUS") else server.path(tag)
    env = dict(os.environ, LOAD_CHUNK_BYTES=str(case.chunk))
    before = server.cpu_seconds()
    out = subprocess.run([tool, case.method, "127.0.0.1", str(server.port), path, str(case.n),
                          str(case.conns), str(case.size), *server.headers], env=env,
                         capture_output=True, text=True)
    if out.returncode:
        raise SystemExit(f"{server.name}: {case.method} {path}: {out.stderr}{out.stdout}")
    r = json.loads(out.stdout)
    r["cpu"] = server.cpu_seconds() - before
    return r


def settled_cpu(server, start):
    """CPU since `start` once the server has come to rest: checkpoints, indexing, spilling."""
    end, still = time.monotonic() + SETTLE_S, 0
    last = server.cpu_seconds()
    while time.monotonic() < end and still < 8:
        time.sleep(1)
        now = server.cpu_seconds()
        still = still + 1 if now - last <= 0.02 else 0
        last = now
    return last - start


def measure(args, servers, name):
    """{server: [result of each round]}"""
    case, rows = CASES[name], {}
    tus = case.method.startswith("TUS")
    takes_part = [s for s in servers.values()
                  if (s.tus_path if tus else s.name != "tusnode")]
    for i in range(args.rounds):
        for s in takes_part:
            tag = f"{case.source or name}-{i}"
            if isinstance(s, Vaultd):
                s.renew()
            start = s.cpu_seconds()
            r = run_load(args.load, case, s, tag)
            if args.settle and isinstance(s, Vaultd) and case.method != "GET":
                r["cpu_all"] = settled_cpu(s, start)
            rows.setdefault(s.name, []).append(r)
    return rows


def spread(values, digits=0):
    return (f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f}–"
            f"{max(values):,.{digits}f})")


def show(name, rows):
    case = CASES[name]
    gigabytes = (case.size or CASES[case.source].size if case.source else case.size) * case.n / 1e9
    rate = ((lambda r: gigabytes * 1e3 / r["seconds"]) if case.bulk else (lambda r: r["per_second"]))
    base = rows.get("nginx") or rows.get("tusnode")
    print(f"\n**{name}** ({case.n:,} operations on {case.conns} connection(s))\n")
    print(f"| | {'MB/s' if case.bulk else 'per second'} | ratio | "
          f"CPU {'s/GB' if case.bulk else 'µs'} | p50 / p99 ms |")
    print("|---|---|---|---|---|")
    for server, results in rows.items():
        cpu = [r["cpu"] / gigabytes if case.bulk else r["cpu"] / case.n * 1e6 for r in results]
        more = [r["cpu_all"] / gigabytes if case.bulk else r["cpu_all"] / case.n * 1e6
                for r in results if "cpu_all" in r]
        ratio = statistics.median(rate(r) / rate(b) for r, b in zip(results, base)) if base else 0
        cost = f"{statistics.median(cpu):,.{2 if case.bulk else 0}f}"
        if more:
            cost += f" ({statistics.median(more):,.{2 if case.bulk else 0}f} at rest)"
        print(f"| {server} | {spread([rate(r) for r in results])} | **{ratio:.2f}** | {cost} | "
              f"{statistics.median(r['p50_ms'] for r in results):.2f} / "
              f"{statistics.median(r['p99_ms'] for r in results):.2f} |", flush=True)


def transfers(args, base):
    servers = start_all(args, base)
    try:
        for name in args.cases.split(","):
            show(name, measure(args, servers, name))
        print("\npeak RSS, MiB: " +
              ", ".join(f"{s.name} {s.peak_mib():.0f}" for s in servers.values()))
    finally:
        for s in servers.values():
            s.stop()


def sign_ins(args, base):
    root = os.path.join(base, "sign")
    os.makedirs(root)
    v, count = Vaultd(args.vaultd, root), 200
    start = time.monotonic()
    for i in range(count):
        v.sign_in(f"+90532{i:07d}")
    print(f"sign-ins, one after the other (ask, read the code, verify): "
          f"{count / (time.monotonic() - start):.0f}/s")
    v.stop()


def start_up(args, base):
    root = os.path.join(base, "many")
    os.makedirs(root)
    v = Vaultd(args.vaultd, root)
    print(f"\nidle, fresh: PSS {pss_kib(v.pids[0]) / 1024:.1f} MiB, "
          f"RSS {status_kib(v.pids[0], 'VmRSS') / 1024:.1f} MiB")
    v.renew()
    run_load(args.load, Case("PUT", args.items, 32, 16), v, "i")
    v.stop()
    firsts = []
    for _ in range(5):
        v = Vaultd(args.vaultd, root)
        firsts.append(v.first_answer * 1e3)
        rss = status_kib(v.pids[0], "VmRSS") / 1024
        v.stop()
    print(f"start to the first 200 with {args.items:,} items: {spread(firsts)} ms; RSS then {rss:.1f} MiB")


def sizes(args):
    with tempfile.TemporaryDirectory() as d:
        for name, path in (("vaultd", args.vaultd), ("libvault.so", args.library)):
            copy = os.path.join(d, name)
            shutil.copy(path, copy)
            subprocess.run(["strip", copy], check=True)
            print(f"{name}, stripped: {os.path.getsize(copy) / 1024:.0f} KiB")


def arguments():
    top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    build = os.path.join(top, "build", "bench")
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--install-peers", action="store_true")
    p.add_argument("--rounds", type=int, default=4)
    p.add_argument("--items", type=int, default=100000)
    p.add_argument("--cases", default=",".join(CASES))
    p.add_argument("--only", default="", help="servers, separated by commas; default: all there are")
    p.add_argument("--settle", action="store_true",
                   help="also wait for what vaultd does after its answers, and count its CPU")
    p.add_argument("--transfers-only", action="store_true")
    p.add_argument("--vaultd", default=f"{build}/server/vaultd")
    p.add_argument("--load", default=f"{build}/bench/load")
    p.add_argument("--limits", default=f"{build}/bench/limits")
    p.add_argument("--shim", default=f"{build}/bench/libflush_on_rename.so")
    p.add_argument("--library", default=f"{build}/libvault/libvault.so")
    p.add_argument("--peers", default=os.path.join(top, "build", "peers"))
    return p.parse_args()


def main():
    args = arguments()
    if args.install_peers:
        install_peers(args.peers)
        return
    base = tempfile.mkdtemp(prefix="vault-bench-")
    try:
        limits = os.path.join(base, "limits")
        os.makedirs(limits)
        subprocess.run([args.limits, limits], check=True)
        transfers(args, base)
        if not args.transfers_only:
            sizes(args)
            sign_ins(args, base)
            start_up(args, base)
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
