"""strace on a running vaultd: what it asks of the system, in order; and calls that fail on demand."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

WAIT_S = 60
# Calls through which bytes and names reach a disk or a client.
CALLS = ("fsync,fdatasync,syncfs,write,pwrite64,writev,pwritev,pwritev2,linkat,renameat,renameat2,unlinkat,"
         "mkdirat,openat,openat2,ftruncate,sendto,sendmsg,recvfrom,recvmsg,read")
LINE = re.compile(r"^(\d+)\s+(.*)$")
RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$")
UNFINISHED = " <unfinished ...>"


def why_not():
    """Why nothing can be traced here; None when it can."""
    if not shutil.which("strace"):
        return "strace is not installed"
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        with tempfile.TemporaryDirectory(prefix="vault-trace-") as d, Trace(sleeper.pid, d):
            pass
    except AssertionError as e:
        return f"this sandbox allows no tracing: {e}"
    finally:
        sleeper.kill()
        sleeper.wait()
    return None


def threads(pid):
    """In the order in which they were made, which is the same in each run of the same server."""
    return sorted(int(t) for t in os.listdir(f"/proc/{pid}/task"))


class Call:
    """begin and end are its places in the one order of everything that was seen."""

    def __init__(self, tid, text, begin):
        self.tid, self.text, self.begin, self.end = tid, text, begin, None
        self.name = text.split("(", 1)[0]
        self.result = None

    def finish(self, rest, at):
        self.text += rest
        self.end = at
        self.result = self.text.rsplit(" = ", 1)[-1].split()[0] if " = " in self.text else None

    @property
    def ok(self):
        return self.result is not None and not self.result.startswith("-")

    def __repr__(self):
        return f"{self.begin}-{self.end} {self.tid} {self.text[:160]} = {self.result}"


def read(path):
    """The calls of a trace, in the order in which they began."""
    calls, open_calls = [], {}
    with open(path, errors="replace") as f:
        for at, line in enumerate(f):
            m = LINE.match(line.rstrip("\n"))
            if not m:
                continue
            tid, text = int(m.group(1)), m.group(2)
            if r := RESUMED.match(text):
                if tid in open_calls:
                    open_calls.pop(tid).finish(r.group(2), at)
                continue
            if "(" not in text:
                continue
            cut = text.endswith(UNFINISHED)
            call = Call(tid, text.removesuffix(UNFINISHED), at)
            calls.append(call)
            if cut:
                open_calls[tid] = call
            else:
                call.finish("", at)
    return calls


class Trace:
    """with Trace(pid, folder) as t: ...; then t.calls. thread: only this one; path: only calls about this file;
    inject: what fails."""

    def __init__(self, pid, folder, thread=None, inject=None, calls=CALLS, text_bytes=64, path=None,
                 more=()):
        self.path = os.path.join(folder, "trace")
        self.errors = os.path.join(folder, "strace")
        what = ["-p", str(thread)] if thread else ["-f", "-p", str(pid)]
        fail = ["-e", "inject=" + inject] if inject else []
        only = ["-P", path] if path else []
        self.args = ["strace", "-y", "-s", str(text_bytes), "-o", self.path, "-e", "trace=" + calls, *fail, *more, *only,
                     *what]
        self.one = thread

    def __enter__(self):
        with open(self.errors, "wb") as f:
            self.process = subprocess.Popen(self.args, stderr=f, stdin=subprocess.DEVNULL)
        end = time.monotonic() + WAIT_S
        while " attached" not in self.said():
            assert self.process.poll() is None and time.monotonic() < end, self.said()
            time.sleep(0.002)
        return self

    def said(self):
        with open(self.errors, errors="replace") as f:
            return f.read()

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)  # lets go of the process, which runs on
        self.process.wait(WAIT_S)

    @property
    def calls(self):
        """Of one thread strace writes no thread id."""
        if self.one:
            with open(self.path, errors="replace") as f:
                lines = f.readlines()
            with open(self.path, "w") as f:
                f.writelines(x if LINE.match(x) else f"{self.one} {x}" for x in lines)
        return read(self.path)

    @property
    def injected(self):
        with open(self.path, errors="replace") as f:
            return [line.strip() for line in f if "(INJECTED)" in line]
