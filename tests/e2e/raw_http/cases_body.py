"""Request bodies (framing, limits, streaming, 100-continue, early answers) and response bodies."""
import socket
import threading
import time

from cases_message import H, shared
from harness import Probe

CASES = []


def case(function):
    CASES.append(function)
    return function


def refused(name, data, status, code):
    def check():
        with shared().connect() as c:
            c.send(data)
            a = c.answer()
            assert (a.status, a.code) == (status, code), (a.status, a.body)
            assert a["connection"] == "close" and c.closed()

    check.__name__ = name
    CASES.append(check)


def echo(*fields, target="/echo"):
    return "POST %s HTTP/1.1\r\n" % target + H + "".join(f + "\r\n" for f in fields) + "\r\n"


CHUNKED = "Transfer-Encoding: chunked"
refused("two content lengths", echo("Content-Length: 3", "Content-Length: 3") + "abc", 400, "bad_content_length")
refused("list of content lengths", echo("Content-Length: 3, 3") + "abc", 400, "bad_content_length")
refused("content length that means unknown elsewhere", echo("Content-Length: 18446744073709551615"), 413, "body_too_large")
refused("such a content length of an upload", echo("Content-Length: 18446744073709551615", target="/up").replace("POST", "PUT"), 413,
        "body_too_large")
refused("empty content length", echo("Content-Length:") + "abc", 400, "bad_content_length")
refused("signed content length", echo("Content-Length: +3") + "abc", 400, "bad_content_length")
refused("hex content length", echo("Content-Length: 0x3") + "abc", 400, "bad_content_length")
refused("huge content length", echo("Content-Length: 18446744073709551616"), 400, "bad_content_length")
refused("length and chunked", echo("Content-Length: 3", CHUNKED) + "0\r\n\r\n", 400, "bad_content_length")
refused("chunked and length", echo(CHUNKED, "Content-Length: 3") + "0\r\n\r\n", 400, "bad_content_length")
refused("unknown transfer coding", echo("Transfer-Encoding: gzip") + "x", 501, "transfer_coding_unknown")
refused("gzip then chunked", echo("Transfer-Encoding: gzip, chunked") + "0\r\n\r\n", 501, "transfer_coding_unknown")
refused("chunked then gzip", echo("Transfer-Encoding: chunked, gzip") + "0\r\n\r\n", 400, "bad_transfer_encoding")
refused("chunked twice", echo(CHUNKED, CHUNKED) + "0\r\n\r\n", 400, "bad_transfer_encoding")
refused("empty transfer encoding", echo("Transfer-Encoding:") + "0\r\n\r\n", 400, "bad_transfer_encoding")
refused("chunked in http 1.0", "POST /echo HTTP/1.0\r\n" + CHUNKED + "\r\n\r\n0\r\n\r\n", 400,
        "bad_transfer_encoding")
for name_, bad in (("bad chunk size", "x\r\n"), ("negative chunk size", "-1\r\n"), ("huge chunk", "f" * 17 + "\r\n"),
                   ("chunk longer than said", "3\r\nabcd\r\n"), ("chunk with bare line feed", "3\nabc\r\n0\r\n\r\n"),
                   ("empty chunk size", "\r\nabc"), ("bad trailer", "0\r\nA\r\n\r\n")):
    refused(name_, echo(CHUNKED) + bad, 400, "bad_chunk")
    refused(name_ + " in an upload", echo(CHUNKED, target="/up").replace("POST", "PUT") + bad, 400, "bad_chunk")
refused("endless chunk extension", echo(CHUNKED) + "1;a=" + "b" * 9000 + "\r\nx\r\n0\r\n\r\n", 400, "bad_chunk")
refused("endless chunk size", echo(CHUNKED) + "0" * 100000, 400, "bad_chunk")
refused("endless trailers", echo(CHUNKED) + "0\r\n" + "A: b\r\n" * 4000 + "\r\n", 431, "trailers_too_large")
refused("body larger than the default", echo("Content-Length: 65537"), 413, "body_too_large")
refused("body larger than the route takes", echo("Content-Length: 11", target="/echo/small"), 413, "body_too_large")
refused("chunked body larger than the route takes", echo(CHUNKED, target="/echo/small") + "b\r\n01234567890\r\n", 413,
        "body_too_large")
refused("body for nobody", "POST /nope HTTP/1.1\r\n" + H + "Content-Length: 5\r\n\r\nab", 404, "not_found")


@case
def bodies_in_memory():
    with shared().connect() as c:
        for target in ("/echo", "/echo/loop"):
            for n in (0, 1, 4096, 65536):
                body = bytes(i % 256 for i in range(n))
                c.request("POST", target, "Content-Length: %d" % n, body=body)
                assert c.answer().body == body
                c.request("POST", target, CHUNKED, body=(b"%x\r\n%s\r\n" % (n, body) if n else b"") + b"0\r\n\r\n")
                assert c.answer().body == body
        c.request("POST", "/echo/small", "Content-Length: 10", body=b"0123456789")
        assert c.answer().body == b"0123456789"


@case
def chunked_byte_by_byte_with_extension_and_trailer():
    with shared().connect() as c:
        for b in (echo(CHUNKED) + '3;a="b";c\r\nabc\r\n1\r\nd\r\n0\r\nX-T: y\r\n\r\n').encode():
            c.send(bytes([b]))
        assert c.answer().text == "abcd"
        c.request("GET", "/")
        assert c.answer().status == 200


def digest(data):
    total = 0
    for b in data:
        total = (total * 31 + b) & 0xFFFFFFFFFFFFFFFF
    return "n=%d sum=%d" % (len(data), total)


PATTERN = bytes((i * 7 + i // 251) % 256 for i in range(700000))
PATTERN_SUM = digest(PATTERN)


@case
def uploads_with_length():
    with shared().connect() as c:
        for _ in range(3):
            c.request("PUT", "/up", "Content-Length: %d" % len(PATTERN), body=PATTERN)
            a = c.answer()
            assert (a.status, a.text) == (201, PATTERN_SUM), a.text
        c.request("PUT", "/up", "Content-Length: 0")
        assert c.answer().text == "n=0 sum=0"


@case
def uploads_in_chunks_of_all_sizes():
    with shared().connect() as c:
        for size in (1000, 16384, 65536, 300000):
            parts = [PATTERN[i:i + size] for i in range(0, len(PATTERN), size)]
            c.request("PUT", "/up", CHUNKED, body=b"".join(b"%X\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n")
            assert c.answer().text == PATTERN_SUM


@case
def upload_in_small_pieces():
    with shared().connect() as c:
        data = PATTERN[:3000]
        c.request("PUT", "/up", "Content-Length: 3000")
        for i in range(3000):
            c.send(data[i:i + 1])
        assert c.answer().text == digest(data)


@case
def upload_to_a_slow_worker():
    with shared().connect() as c:
        c.request("PUT", "/up?delay_ms=5", "Content-Length: %d" % len(PATTERN), body=PATTERN)
        assert c.answer().text == PATTERN_SUM


@case
def upload_answered_later():
    with shared().connect() as c:
        c.request("PUT", "/up?later=1", "Content-Length: 1000", body=PATTERN[:1000])
        assert c.answer().text == "pending\n"


@case
def many_uploads_share_few_buffers():
    with Probe(upload_buffers_max=2) as p:
        clients = [p.connect() for _ in range(12)]
        results = []

        def upload(c):
            c.request("PUT", "/up", "Content-Length: %d" % len(PATTERN), body=PATTERN)
            results.append(c.answer().text)

        threads = [threading.Thread(target=upload, args=(c,)) for c in clients]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert results == [PATTERN_SUM] * 12
        assert p.counters()["buffers"] == 0
        for c in clients:
            c.s.close()


@case
def uploads_that_stand_still_hold_no_buffer():
    with Probe(upload_buffers_max=1) as p:
        waiting = [p.connect() for _ in range(5)]
        for c in waiting:
            c.request("PUT", "/up", "Content-Length: 1000", body=b"x" * 10)
        p.until(lambda n: n["live"] == 5 and n["buffers"] == 0)
        with p.connect() as c:
            c.request("PUT", "/up", "Content-Length: %d" % len(PATTERN), body=PATTERN)
            assert c.answer().text == PATTERN_SUM
        for c in waiting:
            c.send(b"x" * 990)
            assert c.answer().text == digest(b"x" * 1000)
            c.s.close()


@case
def continue_is_sent_when_the_body_is_wanted():
    with shared().connect() as c:
        for target, method in (("/echo", "POST"), ("/up", "PUT")):
            c.request(method, target, "Content-Length: 3", "Expect: 100-continue")
            assert c.answer().status == 100
            c.send("abc")
            assert c.answer().status in (200, 201)
        c.request("PUT", "/up", CHUNKED, "Expect: 100-Continue")
        assert c.answer().status == 100
        c.send("3\r\nabc\r\n0\r\n\r\n")
        assert c.answer().status == 201


@case
def continue_is_not_sent_without_need():
    with shared().connect() as c:
        c.request("POST", "/echo", "Content-Length: 3", "Expect: 100-continue", body=b"abc")
        assert c.answer().status == 200  # the body had begun
        c.request("POST", "/echo", "Content-Length: 0", "Expect: 100-continue")
        assert c.answer().status == 200  # there is none
    with shared().connect() as c:
        c.request("POST", "/echo", "Content-Length: 3", "Expect: 100-continue", version="1.0", body=b"abc")
        assert c.answer().status == 200


@case
def continue_is_not_sent_to_the_refused():
    for method, target, status in (("PUT", "/up?refuse=1", 403), ("POST", "/nope", 404), ("POST", "/echo", 413)):
        with shared().connect() as c:
            c.request(method, target, "Content-Length: 100000", "Expect: 100-continue")
            a = c.answer()
            assert a.status == status and a["connection"] == "close" and c.closed()


@case
def early_answer_can_be_read_by_who_goes_on_sending():
    for target, status in (("/up?refuse=1", 403), ("/up?stop_at=100000", 507)):
        with shared().connect() as c:
            c.request("PUT", target, "Content-Length: 20000000")
            try:
                for _ in range(200):
                    c.send(b"x" * 100000)
            except ConnectionError:
                raise AssertionError("the server reset the connection under the answer")
            a = c.answer()
            assert a.status == status and a["connection"] == "close" and c.closed()


@case
def drain_is_bounded():
    with Probe(drain_bytes_max=100000) as p, p.connect() as c:
        c.request("PUT", "/up?refuse=1", "Content-Length: 100000000")
        assert c.answer().status == 403
        sent = 0
        try:
            while sent < 100000000:
                c.send(b"x" * 100000)
                sent += 100000
        except OSError:
            pass
        assert sent < 50000000, sent


@case
def cut_upload_is_cancelled():
    with Probe() as p:
        with p.connect() as c:
            c.request("PUT", "/up", "Content-Length: 1000", body=b"x" * 10)
            p.until(lambda n: n["live"] == 1)
            c.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # close with a reset
        n = p.until(lambda n: n["live"] == 0)
        assert (n["cancels"], n["ends"]) == (1, 0)


@case
def upload_that_ends_early_is_told_so():
    for head, body in (("Content-Length: 1000", b"x" * 10), (CHUNKED, b"3\r\nab")):
        for method, target in (("PUT", "/up"), ("POST", "/echo")):
            with shared().connect() as c:
                c.request(method, target, head, body=body)
                c.s.shutdown(socket.SHUT_WR)
                a = c.answer()
                assert (a.status, a.code) == (400, "body_incomplete") and c.closed()


@case
def client_that_leaves_while_its_request_is_pending():
    with Probe() as p:
        for target in ("/pending?ms=100", "/pending/loop?ms=100", "/slow?ms=100"):
            with p.connect() as c:
                c.request("GET", target)
                time.sleep(0.02)
                c.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        with p.connect() as c:
            c.request("PUT", "/up?later=1", "Content-Length: 3", body=b"abc")
            c.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        p.until(lambda n: n["requests"] == 1 and n["live"] == 0)


@case
def many_pending_at_once():
    with Probe(workers=2) as p:
        clients = [p.connect() for _ in range(40)]
        for c in clients:
            c.request("GET", "/pending?ms=30")
        for c in clients:
            assert c.answer().text == "pending\n"
            c.s.close()


@case
def full_work_queue_is_503():
    with Probe(workers=1, work_queue_max=1) as p:
        clients = [p.connect() for _ in range(6)]
        for c in clients:
            c.request("GET", "/slow?ms=1000")
        answers = [c.answer() for c in clients]
        full = [a for a in answers if a.status == 503]
        assert full and all(a["retry-after"] and a.code == "overloaded" for a in full)
        # one, if all came before the worker took the first from the queue
        assert all(a.status in (200, 503) for a in answers) and len(full) < len(answers)
        clients[0].request("GET", "/")
        assert clients[0].answer().status == 200
        for c in clients:
            c.s.close()


@case
def too_many_connections_is_503():
    with Probe(connections_max=2) as p:
        one, two = p.connect(), p.connect()
        for c in (one, two):
            c.request("GET", "/")
            assert c.answer().status == 200
        with p.connect() as three:
            a = three.answer()
            assert (a.status, a.code) == (503, "overloaded") and int(a["retry-after"]) > 0
            assert a["content-type"] == "application/problem+json" and a["x-request-id"] in a.text
            assert a["connection"] == "close" and three.closed()
        one.s.close()
        two.s.close()


@case
def files():
    with shared().connect() as c:
        c.request("GET", "/file/small")
        assert c.answer().body == b"0123456789"
        c.request("GET", "/file/empty")
        assert c.answer().body == b""
        c.request("GET", "/file/big")
        assert c.answer().body == bytes(range(256)) * 32768
        c.request("GET", "/file/big", "Range: bytes=1000001-5000000")
        body = (bytes(range(256)) * 32768)[1000001:5000001]
        assert c.answer().body == body
        c.request("GET", "/")
        assert c.answer().status == 200


@case
def file_to_a_slow_reader_does_not_hold_the_workers():
    with Probe(workers=1) as p, p.connect() as slow:
        slow.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.request("GET", "/file/big")
        for _ in range(20):
            assert p.get("/worker").text == "hello\n"
        assert slow.fill()


@case
def file_that_is_shorter_than_promised_is_a_broken_transfer():
    with shared().connect() as c:
        c.request("GET", "/file/small?lie=1")
        try:
            c.answer()
        except (AssertionError, ConnectionError):
            return
        raise AssertionError("the answer looked whole")


@case
def generated_bodies():
    with shared().connect() as c:
        for n in (0, 1, 65536, 65537, 1000000):
            want = bytes(i % 251 for i in range(n))
            c.request("GET", "/pull?n=%d" % n)
            a = c.answer()
            assert a["transfer-encoding"] == "chunked" and a.body == want
            c.request("GET", "/pull?known=1&n=%d" % n)
            a = c.answer()
            assert a["content-length"] == str(n) and a.body == want


@case
def generated_body_that_fails_is_cut():
    for extra in ("", "&known=1"):
        with shared().connect() as c:
            c.request("GET", "/pull?n=1000000&fail=1" + extra)
            try:
                c.answer()
            except (AssertionError, ConnectionError, ValueError):
                continue
            raise AssertionError("the answer looked whole")


@case
def client_that_leaves_during_a_download():
    with Probe() as p:
        for target in ("/file/big", "/pull?n=50000000"):
            for _ in range(5):
                with p.connect() as c:
                    c.request("GET", target)
                    c.fill()
                    c.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        n = p.until(lambda n: n["requests"] == 1)
        assert n["releases"] == 5
