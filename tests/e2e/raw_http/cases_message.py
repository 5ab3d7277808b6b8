"""Request lines, header sections, routing, conditions, ranges, connections."""
import functools
import json

from harness import Probe

_shared = None


def shared():
    """One server with the default settings for all cases that need no others. The last case stops it."""
    global _shared
    if _shared is None:
        _shared = Probe()
    return _shared


CASES = []


def case(function):
    CASES.append(function)
    return function


def raw(name, data, status, code=None, closes=None):
    """A case: send the bytes, expect the status (and problem code, and whether the connection ends)."""

    def check(one_by_one=False):
        with shared().connect() as c:
            if one_by_one:
                for b in data.encode("latin-1"):
                    c.send(bytes([b]))
            else:
                c.send(data)
            a = c.answer(head=data.startswith("HEAD"))
            assert a.status == status, (a.status, a.body)
            if status >= 400:
                assert a["content-type"] == "application/problem+json"
                if a.body:
                    doc = json.loads(a.text)
                    assert doc["status"] == status and doc["request_id"] == a["x-request-id"], doc
                    assert doc["reason_codes"] == [] and doc["detail"] and doc["title"] == a.reason, doc
                    assert doc["type"] == "about:blank", doc
            if code:
                assert a.code == code, a.body
            if closes:
                assert a["connection"] == "close" and c.closed()

    check.__name__ = name
    CASES.append(check)
    return check


H = "Host: x\r\n"
for name_, line in (("bare cr for an empty value", "A:\rB: c"), ("bare cr before a field", "A: \rB: c"), ("bare cr at the end", "\rB: c")):
    raw(name_, "GET / HTTP/1.1\r\n" + H + line + "\r\n\r\n", 400, "bad_header", True)
raw("rtsp", "GET / RTSP/1.0\r\n" + H + "\r\n", 400, "bad_request_line", True)
for name_ in ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range", "Content-Type"):
    raw("two fields " + name_, "GET / HTTP/1.1\r\n" + H + (name_ + ": x\r\n") * 2 + "\r\n", 400, "duplicate_field", True)
raw("plain get", "GET / HTTP/1.1\r\n" + H + "\r\n", 200)
raw("one leading empty line is ignored", "\r\nGET / HTTP/1.1\r\n" + H + "\r\n", 200)
for blank in ("", " ", "\t", " \t "):
    raw("a field behind an empty one, %r" % blank, "GET / HTTP/1.1\r\nA:" + blank + "\r\n" + H + "\r\n", 200)
raw("two leading empty lines", "\r\n\r\nGET / HTTP/1.1\r\n" + H + "\r\n", 400, "bad_request_line", True)
raw("leading bare line feed", "\nGET / HTTP/1.1\r\n" + H + "\r\n", 400, "bad_request_line", True)
raw("bare line feeds", "GET / HTTP/1.1\nHost: x\n\n", 400, None, True)
raw("bare line feed after a field", "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400, None, True)
raw("bare carriage return in a value", "GET / HTTP/1.1\r\n" + H + "A: b\rc\r\n\r\n", 400, None, True)
raw("nul in a value", "GET / HTTP/1.1\r\n" + H + "A: b\0c\r\n\r\n", 400, None, True)
raw("space before colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400, None, True)
raw("field without a name", "GET / HTTP/1.1\r\n" + H + ": x\r\n\r\n", 400, None, True)
raw("field without colon", "GET / HTTP/1.1\r\n" + H + "nonsense\r\n\r\n", 400, None, True)
raw("folded field", "GET / HTTP/1.1\r\n" + H + "A: b\r\n c\r\n\r\n", 400, "bad_header", True)
raw("folded empty field", "GET / HTTP/1.1\r\n" + H + "A:\r\n\tc\r\n\r\n", 400, "bad_header", True)
raw("space before the first field", "GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400, None, True)
raw("no host", "GET / HTTP/1.1\r\n\r\n", 400, "bad_host", True)
raw("two hosts", "GET / HTTP/1.1\r\n" + H + H + "\r\n", 400, "bad_host", True)
for bad in ("a@b", "a,b", "a:0", "a:99999", "a:b", "[::1", "a b", "", "a/b"):
    raw("host %s" % (bad or "empty"), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % bad, 400, "bad_host", True)
raw("host with port", "GET / HTTP/1.1\r\nHost: example.org:8080\r\n\r\n", 200)
raw("host ipv6", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", 200)
raw("http 1.0 without host", "GET / HTTP/1.0\r\n\r\n", 200, None, True)
raw("http 1.2", "GET / HTTP/1.2\r\n" + H + "\r\n", 505, "version_not_supported", True)
raw("http 2.0", "GET / HTTP/2.0\r\n" + H + "\r\n", 505, "version_not_supported", True)
raw("http 0.9", "GET /\r\n\r\n", 505, "version_not_supported", True)
raw("http 2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, None, True)
raw("lower case protocol", "GET / http/1.1\r\n" + H + "\r\n", 400, None, True)
raw("unknown method", "FROBNICATE / HTTP/1.1\r\n" + H + "\r\n", 501, "method_not_implemented", True)
raw("method with a known beginning", "GETT / HTTP/1.1\r\n" + H + "\r\n", 501, "method_not_implemented", True)
raw("lower case method", "get / HTTP/1.1\r\n" + H + "\r\n", 501, "method_not_implemented", True)
raw("known method without a use", "TRACE / HTTP/1.1\r\n" + H + "\r\n", 501, "method_not_implemented")
raw("connect", "CONNECT x:1 HTTP/1.1\r\n" + H + "\r\n", 501, "method_not_implemented")
raw("no http at all", "\x16\x03\x01\x02", 400, "bad_request_line", True)
raw("method with a bad character", "(GET / HTTP/1.1\r\n" + H + "\r\n", 400, "bad_request_line", True)
raw("fragment", "GET /#a HTTP/1.1\r\n" + H + "\r\n", 400, "bad_target", True)
raw("target without slash", "GET a HTTP/1.1\r\n" + H + "\r\n", 400, None, True)
raw("two spaces before target", "GET  / HTTP/1.1\r\n" + H + "\r\n", 400, None, True)
raw("two spaces after target", "GET /  HTTP/1.1\r\n" + H + "\r\n", 400, None, True)
raw("raw utf 8 in target", "GET /\xc3\xa9 HTTP/1.1\r\n" + H + "\r\n", 400, "bad_target", True)
raw("control byte in target", "GET /\x01 HTTP/1.1\r\n" + H + "\r\n", 400, "bad_target", True)
raw("absolute target", "GET http://x/items/7?q=a HTTP/1.1\r\n" + H + "\r\n", 200)
raw("absolute target without path", "GET http://x HTTP/1.1\r\n" + H + "\r\n", 200)
raw("absolute target with userinfo", "GET http://u@x/ HTTP/1.1\r\n" + H + "\r\n", 400, "bad_target", True)
raw("asterisk with get", "GET * HTTP/1.1\r\n" + H + "\r\n", 400, "bad_target", True)
raw("bad percent in path", "GET /items/%zz HTTP/1.1\r\n" + H + "\r\n", 400, "bad_encoding")
raw("nul in path", "GET /items/%00 HTTP/1.1\r\n" + H + "\r\n", 400, "bad_encoding")
raw("bad percent in query", "GET /items/1?q=%2 HTTP/1.1\r\n" + H + "\r\n", 400, "bad_encoding", True)
raw("nul in query", "GET /items/1?q=%00 HTTP/1.1\r\n" + H + "\r\n", 400, "bad_encoding", True)
raw("parameter twice", "GET /items/1?q=1&q=2 HTTP/1.1\r\n" + H + "\r\n", 400, "duplicate_parameter", True)
raw("too many parameters", "GET /?%s HTTP/1.1\r\n" % "&".join("p%d" % i for i in range(33)) + H + "\r\n", 400,
    "too_many_parameters", True)
raw("nothing there", "GET /nope HTTP/1.1\r\n" + H + "\r\n", 404, "not_found")
raw("dots are no way up", "GET /items/../../etc HTTP/1.1\r\n" + H + "\r\n", 404, "not_found")
raw("head of nothing", "HEAD /nope HTTP/1.1\r\n" + H + "\r\n", 404)
raw("expectation that nobody knows", "POST /echo HTTP/1.1\r\n" + H + "Expect: x\r\nContent-Length: 1\r\n\r\n", 417,
    "expectation_unknown", True)
raw("uri too long", "GET /%s HTTP/1.1\r\n" % ("a" * 8192) + H + "\r\n", 414, "uri_too_long", True)
raw("longest uri", "GET /dav/%s HTTP/1.1\r\n" % ("a" * 8187) + H + "\r\n", 200)
raw("too many fields", "GET / HTTP/1.1\r\n" + H + "A: b\r\n" * 64 + "\r\n", 431, "too_many_fields", True)
raw("as many fields as allowed", "GET / HTTP/1.1\r\n" + H + "A: b\r\n" * 63 + "\r\n", 200)
raw("header too large", "GET / HTTP/1.1\r\n" + H + "A: " + "b" * 17000 + "\r\n\r\n", 431, "header_too_large", True)
raw("endless header line", "GET / HTTP/1.1\r\nA: " + "b" * 70000, 431, "header_too_large", True)
raw("upgrade is ignored", "GET / HTTP/1.1\r\n" + H + "Upgrade: websocket\r\nConnection: upgrade\r\n\r\n", 200)
raw("field that a handler must not set", "GET /bad-header HTTP/1.1\r\n" + H + "\r\n", 500, "internal")

# The same requests byte by byte must get the same answers.
for whole in [c for c in CASES if c.__name__ in (
        "plain get", "folded field", "two hosts", "http 2.0", "unknown method", "bad percent in path",
        "one leading empty line is ignored", "method with a known beginning", "absolute target")]:
    piecewise = functools.partial(whole, one_by_one=True)
    piecewise.__name__ = whole.__name__ + " byte by byte"
    CASES.append(piecewise)


@case
def header_of_16_kib_in_all_is_read():
    with shared().connect() as c:
        start = "GET / HTTP/1.1\r\n" + H + "A: "
        c.send(start + "b" * (16384 - len(start) - 4) + "\r\n\r\n")
        assert c.answer().status == 200


@case
def the_405_names_the_methods():
    with shared().connect() as c:
        c.request("PUT", "/items/1")
        a = c.answer()
        assert (a.status, a["allow"]) == (405, "GET, HEAD, DELETE, OPTIONS"), a.fields
        c.request("GET", "/")
        assert c.answer().status == 200  # no body was on its way: the connection lives


@case
def options():
    with shared().connect() as c:
        c.request("OPTIONS", "/items/1")
        a = c.answer()
        assert (a.status, a["allow"], a["content-length"]) == (204, "GET, HEAD, DELETE, OPTIONS", None), a.fields
        c.request("OPTIONS", "*")
        a = c.answer()
        assert a.status == 200 and "PUT" in a["allow"] and a["content-length"] == "0"
        c.request("OPTIONS", "/nope")
        assert c.answer().status == 404


@case
def head_has_the_fields_of_get():
    with shared().connect() as c:
        for target in ("/", "/file/small", "/pull?n=5&known=1", "/problem"):
            c.request("GET", target)
            get = c.answer()
            c.request("HEAD", target)
            head = c.answer(head=True)
            varies = ("date", "x-request-id")
            assert [f for f in get.fields if f[0] not in varies] == [f for f in head.fields if f[0] not in varies]
        c.request("GET", "/")
        assert c.answer().text == "hello\n"


@case
def parameters_are_decoded():
    with shared().connect() as c:
        c.request("GET", "/items/a%20%C4%9F%2Fb?q=1+2%2B3&x")
        assert c.answer().body == "id=a ğ/b q=1 2+3 peer=127.0.0.1".encode()
        c.request("GET", "/items/fixed")
        assert c.answer().text == "literal"
        c.request("GET", "/dav/a/b%20c/")
        assert c.answer().text == "a/b c/"


@case
def problem_documents_have_reasons():
    doc = json.loads(shared().get("/problem").text)
    assert doc["reason_codes"] == ["one", "two"] and doc["detail"] == 'The name "x" is\ttaken: \u00e7\ufffd.'
    assert set(doc) == {"type", "title", "status", "detail", "code", "reason_codes", "request_id"}


@case
def request_ids_differ():
    with shared().connect() as c:
        ids = set()
        for _ in range(5):
            c.request("GET", "/")
            ids.add(c.answer()["x-request-id"])
        assert len(ids) == 5 and all(len(i) == 26 for i in ids)


@case
def sixty_pipelined_requests_in_order():
    with shared().connect() as c:
        targets = ["/items/%d" % i if i % 3 else "/slow?ms=1" for i in range(60)]
        c.send("".join("GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % t for t in targets))
        for i in range(60):
            assert c.answer().text.startswith("id=%d " % i if i % 3 else "slow")


@case
def thousands_of_pipelined_requests():
    with shared().connect() as c:
        c.s.settimeout(60)
        for _ in range(20):
            c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
            for _ in range(100):
                assert c.answer().text == "hello\n"


@case
def pipelining_bodies():
    with shared().connect() as c:
        one = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
        two = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n"
        three = "PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"
        four = "PUT /up HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
        c.send((one + two + three + four) * 5)
        for _ in range(5):
            assert c.answer().text == "abc"
            assert c.answer().text == "de"
            assert c.answer().text == "n=2 sum=3105"
            assert c.answer().text == "n=2 sum=3105"


@case
def connection_close_is_honoured():
    with shared().connect() as c:
        c.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
        a = c.answer()
        assert a["connection"] == "close" and c.closed()


@case
def http_10_keep_alive():
    with shared().connect() as c:
        for _ in range(2):
            c.request("GET", "/", "Connection: keep-alive", version="1.0")
            assert c.answer()["connection"] == "keep-alive"
        c.request("GET", "/pull?n=100000", "Connection: keep-alive", version="1.0")
        a = c.answer()
        assert a["transfer-encoding"] is None and a["connection"] == "close" and len(a.body) == 100000


@case
def half_close_still_gets_the_answers():
    import socket
    with shared().connect() as c:
        c.send("GET /slow?ms=50 HTTP/1.1\r\nHost: x\r\n\r\nGET /pending?ms=20 HTTP/1.1\r\nHost: x\r\n\r\n")
        c.s.shutdown(socket.SHUT_WR)
        assert c.answer().text == "slow\n" and c.answer().text == "pending\n" and c.closed()


@case
def ranges():
    p = shared()
    for field, status, body, content_range in (
            ("bytes=0-3", 206, b"0123", "bytes 0-3/10"), ("bytes=-2", 206, b"89", "bytes 8-9/10"),
            ("bytes=8-999999999999999999999999", 206, b"89", "bytes 8-9/10"),
            ("bytes=0-1,4-5", 200, b"0123456789", None), ("bytes=x", 200, b"0123456789", None)):
        with p.connect() as c:
            c.request("GET", "/file/small", "Range: " + field)
            a = c.answer()
            assert (a.status, a.body, a["content-range"]) == (status, body, content_range), (field, a.status, a.body)
    with p.connect() as c:
        c.request("GET", "/file/small", "Range: bytes=10-")
        a = c.answer()
        assert (a.status, a["content-range"]) == (416, "bytes */10")
        c.request("HEAD", "/file/small", "Range: bytes=0-3")
        a = c.answer(head=True)
        assert (a.status, a["content-length"]) == (200, "10")
        c.request("GET", "/file/small", "Range: bytes=0-3", 'If-Range: "other"')
        assert c.answer().status == 200
        c.request("GET", "/file/small", "Range: bytes=0-3", 'If-Range: "e1"')
        assert c.answer().status == 206


@case
def conditions():
    with shared().connect() as c:
        c.request("GET", "/file/small", 'If-None-Match: "e1"')
        a = c.answer()
        assert (a.status, a["content-length"], a["etag"]) == (304, None, '"e1"')
        c.request("GET", "/file/small", 'If-Match: "x"')
        assert c.answer().status == 412
        c.request("GET", "/file/small", 'If-None-Match: "x"', "If-Modified-Since: Sun, 06 Nov 2094 08:49:37 GMT")
        assert c.answer().status == 200


@case
def no_204_has_a_length():
    with shared().connect() as c:
        c.request("GET", "/none")
        a = c.answer()
        assert a.status == 204 and a["content-length"] is None
        c.request("DELETE", "/items/1")
        assert c.answer().status == 204
