"""Time-outs (with short settings) and stopping."""
import signal
import socket
import threading
import time

from cases_message import shared
from harness import Probe

CASES = []


def case(function):
    CASES.append(function)
    return function


@case
def silent_connection_is_closed():
    with Probe(header_timeout_ms=100, keepalive_timeout_ms=3600000) as p, p.connect() as c:
        assert c.closed()


@case
def idle_keep_alive_is_closed():
    with Probe(keepalive_timeout_ms=200) as p, p.connect() as c:
        for _ in range(3):
            c.request("GET", "/")
            assert c.answer().status == 200
        assert c.closed()


@case
def half_a_request_line_is_408():
    with Probe(header_timeout_ms=200) as p, p.connect() as c:
        c.send("GET / HT")
        a = c.answer()
        assert (a.status, a.code) == (408, "header_timeout") and c.closed()


@case
def dripped_header_is_408():
    with Probe(header_timeout_ms=400, keepalive_timeout_ms=60000) as p, p.connect() as c:
        c.send("GET / HTTP/1.1\r\nHost: x\r\n")
        c.s.settimeout(0.05)
        for i in range(1000):
            try:
                c.send("A%d: b\r\n" % i if i < 50 else "x")
                if c.fill():
                    break
            except TimeoutError:
                continue
        c.s.settimeout(60)
        assert c.answer().status == 408


@case
def an_empty_line_and_nothing_more_is_closed_silently():
    with Probe(header_timeout_ms=100) as p, p.connect() as c:
        c.send("\r\n")
        assert c.closed()


@case
def body_that_stops_is_408():
    with Probe(body_idle_timeout_ms=200) as p:
        for method, target in (("POST", "/echo"), ("PUT", "/up")):
            for field, body in (("Content-Length: 100", b"abc"), ("Transfer-Encoding: chunked", b"5\r\nab"),
                                ("Content-Length: 100", b"")):
                with p.connect() as c:
                    c.request(method, target, field, body=body)
                    a = c.answer()
                    assert (a.status, a.code) == (408, "body_timeout") and c.closed()
        n = p.until(lambda n: n["live"] == 0)
        assert (n["cancels"], n["ends"]) == (3, 0)


@case
def dripped_body_is_408():
    with Probe(body_idle_timeout_ms=20000, body_rate_window_ms=300, body_rate_min_bytes_per_s=10000) as p, \
            p.connect() as c:
        c.request("PUT", "/up", "Content-Length: 100000")
        c.s.settimeout(0.02)
        for _ in range(1000):
            try:
                c.send("x")
                if c.fill():
                    break
            except TimeoutError:
                continue
        c.s.settimeout(60)
        a = c.answer()
        assert (a.status, a.code) == (408, "body_too_slow")


@case
def a_slow_worker_is_not_the_clients_fault():
    with Probe(body_idle_timeout_ms=300, body_rate_window_ms=300, body_rate_min_bytes_per_s=1000) as p, \
            p.connect() as c:
        c.request("PUT", "/up?delay_ms=500", "Content-Length: 900000", body=b"x" * 900000)
        assert c.answer().status == 201


@case
def a_slow_handler_has_all_the_time():
    with Probe(header_timeout_ms=100, body_idle_timeout_ms=100, keepalive_timeout_ms=100,
               write_stall_timeout_ms=100) as p, p.connect() as c:
        for target in ("/slow?ms=500", "/pending?ms=500"):
            c.request("GET", target)
            assert c.answer().status == 200


@case
def reader_that_stops_is_cut():
    with Probe(write_stall_timeout_ms=200) as p:
        for target in ("/file/big", "/pull?n=50000000"):
            with p.connect() as c:
                c.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                c.request("GET", target)
                p.until(lambda n: n["requests"] == 1)


@case
def reader_that_is_only_slow_is_not_cut():
    with Probe(write_stall_timeout_ms=400) as p, p.connect() as c:
        c.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        c.request("GET", "/file/big")
        end = time.monotonic() + 2
        while time.monotonic() < end:  # less than what makes the kernel call the socket writable
            assert c.s.recv(16384)
            time.sleep(0.05)
        c.s.settimeout(60)
        while c.s.recv(1 << 20):
            if p.counters()["requests"] == 1:
                break


@case
def stop_closes_idle_connections():
    with Probe() as p, p.connect() as c:
        c.request("GET", "/")
        c.answer()
        p.stop()
        assert c.closed() and p.end()[0] == 0


@case
def stop_finishes_what_is_in_flight():
    with Probe() as p:
        slow, later, up = p.connect(), p.connect(), p.connect()
        slow.request("GET", "/slow?ms=400")
        later.request("GET", "/pending?ms=400")
        up.request("PUT", "/up", "Content-Length: 10", body=b"01234")
        p.until(lambda n: n["live"] == 1 and n["requests"] == 4)
        p.stop()
        time.sleep(0.1)
        try:
            p.connect()
            raise AssertionError("still accepting")
        except ConnectionRefusedError:
            pass
        up.send("56789")
        for c, text in ((slow, "slow"), (later, "pending"), (up, "n=10")):
            a = c.answer()
            assert a.text.startswith(text) and a["connection"] == "close" and c.closed()
        assert p.end()[0] == 0


@case
def stop_has_a_deadline():
    with Probe(stop_timeout_ms=200) as p, p.connect() as c:
        c.request("PUT", "/up", "Content-Length: 10", body=b"01234")
        p.until(lambda n: n["live"] == 1)
        p.stop()
        assert c.closed() and p.end()[0] == 0


@case
def second_stop_is_now():
    with Probe() as p, p.connect() as c:
        c.request("PUT", "/up", "Content-Length: 10", body=b"01234")
        p.until(lambda n: n["live"] == 1)
        p.stop()
        time.sleep(0.1)
        p.process.send_signal(signal.SIGTERM)
        assert c.closed() and p.end()[0] == 0


@case
def log_has_no_query():
    p = Probe()
    assert p.get("/items/1?q=secret").status == 200
    assert p.get("/nope?q=secret").status == 404
    with p.connect() as c:
        c.send("nonsense\x01\r\n\r\n")
        c.answer()
    p.stop()
    code, log = p.end()
    assert code == 0 and b"secret" not in log, log
    lines = [line.split()[1:] for line in log.decode().splitlines()]
    assert ["GET", "/items/1", "200", "28"] in lines and ["GET", "/nope"] in [l[:2] for l in lines], lines


@case
def storm_of_mixed_clients():
    with Probe(workers=3, upload_buffers_max=4, work_queue_max=4096) as p:
        failures = []

        def client(seed):
            try:
                for i in range(12):
                    with p.connect() as c:
                        kind = (seed + i) % 6
                        if kind == 0:
                            c.request("PUT", "/up?later=1", "Content-Length: 300000", body=b"y" * 300000)
                            assert c.answer().status == 200
                        elif kind == 1:
                            c.request("GET", "/file/big")
                            assert len(c.answer().body) == 8 << 20
                        elif kind == 2:
                            c.request("PUT", "/up", "Content-Length: 300000", body=b"y" * 100000)
                        elif kind == 3:
                            c.request("GET", "/file/big")
                            c.fill()
                        elif kind == 4:
                            c.send("GET /worker HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
                            for _ in range(20):
                                assert c.answer().status == 200
                        else:
                            c.request("GET", "/pull?n=500000")
                            assert len(c.answer().body) == 500000
            except Exception as e:  # reported by the case
                failures.append(repr(e))

        threads = [threading.Thread(target=client, args=(i,)) for i in range(12)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert not failures, failures[:3]
        p.until(lambda n: n["requests"] == 1 and n["live"] == 0 and n["buffers"] == 0)


@case
def shared_server_ends_clean():
    p = shared()
    p.until(lambda n: n["requests"] == 1 and n["live"] == 0 and n["buffers"] == 0)
    p.stop()
    code, log = p.end()
    assert code == 0, log[-4000:]
