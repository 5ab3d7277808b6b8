"""Interim answers, trailers, method override, handlers on the loop, and what a broken connection leaves."""
import socket
import struct

from cases_message import shared
from harness import Probe

CASES = []
CHUNKED = "Transfer-Encoding: chunked"
TRAILER_BYTES_MAX = 8192


def case(function):
    CASES.append(function)
    return function


def digest(data):
    total = 0
    for b in data:
        total = (total * 31 + b) & 0xFFFFFFFFFFFFFFFF
    return "n=%d sum=%d" % (len(data), total)


def interims(c):
    """Every interim answer, then the final one."""
    out = []
    while True:
        a = c.answer()
        if a.status >= 200:
            return out, a
        out.append(a)


@case
def interim_answers_come_in_order_before_the_final_one():
    for target in ("/up", "/up/try"):
        with shared().connect() as c:
            c.request("PUT", target + "?interim=1", "Content-Length: 3", body=b"abc")
            got, a = interims(c)
            assert [i.status for i in got] == [104, 104, 103], [i.status for i in got]
            assert got[0].reason == "Upload Resumption Supported" and got[0]["location"] == "/up/1"
            assert got[0]["upload-limit"] == "max-size=5" and got[1]["upload-offset"] == "1"
            assert (a.status, a.text) == (201, digest(b"abc")) and a["x-refused-interim"] is None
            c.request("GET", "/")
            assert c.answer().status == 200


@case
def interim_answers_and_100_continue():
    for target in ("/up", "/up/try"):
        with shared().connect() as c:
            c.request("PUT", target + "?interim=1", "Content-Length: 3", "Expect: 100-continue")
            assert [c.answer().status, c.answer().status] == [104, 100]
            c.send(b"abc")
            got, a = interims(c)
            assert [i.status for i in got] == [104, 103] and a.text == digest(b"abc")


@case
def interim_answer_is_sent_while_the_body_still_comes():
    with shared().connect() as c:
        c.request("PUT", "/up?interim=1", CHUNKED)
        assert c.answer().status == 104
        c.send("3\r\nabc\r\n")
        assert c.answer()["upload-offset"] == "1"
        c.send("0\r\n\r\n")
        got, a = interims(c)
        assert [i.status for i in got] == [103] and a.text == digest(b"abc")


@case
def interim_answers_of_pipelined_requests():
    with shared().connect() as c:
        one = "PUT /up%s?interim=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
        c.send((one % "" + one % "/try") * 5 + "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(10):
            got, a = interims(c)
            assert [i.status for i in got] == [104, 104, 103] and a.text == digest(b"abc")
        assert c.answer().text == "hello\n"


@case
def http_1_0_gets_no_interim_answer():
    with shared().connect() as c:
        c.request("PUT", "/up?interim=1", "Content-Length: 3", "Expect: 100-continue", body=b"abc", version="1.0")
        a = c.answer()
        assert a.status == 201 and a["x-refused-interim"] == "1" and c.closed()


@case
def interim_answers_are_bounded():
    with shared().connect() as c:
        c.request("PUT", "/up?flood=1", "Content-Length: 3", body=b"abc")
        got, a = interims(c)
        size = sum(len("HTTP/1.1 104 \r\n" + i.reason + "X: 01234567890123456789\r\n\r\n") for i in got)
        assert a.status == 201 and 4096 - 100 < size <= 4096, size


@case
def interim_answers_of_a_refused_upload_come_before_the_refusal():
    with shared().connect() as c:
        c.request("PUT", "/up?interim=1&stop_at=2", "Content-Length: 3", body=b"abc")
        got, a = interims(c)
        assert [i.status for i in got] == [104, 104] and a.status == 507


def with_trailers(c, target, lines, body=b"abc"):
    c.request("PUT", target, CHUNKED, body=b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(body), body, lines))
    return c.answer()


@case
def trailers_are_given_to_the_handler():
    with shared().connect() as c:
        for lines, want in ((b"X-Sum: 1\r\n", "1"), (b"a: b\r\nx-SUM: \t two words \t\r\nc:\r\n", "two words"),
                            (b"X-Sum:\r\n", ""), (b"X-Sum: 1\r\nX-Sum: 2\r\n", "1"), (b"X-Summ: 1\r\n", None),
                            (b"", None)):
            a = with_trailers(c, "/up/trailers", lines)
            assert (a.status, a["x-trailer"]) == (201, want), (lines, a.fields)


@case
def trailers_one_byte_at_a_time():
    with shared().connect() as c:
        c.request("PUT", "/up/trailers", CHUNKED)
        for b in b"3\r\nabc\r\n0\r\nA: b\r\nX-Sum: yes\r\n\r\n":
            c.send(bytes([b]))
        assert c.answer()["x-trailer"] == "yes"


@case
def trailers_are_only_for_routes_that_ask_and_for_chunked_bodies():
    with shared().connect() as c:
        assert with_trailers(c, "/up", b"X-Sum: 1\r\n")["x-trailer"] is None
        c.request("PUT", "/up/trailers", "Content-Length: 3", "X-Sum: 1", body=b"abc")
        assert c.answer()["x-trailer"] is None


@case
def trailer_section_of_just_the_limit_and_one_more():
    known = b"X-Sum: %s\r\n" % (b"s" * 1000)
    room = TRAILER_BYTES_MAX - len(known) - len("A: \r\n") - 1  # and the CR of the empty line
    with shared().connect() as c:
        a = with_trailers(c, "/up/trailers", b"A: %s\r\n" % (b"v" * room) + known)
        assert (a.status, a["x-trailer"]) == (201, "s" * 1000)
        a = with_trailers(c, "/up/trailers", b"A: %s\r\n" % (b"v" * (room + 1)) + known)
        assert (a.status, a.code) == (431, "trailers_too_large") and c.closed()


def overridden(value, target="/method", method="POST"):
    with shared().connect() as c:
        c.request(method, target, "X-HTTP-Method-Override: " + value)
        return c.answer()


@case
def override_is_honoured_only_where_flagged():
    assert overridden("PATCH").text == "PATCH"
    assert overridden("DELETE").text == "POST", "the DELETE route has no flag"
    assert overridden("PUT").text == "POST", "there is no PUT route"
    assert overridden("GET").text == "POST", "only PUT, PATCH and DELETE"
    assert overridden("HEAD").text == "POST"
    assert overridden("patch").text == "POST", "methods are case-sensitive"
    assert overridden("BREW").text == "POST"
    assert overridden("PATCH", method="DELETE").text == "DELETE", "of POST only"
    assert overridden("PATCH", "/patch").status == 201
    assert overridden("DELETE", "/patch").status == 405
    assert overridden("PATCH", "/none").status == 405


@case
def two_overrides_are_refused():
    with shared().connect() as c:
        c.request("POST", "/method", "X-HTTP-Method-Override: PATCH", "X-HTTP-Method-Override: DELETE")
        a = c.answer()
        assert (a.status, a.code) == (400, "duplicate_field")


@case
def a_simple_handler_on_the_loop_may_ask_for_a_worker():
    with shared().connect() as c:
        for target, want in (("/try", "loop"), ("/try?worker=1", "worker"), ("/try?complete=1", "complete"),
                             ("/try?worker=1&complete=1", "complete")):
            c.request("GET", target)
            a = c.answer()
            assert (a.status, a.text, a["x-from-loop"]) == (200, want, None), (target, a.fields)


@case
def borrowed_bytes_are_given_back_once():
    with Probe() as p, p.connect() as c:
        c.request("GET", "/try?borrowed=1")
        assert c.answer().text == "borrowed"
        c.request("HEAD", "/try?borrowed=1")
        assert c.answer(head=True)["content-length"] == "8"
        assert p.until(lambda n: n["requests"] == 1)["releases"] == 2


@case
def a_small_upload_stays_on_the_loop():
    with shared().connect() as c:
        for n, where in ((0, "l-l"), (1, "lll"), (40000, "lll"), (65536, "lll"), (65537, "lww")):
            body = bytes(i * 13 % 256 for i in range(n))
            c.request("PUT", "/up/try", "Content-Length: %d" % n, body=body)
            a = c.answer()
            assert (a.text, a["x-where"]) == (digest(body), where), (n, a["x-where"])
            c.request("PUT", "/up/try?worker=1", "Content-Length: %d" % n, body=body)
            a = c.answer()
            assert (a.text, a["x-where"]) == (digest(body), "www" if n else "w-w"), (n, a["x-where"])
        c.request("PUT", "/up/try", CHUNKED, body=b"3\r\nabc\r\n0\r\n\r\n")
        a = c.answer()
        assert (a.text, a["x-where"]) == (digest(b"abc"), "lww")
        c.request("PUT", "/up/try?later=1", "Content-Length: 3", body=b"abc")
        assert c.answer().text == "pending\n"


@case
def small_uploads_on_the_loop_pipelined_and_byte_by_byte():
    with shared().connect() as c:
        one = b"PUT /up/try HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"
        c.send((one + b"abc") * 50)
        for _ in range(50):
            assert c.answer().text == digest(b"abc")
        for b in one + b"xyz":
            c.send(bytes([b]))
        assert c.answer().text == digest(b"xyz")


@case
def small_upload_on_the_loop_holds_no_buffer():
    with Probe() as p, p.connect() as c:
        c.request("PUT", "/up/try", "Content-Length: 60000", body=b"a" * 50000)
        n = p.until(lambda n: n["live"] == 1)
        assert n["buffers"] == 0
        c.send(b"a" * 10000)
        assert c.answer().text == digest(b"a" * 60000)


@case
def early_answers_of_an_upload_on_the_loop():
    with shared().connect() as c:
        c.request("PUT", "/up/try?refuse=1", "Content-Length: 3", body=b"abc")
        assert c.answer().status == 403 and c.closed()
    with shared().connect() as c:
        c.request("PUT", "/up/try?stop_at=2", "Content-Length: 3", body=b"abc")
        assert c.answer().status == 507
        c.request("GET", "/")
        assert c.answer().status == 200
    with shared().connect() as c:
        c.request("PUT", "/up/try?stop_at=2", "Content-Length: 30000", body=b"abc")
        assert c.answer().status == 507 and c.closed()


@case
def upload_on_the_loop_that_breaks_is_cancelled():
    with Probe(body_idle_timeout_ms=200) as p:
        for how in ("close", "reset", "stall"):
            before = p.counters()
            with p.connect() as c:
                c.request("PUT", "/up/try", "Content-Length: 5", body=b"abc")
                p.until(lambda n: n["live"] == 1)
                if how == "reset":
                    c.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if how == "stall":
                    assert c.answer().status == 408
            n = p.until(lambda n: n["live"] == 0)
            assert n["cancels"] == before["cancels"] + 1 and n["ends"] == before["ends"] and n["kept"] == 3, n


@case
def what_arrived_is_kept_when_the_connection_breaks():
    sent = 700000  # more than the two buffers of an upload
    with Probe(upload_buffers_max=2, body_idle_timeout_ms=2000) as p:
        for how in ("close", "half", "reset"):
            for field, head in (("Content-Length: 800000", b""), (CHUNKED, b"%x\r\n" % 800000)):
                before = p.counters()["cancels"]
                with p.connect() as c:
                    c.request("PUT", "/up/keep?delay_ms=20", field, body=head + b"k" * sent)
                    if how == "half":
                        c.s.shutdown(socket.SHUT_WR)
                        a = c.answer()
                        assert (a.status, a.code) == (400, "body_incomplete")
                    if how == "reset":
                        p.until(lambda n: n["live"] == 1)
                        c.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                n = p.until(lambda n: n["live"] == 0 and n["cancels"] == before + 1)
                # A reset throws away what had not left the client; what the server's kernel had counts.
                assert n["kept"] == sent if how != "reset" else 0 < n["kept"] <= sent, (how, field, n)


@case
def what_arrived_is_kept_when_the_body_stalls():
    with Probe(body_idle_timeout_ms=300) as p, p.connect() as c:
        c.request("PUT", "/up/keep?delay_ms=50", "Content-Length: 10", body=b"abc")
        assert c.answer().status == 408
        n = p.until(lambda n: n["live"] == 0)
        assert (n["kept"], n["cancels"], n["ends"]) == (3, 1, 0), n
