#!/usr/bin/env python3
"""The counting of tap_summary.py, with made-up logs. Prints TAP."""
import json
import os
import sys
import tempfile

import tap_summary


def run(logs, extra=()):
    """-> (exit value, lines)"""
    lines = []
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, "log")
        with open(path, "w", encoding="utf-8") as f:
            for log in logs:
                f.write((json.dumps(log) if isinstance(log, dict) else log) + "\n")
        tally = tap_summary.Tally()
        tap_summary.add_file(tally, "asan", path)
        for what in extra:
            tally.failed.append(("test", what, ""))
        return tap_summary.report(tally, lines.append), lines


def log(stdout, returncode=0, result="OK", stderr="", name="libvault:unit / unit_x", duration=2.0):
    return {"name": name, "stdout": stdout, "stderr": stderr, "returncode": returncode,
            "result": result, "duration": duration}


def last(logs, extra=()):
    code, lines = run(logs, extra)
    return code, lines[-1]


def counts_points():
    assert last([log("ok 1 - a\nok 2 - b\n1..2\n"), log("1..1\nok 1 - c\n")]) == \
        (0, "3 passed, 0 failed, 0 skipped")


def not_ok_fails_with_its_output():
    code, lines = run([log("ok 1 - a\nnot ok 2 - b: boom\n1..2\n", 1, "FAIL", "why\n")])
    assert (code, lines[-1]) == (1, "1 passed, 1 failed, 0 skipped")
    assert "FAILED asan: unit_x: b: boom" in lines and "    why" in lines
    assert "    ok 1 - a" not in lines


def todo_is_no_excuse():
    assert last([log("1..1\nnot ok 1 - a # TO" "DO later\n")]) == (1, "0 passed, 1 failed, 0 skipped")


def skip_has_a_reason():
    code, lines = run([log("1..2\nok 1 - a\nok 2 - b # SKIP no tmpfs here\n")])
    assert (code, lines[-1]) == (0, "1 passed, 0 failed, 1 skipped")
    assert "skipped asan: unit_x: b: no tmpfs here" in lines


def whole_program_skips():
    code, lines = run([log("1..0 # SKIP no PostgreSQL\n"), log("1..1\nok 1 - a\n"),
                       log("", 77, "SKIP", "no openat2\n")])
    assert (code, lines[-1]) == (0, "1 passed, 0 failed, 2 skipped")
    assert "skipped asan: unit_x: no PostgreSQL" in lines
    assert "skipped asan: unit_x: no openat2" in lines


def crash_is_a_failure():
    assert last([log("ok 1 - a\n", -11, "FAIL")]) == (1, "1 passed, 1 failed, 0 skipped")
    assert last([log("ok 1 - a\n1..1\n", 139, "FAIL")]) == (1, "1 passed, 1 failed, 0 skipped")


def no_tap_is_a_failure():
    assert last([log("hello\n")]) == (1, "0 passed, 1 failed, 0 skipped")
    assert last([log("")]) == (1, "0 passed, 1 failed, 0 skipped")


def too_few_points_is_a_failure():
    assert last([log("1..3\nok 1\nok 2\n")]) == (1, "2 passed, 1 failed, 0 skipped")
    assert last([log("ok 1\n")]) == (1, "1 passed, 1 failed, 0 skipped")


def bad_exit_is_a_failure():
    assert last([log("1..1\nok 1\n", 23, "ERROR", "leak")]) == (1, "1 passed, 1 failed, 0 skipped")


def time_out_and_bail_out_are_failures():
    assert last([log("1..1\nok 1\n", -15, "TIMEOUT")]) == (1, "1 passed, 1 failed, 0 skipped")
    assert last([log("1..1\nok 1\nBail out! no\n")]) == (1, "1 passed, 1 failed, 0 skipped")


def missing_or_cut_logs_are_failures():
    tally = tap_summary.Tally()
    tap_summary.add_file(tally, "tsan", "/nonexistent/log")
    assert len(tally.failed) == 1
    assert last([]) == (1, "0 passed, 1 failed, 0 skipped")
    assert last(["{\"name\": "]) == (1, "0 passed, 1 failed, 0 skipped")


def broken_builds_are_failures():
    assert last([log("1..1\nok 1\n")], ["the build failed"]) == (1, "1 passed, 1 failed, 0 skipped")


def nothing_passed_is_no_success():
    assert last([log("1..0 # SKIP x\n")]) == (1, "0 passed, 0 failed, 1 skipped")


def time_by_suite():
    _, lines = run([log("1..1\nok 1\n", duration=3.0),
                    log("1..1\nok 1\n", name="libvault:e2e+slow / e2e_y", duration=1.0)])
    assert "      3.0 s   75 %  asan unit" in lines and "      1.0 s   25 %  asan e2e" in lines


TESTS = [v for k, v in list(globals().items())
         if callable(v) and k not in ("run", "log", "last") and getattr(v, "__module__", "") == "__main__"]

failed = 0
print("1..%d" % len(TESTS))
for n, test in enumerate(TESTS, 1):
    try:
        test()
        print("ok %d - %s" % (n, test.__name__))
    except AssertionError as e:
        failed += 1
        print("not ok %d - %s: %s" % (n, test.__name__, e))
sys.exit(1 if failed else 0)
