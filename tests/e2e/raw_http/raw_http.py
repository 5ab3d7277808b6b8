#!/usr/bin/python3
"""Raw-socket tests of the HTTP core. usage: raw_http.py PROBE_SERVER [WORD]
Prints TAP. With WORD only the cases whose name holds it run."""
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases_body  # noqa: E402
import cases_extra  # noqa: E402
import cases_message  # noqa: E402
import cases_time  # noqa: E402
from harness import Probe, run  # noqa: E402


def main():
    binary, word = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "small"), "wb") as f:
            f.write(b"0123456789")
        with open(os.path.join(folder, "empty"), "wb"):
            pass
        with open(os.path.join(folder, "big"), "wb") as f:
            f.write(bytes(range(256)) * 32768)  # 8 MiB
        Probe.binary, Probe.folder = binary, folder
        cases = cases_message.CASES + cases_body.CASES + cases_extra.CASES + cases_time.CASES
        return run([c for c in cases if word in c.__name__])


if __name__ == "__main__":
    sys.exit(main())
