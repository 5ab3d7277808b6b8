#!/usr/bin/env python3
"""Count the single tests in the logs that `meson test` leaves, over several builds.

    tap_summary.py [--broken TEXT]... [--skip TEXT]... LABEL=testlog.json...

Prints each failure with its output, the skips with their reasons, the time of each suite, and at
last one line, `N passed, N failed, N skipped`. Leaves with 1 when anything failed.

What is counted are TAP test points, not programs. A program that crashed, ran out of time, left
with an error although its points passed, or printed no or too few points counts as one failure
more. --broken adds a failure that has no log (a build that failed, a process left behind), --skip
a skip. A point that is marked as work for later fails like any other.
"""
import json
import re
import sys

SKIP_EXIT = 77  # meson's convention for "cannot run here"
POINT = re.compile(r"^(not )?ok\b[ ]*(\d+)?[ ]*-?[ ]*(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)(?:\s*#\s*(.*))?$")
SKIP = re.compile(r"#\s*SKIP\b[:\s]*(.*)$", re.IGNORECASE)


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = []  # (where, what, output)
        self.skipped = []  # (where, reason)
        self.seconds = {}  # suite -> seconds


def read_tap(text):
    """points: [(ok, name, skip reason or None)]; plan: number or None; bail and skip_all: text or None"""
    points, plan, bail, skip_all = [], None, None, None
    for line in text.splitlines():
        if line.startswith("Bail out!"):
            bail = line[len("Bail out!"):].strip() or "no reason given"
            continue
        m = PLAN.match(line)
        if m:
            plan = int(m.group(1))
            s = SKIP.search(line)
            if plan == 0:
                skip_all = (s.group(1) if s else m.group(2)) or "no reason given"
            continue
        m = POINT.match(line)
        if m:
            s = SKIP.search(m.group(3))
            name = m.group(3).split(" #")[0] if s else m.group(3)
            points.append((m.group(1) is None, name.strip(), s.group(1).strip() if s else None))
    return points, plan, bail, skip_all


def last_line(*texts):
    for text in texts:
        lines = [line for line in (text or "").splitlines() if line.strip()]
        if lines:
            return lines[-1].strip().lstrip("# ")
    return "no reason given"


def faults(log, points, plan, bail):
    """What is wrong with the program itself, one sentence, or None."""
    code, result = log.get("returncode"), log.get("result")
    any_not_ok = any(not ok for ok, _, _ in points)
    if result == "TIMEOUT":
        return "ran out of time"
    if bail is not None:
        return "gave up: " + bail
    if isinstance(code, int) and (code < 0 or code > 128):
        return "died of signal %d" % (-code if code < 0 else code - 128)
    if not points:
        return "printed no test point (exit %s)" % code
    if plan is None:
        return "printed no plan, so tests may be missing"
    if plan != len(points):
        return "announced %d tests and ran %d" % (plan, len(points))
    if code and not any_not_ok:
        return "left with %s although its tests passed" % code
    if result in ("FAIL", "ERROR", "INTERRUPT") and not any_not_ok:
        return "failed (%s)" % result
    return None


def add_log(tally, label, log):
    name = log["name"]
    where = "%s: %s" % (label, name.split(" / ", 1)[-1])
    suite = name.split(" / ")[0].split(":")[-1].split("+")[0] if " / " in name else "other"
    key = (label, suite)
    tally.seconds[key] = tally.seconds.get(key, 0.0) + float(log.get("duration") or 0)
    out, err = log.get("stdout") or "", log.get("stderr") or ""
    points, plan, bail, skip_all = read_tap(out)
    if not points and (skip_all is not None or log.get("returncode") == SKIP_EXIT):
        tally.skipped.append((where, skip_all or last_line(err, out)))
        return
    output = out + (("\n" if out and not out.endswith("\n") else "") + err if err else "")
    for ok, point, skip in points:
        if skip is not None:
            tally.skipped.append((where + ": " + point, skip or "no reason given"))
        elif ok:
            tally.passed += 1
        else:
            tally.failed.append((where, point, output))
    fault = faults(log, points, plan, bail)
    if fault:
        tally.failed.append((where, fault, output))


def add_file(tally, label, path):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            lines = [line for line in f if line.strip()]
    except OSError as e:
        tally.failed.append((label, "its tests did not run: %s" % e, ""))
        return
    if not lines:
        tally.failed.append((label, "its tests did not run: %s is empty" % path, ""))
    for line in lines:
        try:
            add_log(tally, label, json.loads(line))
        except ValueError:
            tally.failed.append((label, "its log is cut off", line))


OUTPUT_LINES = 200


def shorten(text):
    """Without the points that passed; the end, where it is long."""
    lines = [line for line in text.splitlines() if not re.match(r"^ok\b", line)]
    if len(lines) > OUTPUT_LINES:
        lines = ["(%d lines more)" % (len(lines) - OUTPUT_LINES)] + lines[-OUTPUT_LINES:]
    return lines


def report(tally, write):
    shown = None
    for where, what, output in tally.failed:
        write("FAILED %s: %s" % (where, what))
        if output is not shown:  # one program's output once, under its first failure
            for line in shorten(output):
                write("    " + line)
            shown = output
    for where, reason in tally.skipped:
        write("skipped %s: %s" % (where, reason))
    total = sum(tally.seconds.values())
    if total > 0:
        write("time of each suite, added up over programs that ran side by side:")
        for (label, suite), s in sorted(tally.seconds.items(), key=lambda kv: -kv[1]):
            write("  %7.1f s  %3.0f %%  %s %s" % (s, 100 * s / total, label, suite))
    write("%d passed, %d failed, %d skipped"
          % (tally.passed, len(tally.failed), len(tally.skipped)))
    return 1 if tally.failed or tally.passed == 0 else 0


def main(args):
    tally = Tally()
    args = list(args)
    while args:
        arg = args.pop(0)
        if arg in ("--broken", "--skip"):
            text = args.pop(0)
            if arg == "--broken":
                tally.failed.append(("test", text, ""))
            else:
                tally.skipped.append(("test", text))
        else:
            label, _, path = arg.partition("=")
            add_file(tally, label, path)
    return report(tally, print)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
