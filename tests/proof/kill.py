#!/usr/bin/env python3
"""kill -9 of a vaultd under many clients: what was acknowledged is there after each restart."""
import os
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import workload as w
import tap
import vd

POSTGRES = os.environ.get("VT_DATABASE") == "postgres"
CLIENTS = 32
SHORT, FULL = (5, 1000) if POSTGRES else (25, 5000)
CYCLES = int(os.environ.get("VT_CYCLES") or (FULL if os.environ.get("VT_LONG") else SHORT))
ANSWERS = (10, 150)  # a cycle is killed after so many more acknowledgements


def under_load(clients, answers, kill):
    """All clients work until the kill, which comes in the middle of it."""
    reached, count, lock = threading.Event(), [0], threading.Lock()

    def one_more(_):
        with lock:
            count[0] += 1
            if count[0] >= answers:
                reached.set()

    for c in clients:
        c.acknowledged = one_more
    ended = []
    threads = [threading.Thread(target=lambda c=c: ended.append((c, _run(c)))) for c in clients]
    for t in threads:
        t.start()
    in_time = reached.wait(vd.WAIT_S)
    kill()
    for t in threads:
        t.join()
    wrong = [why for _, why in ended if not isinstance(why, OSError | w.http.client.HTTPException)]
    assert in_time and not wrong, (in_time, wrong[:3])
    return count[0]


def _run(c):
    try:
        return c.run(lambda: False)
    except BaseException as e:  # handed to the one who joins
        return e


def cycle(server, clients, answers):
    n = under_load(clients, answers, server.kill)
    server.start()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda c: w.check(c, w.possible(c)), clients))
    ahead = 0
    for c, state in zip(clients, found):
        ahead += c.under_way is not None
        c.go_on_from(state)
        c.close()
    return n, ahead


@tap.test(f"kill -9 under {CLIENTS} clients, {CYCLES} cycles: every acknowledged byte is there")
def _():
    seed = os.environ.get("VT_SEED") or str(random.randrange(1 << 32))
    r = random.Random(seed)
    print(f"# VT_SEED={seed}", flush=True)
    with vd.Server(env=w.environment(**w.RESTLESS)) as server:
        users = [w.sign_in(server, f"+90532{i:07d}")["access_token"] for i in range(CLIENTS // 2)]
        clients = [w.Client(i, server, seed, users[i % len(users)]) for i in range(CLIENTS)]
        for c in clients:
            c.set_up()
        # Each kind once, whatever chance brings.
        for c, op in zip(clients, w.OPERATIONS):
            for first in (w.put_small, w.put_large, w.delete, w.upload_create, w.sign_in_again, op):
                c.step(first)
        total = cut = 0
        for i in range(CYCLES):
            n, ahead = cycle(server, clients, r.randint(*ANSWERS))
            total, cut = total + n, cut + ahead
            if i % 8 == 0 or i == CYCLES - 1:
                w.fsck(server)
        # A run in which nothing was under way at the kills proves nothing.
        assert cut > CYCLES, (cut, CYCLES)
        counts = {}
        for c in clients:
            for name, n in c.counts.items():
                counts[name] = counts.get(name, 0) + n
        print(f"# {total} acknowledged, {cut} under way when it was killed; {counts}", flush=True)
        assert set(counts) == {f.__name__ for f in w.OPERATIONS}, counts
        assert server.stop() == 0


tap.run()
