#!/usr/bin/env python3
"""Bad input to signing in, tokens and sessions: a stable code, a sentence, the right status, and
nothing told that the caller did not know."""
import base64
import json
import os
import re
import socket
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "..", "support")]
import tap
import vd

server = vd.Server(env={"VAULT_LIMITS_CODE_GAP_MS": "1", "VAULT_LIMITS_CODES_PER_HOUR": "100000",
                        "VAULT_LIMITS_CODES_PER_DAY": "100000",
                        "VAULT_LIMITS_BAD_TOKENS_PER_MINUTE_ADDRESS": "100000"})
user = server.sign_in("+905321240001")
_numbers = iter(range(1, 9999))
SPARE = "+9053399"


def phone():
    return f"{SPARE}{next(_numbers):05d}"


def refused(answer, status, code):
    assert answer.status == status, (answer.status, answer.body)
    assert answer.problem() == code, answer.body


def raw(request):
    with socket.create_connection(("127.0.0.1", server.port), vd.WAIT_S) as s:
        s.sendall(request)
        s.shutdown(socket.SHUT_WR)
        out = b""
        while block := s.recv(65536):
            out += block
    return out


# ---- signing in -------------------------------------------------------------------------

for text in ["", "hello", "+90532", "0532123456", "+9053212345678901", "+905121234567", "++905321234567",
             "+90 532 123 45 6a"]:
    @tap.test(f"malformed phone {text!r}")
    def _(text=text):
        a = server.request("POST", vd.API + "/auth/otp", {"phone": text})
        assert a.status == 400, (a.status, a.body)
        assert a.problem() in ("phone_invalid", "phone_country_not_allowed"), a.body


@tap.test("a country that gets no codes")
def _():
    refused(server.request("POST", vd.API + "/auth/otp", {"phone": "+4915112345678"}), 400,
            "phone_country_not_allowed")


@tap.test("wrong code, then too many; the right one is refused after five guesses")
def _():
    challenge, code = server.ask_code(phone())
    wrong = f"{(int(code) + 1) % 1000000:06d}"
    body = {"challenge_id": challenge, "code": wrong}
    # A code counts from when the gateway took it, a moment after it stands in the file; before
    # that a guess is refused and not counted.
    with_another = server.sign_in(phone())
    assert with_another.get("/me").status == 200
    for _ in range(5):
        refused(server.request("POST", vd.API + "/auth/otp/verify", body), 401, "code_invalid")
    body["code"] = code
    refused(server.request("POST", vd.API + "/auth/otp/verify", body), 401, "code_invalid")


@tap.test("a code works once")
def _():
    challenge, code = server.ask_code(phone())
    assert server.verify(challenge, code).status == 200
    refused(server.request("POST", vd.API + "/auth/otp/verify",
                           {"challenge_id": challenge, "code": code}), 401, "code_invalid")


@tap.test("a code of another challenge")
def _():
    _, code = server.ask_code(phone())
    other, other_code = server.ask_code(phone())
    if code == other_code:
        raise tap.Skip("two equal codes, one in a million")
    refused(server.request("POST", vd.API + "/auth/otp/verify",
                           {"challenge_id": other, "code": code}), 401, "code_invalid")


@tap.test("a code with leading zeros works")
def _():
    # Codes are random: ask until one has a leading zero.
    for _ in range(200):
        challenge, code = server.ask_code(phone())
        if code.startswith("0"):
            assert server.verify(challenge, code).status == 200
            return
    raise AssertionError("no code with a leading zero in 200")


for name, body in [("not base64", {"challenge_id": "!!", "code": "123456"}),
                   ("unknown", {"challenge_id": "A" * 43, "code": "123456"}),
                   ("five digits", {"challenge_id": "A" * 43, "code": "12345"}),
                   ("letters", {"challenge_id": "A" * 43, "code": "12345x"})]:
    @tap.test(f"verify: {name}")
    def _(body=body):
        a = server.request("POST", vd.API + "/auth/otp/verify", body)
        assert a.status in (400, 401) and a.problem() in ("code_invalid", "input_invalid"), a.body


@tap.test("a late code")
def _():
    with vd.Server(env={"VAULT_AUTH_CODE_TTL_MS": "1000"}) as s:
        challenge, code = s.ask_code("+905321230002")
        body = {"challenge_id": challenge, "code": code}
        end = vd.time.monotonic() + 1.2
        vd.eventually(lambda: vd.time.monotonic() > end, "the end of the code")
        refused(s.request("POST", vd.API + "/auth/otp/verify", body), 401, "code_invalid")


@tap.test("a second code within 60 s is refused with Retry-After")
def _():
    with vd.Server() as s:
        s.ask_code("+905321230003")
        a = s.request("POST", vd.API + "/auth/otp", {"phone": "+905321230003"})
        refused(a, 429, "rate_limited")
        assert 50 <= int(a.headers["Retry-After"]) <= 60, a.headers


@tap.test("the right code after its challenge was used for another sign-in of the number")
def _():
    number = phone()
    first, first_code = server.ask_code(number)
    second, second_code = server.ask_code(number)
    assert server.verify(second, second_code).status == 200
    refused(server.request("POST", vd.API + "/auth/otp/verify",
                           {"challenge_id": first, "code": first_code}), 401, "code_invalid")


@tap.test("every refusal of a code is the same, byte for byte")
def _():
    used, used_code = server.ask_code(phone())
    assert server.verify(used, used_code).status == 200
    live, code = server.ask_code(phone())
    wrong = f"{(int(code) + 1) % 1000000:06d}"
    seen = set()
    for challenge, guess in [(used, used_code), (live, wrong), ("A" * 43, "123456"), (live, "12345")]:
        a = server.request("POST", vd.API + "/auth/otp/verify", {"challenge_id": challenge, "code": guess})
        doc = a.json
        del doc["request_id"]
        seen.add((a.status, json.dumps(doc, sort_keys=True), a.headers.get("Retry-After")))
    assert len(seen) == 1, seen


@tap.test("a known and an unknown number: the same answer")
def _():
    known = phone()
    server.sign_in(known)
    shapes = set()
    for number in (known, phone()):
        a = server.request("POST", vd.API + "/auth/otp", {"phone": number})
        doc = a.json
        names = sorted(n for n in a.headers.keys() if n not in ("Date", "X-Request-Id"))
        shapes.add((a.status, len(doc.pop("challenge_id")), json.dumps(doc, sort_keys=True), tuple(names)))
    assert len(shapes) == 1 and next(iter(shapes))[0] == 202, shapes


@tap.test("an address cannot say that it is another one, nor a Host where codes belong")
def _():
    with vd.Server(env={"VAULT_LIMITS_CODES_PER_HOUR_ADDRESS": "3"}) as s:
        for n in range(4):
            a = s.request("POST", vd.API + "/auth/otp", {"phone": f"+90532123200{n}"},
                          {"X-Forwarded-For": f"198.51.{n}.7", "Forwarded": f"for=198.51.{n}.7",
                           "X-Real-IP": f"198.51.{n}.7", "Host": "evil.example"})
            assert a.status == (202 if n < 3 else 429), (n, a.status, a.body)
        assert int(a.headers["Retry-After"]) > 3000, a.headers
        sent = vd.eventually(lambda: len(s.codes_sent()) == 3 and s.codes_sent(), "three codes")
        assert all("@localhost #" in m["text"] and "evil" not in m["text"] for m in sent), sent


@tap.test("a server that sends no codes says so")
def _():
    with vd.Server(env={"VAULT_SMS": "none:"}) as s:
        refused(s.request("POST", vd.API + "/auth/otp", {"phone": "+905321230009"}), 501, "codes_off")
        assert "request_failed" not in s.logged(), s.logged()


# ---- tokens ---------------------------------------------------------------------------------

def with_token(token):
    return server.get(vd.API + "/me", {"Authorization": "Bearer " + token})


def forge(header, claims, signature=b"\0" * 64):
    def b64(b):
        return base64.urlsafe_b64encode(b).rstrip(b"=").decode()
    return ".".join([b64(header), b64(claims), b64(signature)])


good = user.grant["access_token"]
head, claims, signature = good.split(".")


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def rehead(**change):
    doc = json.loads(decode(head))
    doc.update(change)
    return json.dumps(doc, separators=(",", ":")).encode()


BAD_TOKENS = {
    "empty": "",
    "garbage": "abc",
    "two parts": head + "." + claims,
    "alg none": forge(rehead(alg="none"), decode(claims), b""),
    "wrong algorithm": forge(rehead(alg="HS256"), decode(claims)),
    "unknown key": forge(rehead(kid="000000000000"), decode(claims), decode(signature)),
    "two alg members": forge(decode(head)[:-1] + b',"alg":"EdDSA"}', decode(claims), decode(signature)),
    "critical extension": forge(rehead(crit=["x"]), decode(claims), decode(signature)),
    "wrong type": forge(rehead(typ="JWT"), decode(claims), decode(signature)),
    "padding": good + "=",
    "flipped signature": head + "." + claims + "." + ("A" if signature[0] != "A" else "B") + signature[1:],
    "other claims": head + "." + claims[:-4] + "AAAA" + "." + signature,
    "over-long": good + "A" * 5000,
}
for name, token in BAD_TOKENS.items():
    @tap.test(f"token: {name}")
    def _(token=token):
        a = with_token(token)
        assert a.status == 401 and a.problem() in ("token_invalid", "auth_required"), a.body
        assert a.headers["WWW-Authenticate"].startswith("Bearer"), a.headers


@tap.test("several Authorization fields, another scheme, none")
def _():
    field = f"Authorization: Bearer {good}\r\n"
    out = raw(f"GET {vd.API}/me HTTP/1.1\r\nHost: x\r\n{field}{field}Connection: close\r\n\r\n".encode())
    assert out.startswith(b"HTTP/1.1 4"), out
    refused(server.get(vd.API + "/me", {"Authorization": "Basic " + good}), 401, "token_invalid")
    refused(server.get(vd.API + "/me"), 401, "auth_required")


@tap.test("too many bad tokens from one address: 429 with the fields that say how many")
def _():
    with vd.Server(env={"VAULT_LIMITS_BAD_TOKENS_PER_MINUTE_ADDRESS": "3"}) as s:
        bad = {"Authorization": "Bearer " + forge(rehead(), decode(claims))}
        for _ in range(3):
            refused(s.get(vd.API + "/me", bad), 401, "token_invalid")
        a = s.get(vd.API + "/me", {**bad, "X-Forwarded-For": "198.51.100.1"})
        refused(a, 429, "rate_limited")
        assert a.headers["RateLimit-Policy"] == '"bad-tokens";q=3;w=60', a.headers
        assert re.fullmatch(r'"bad-tokens";r=0;t=([1-9]|[1-5]\d|60)', a.headers["RateLimit"]), a.headers
        assert 1 <= int(a.headers["Retry-After"]) <= 60, a.headers


@tap.test("another site can neither sign in, refresh nor sign out")
def _():
    challenge, code = server.ask_code(phone())
    a = server.verify(challenge, code, {"Sec-Fetch-Site": "same-origin"})
    cookie = {"Cookie": a.headers["Set-Cookie"].split(";")[0]}
    token = a.json["access_token"]
    for site in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
                 {"Sec-Fetch-Site": "cross-site, same-origin"}, {"Origin": "https://evil.example"},
                 {"Origin": "null"}, {"Origin": "http://localhost.evil.example"}):
        for path, body in (("refresh", None), ("logout", None),
                           ("otp/verify", {"challenge_id": challenge, "code": code})):
            b = server.request("POST", f"{vd.API}/auth/{path}", body, {**cookie, **site})
            refused(b, 403, "cross_site")
            assert "Set-Cookie" not in b.headers, b.headers
    # The cookie counts only where the browser says that the page is ours, and only by POST.
    refused(server.request("POST", vd.API + "/auth/refresh", None, cookie), 400, "bad_json")
    refused(server.request("POST", vd.API + "/auth/logout", None, cookie), 401, "auth_required")
    own = {"Sec-Fetch-Site": "same-origin"}
    for method in ("GET", "PUT", "DELETE"):
        assert server.request(method, vd.API + "/auth/refresh", None, {**cookie, **own}).status == 405
    refused(server.request("POST", vd.API + "/auth/refresh", {"refresh_token": "A" * 75}, own), 400, "bad_json")
    # After all that the session lives, and its own page can use and end it.
    assert with_token(token).status == 200
    b = server.request("POST", vd.API + "/auth/refresh", None, {**cookie, **own})
    assert b.status == 200 and "refresh_token" not in b.json, b.body
    cookie = {"Cookie": b.headers["Set-Cookie"].split(";")[0]}
    b = server.request("POST", vd.API + "/auth/logout", None, {**cookie, **own})
    assert b.status == 204 and "Max-Age=0" in b.headers["Set-Cookie"], b.headers
    refused(with_token(token), 401, "session_revoked")


@tap.test("a refresh token that comes back ends the session")
def _():
    u = server.sign_in(phone())

    def refresh(token):
        return server.request("POST", vd.API + "/auth/refresh", {"refresh_token": token})
    first = u.grant["refresh_token"]
    second = refresh(first).json["refresh_token"]
    assert refresh(first).json["refresh_token"] == second  # its answer was lost
    third = refresh(second).json["refresh_token"]
    fourth = refresh(third).json["refresh_token"]
    refused(refresh(first), 401, "session_revoked")
    refused(refresh(fourth), 401, "session_revoked")
    refused(u.get("/me"), 401, "session_revoked")


@tap.test("somebody else's session cannot be ended")
def _():
    u = server.sign_in(phone())
    session = u.get("/auth/sessions").json["sessions"][0]["id"]
    refused(user.request("DELETE", f"/auth/sessions/{session}"), 404, "not_found")
    assert u.get("/me").status == 200


@tap.test("an expired token")
def _():
    with vd.Server(env={"VAULT_AUTH_ACCESS_TTL_MS": "3000"}) as s:
        u = s.sign_in("+905321230004")
        assert u.get("/me").status == 200
        vd.eventually(lambda: u.get("/me").status == 401, "the end of the token", 60)
        refused(u.get("/me"), 401, "token_expired")


@tap.test("a session that was signed out")
def _():
    u = server.sign_in(phone())
    assert u.request("POST", "/auth/logout").status in (200, 204)
    refused(u.get("/me"), 401, "session_revoked")


@tap.test("a refresh token of nobody")
def _():
    refused(server.request("POST", vd.API + "/auth/refresh", {"refresh_token": "A" * 75}), 401,
            "refresh_invalid")


@tap.test("no log holds a code, a token or a whole number")
def _():
    server.stop()
    with open(server.log_path, errors="replace") as f:
        log = f.read()
    secrets = set(server.secrets)
    assert good in secrets and len(secrets) > 20, len(secrets)
    secrets |= {re.search(r"#(\d{6})", m["text"]).group(0) for m in server.codes_sent()}
    secrets |= {m["to"] for m in server.codes_sent()} | {m["to"][1:] for m in server.codes_sent()}
    for s in secrets:
        assert s not in log, "a secret stands in the log"


tap.run()
