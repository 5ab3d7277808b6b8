"""Tests of one Python program as TAP, one line per test.

    @tap.test("name")
    def _(): assert ...
    tap.run()

A test that raises fails, with its traceback as a comment; tap.Skip("why") skips.
"""
import sys
import time
import traceback

_tests = []


class Skip(Exception):
    pass


def test(name):
    def add(fn):
        _tests.append((name, fn))
        return fn
    return add


def run():
    print(f"1..{len(_tests)}", flush=True)
    failed = 0
    for i, (name, fn) in enumerate(_tests, 1):
        start = time.monotonic()
        try:
            fn()
        except Skip as why:
            print(f"ok {i} - {name} # SKIP {why}", flush=True)
        except BaseException as e:
            failed += 1
            print(f"not ok {i} - {name}")
            for line in traceback.format_exc().splitlines():
                print("# " + line)
            sys.stdout.flush()
            if isinstance(e, KeyboardInterrupt):
                break
        else:
            print(f"ok {i} - {name} # {time.monotonic() - start:.2f} s", flush=True)
    sys.exit(1 if failed else 0)
