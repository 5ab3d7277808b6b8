"""A disk that can lose its power: block_log under a loop device under ext4, and the images that a power
cut at any moment may leave.

What was written before a flush is there. Of what was written after it, anything may be: none, all,
every other write, half of the sectors of one. A device promises nothing else.
"""
import bisect
import contextlib
import os
import random
import shutil
import struct
import subprocess
import tempfile
import time

SECTOR = 512
DISK_BYTES = 512 << 20
WAIT_S = 60
HEAD = struct.Struct("<B3xIQ")
# Long between its own flushes: what is durable must be so because the server asked.
MOUNT = "noatime,commit=300"
BUILD = os.path.join(os.environ.get("VT_PROOF_BUILD", ""), "")


def why_not():
    """Why no such disk can be made here; None when it can."""
    if os.geteuid() != 0:
        return "needs root"
    if not os.path.exists(BUILD + "block_log"):
        return "block_log is not built (package libfuse3-dev)"
    for tool in ("mkfs.ext4", "losetup", "mount", "fusermount3"):
        if not shutil.which(tool, path=os.environ.get("PATH", "") + ":/sbin:/usr/sbin"):
            return f"{tool} is not installed"
    for device in ("/dev/fuse", "/dev/loop-control"):
        if not os.access(device, os.R_OK | os.W_OK):
            return f"no {device} here"
    with tempfile.TemporaryDirectory(prefix="vault-disk-") as d:
        try:
            with contextlib.ExitStack() as stack:
                Recorder(d, stack)
        except (OSError, subprocess.CalledProcessError, AssertionError) as e:
            return f"a loop device cannot be mounted here: {e}"
    return None


def run(*args):
    return subprocess.run(args, check=True, capture_output=True, text=True).stdout.strip()


def make_image(path, size=DISK_BYTES, *options):
    with open(path, "wb") as f:
        f.truncate(size)
    run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", *options, path)


@contextlib.contextmanager
def mounted(image, at, options=MOUNT):
    """The file system in a file, at a folder. Loop devices are few and shared: wait for a free one."""
    os.makedirs(at, exist_ok=True)
    end = time.monotonic() + WAIT_S
    while True:
        try:
            loop = run("losetup", "-f", "--show", image)
            break
        except subprocess.CalledProcessError as e:
            if time.monotonic() > end:
                raise AssertionError(e.stderr) from e
            time.sleep(0.05)
    try:
        run("mount", "-t", "ext4", "-o", options, loop, at)
        try:
            yield at
        finally:
            run("umount", at)
    finally:
        run("losetup", "-d", loop)


class Recorder:
    """A mounted file system (`folder`) whose writes and flushes are remembered until the stack is left."""

    def __init__(self, top, stack):
        self.base, self.log = os.path.join(top, "base.img"), os.path.join(top, "disk.log")
        live, fuse = os.path.join(top, "live.img"), os.path.join(top, "fuse")
        make_image(self.base, DISK_BYTES, "-J", "size=8")
        run("cp", "--sparse=always", self.base, live)
        os.mkdir(fuse)
        self.process = subprocess.Popen([BUILD + "block_log", live, self.log, fuse, "-s", "-f"])
        stack.callback(self._end, fuse)
        end = time.monotonic() + WAIT_S
        while not os.path.exists(fuse + "/disk"):
            assert self.process.poll() is None and time.monotonic() < end, "block_log did not start"
            time.sleep(0.005)
        self.folder = stack.enter_context(mounted(fuse + "/disk", os.path.join(top, "recorded")))
        self.marks = os.open(fuse + "/mark", os.O_WRONLY)
        stack.callback(os.close, self.marks)

    def _end(self, fuse):
        subprocess.run(["fusermount3", "-u", fuse], check=False, capture_output=True)
        self.process.wait(WAIT_S)
        assert self.process.returncode == 0, "block_log failed: its log is not whole"

    def mark(self, text):
        """In the one order with writes and flushes; ends with a newline, so that none is read as another."""
        data = (text + "\n").encode()
        assert os.write(self.marks, data) == len(data)


class Log:
    """The records of a run, and the images that cuts in it leave."""

    def __init__(self, recorder):
        self.base = recorder.base
        self.data = open(recorder.log, "rb")
        self.writes = []  # (record number, offset on the disk, length, place in the log)
        self.flushes = []  # record numbers
        self.marks = []  # (record number, text)
        n = 0
        while head := self.data.read(HEAD.size):
            kind, length, offset = HEAD.unpack(head)
            if kind == ord("W"):
                self.writes.append((n, offset, length, self.data.tell()))
                self.data.seek(length, 1)
            elif kind == ord("F"):
                self.flushes.append(n)
            else:
                text = self.data.read(length).decode()
                assert kind == ord("M") and text.endswith("\n"), (kind, text)
                self.marks.append((n, text[:-1]))
            n += 1
        self.n = n

    def bytes(self, write, start=0, end=None):
        _, _, length, place = write
        self.data.seek(place + start)
        return self.data.read((length if end is None else end) - start)

    def marks_before(self, n):
        return [text for at, text in self.marks if at < n]

    def cuts(self, after, count, r):
        """count pairs (flush, end), in order: the last flush that was done, and the record before which the power
        went. Where an acknowledgement lies between a flush and the next one there is most to lose."""
        spans = [(f, nxt) for f, nxt in zip(self.flushes, self.flushes[1:] + [self.n]) if f > after]
        marks = [at for at, _ in self.marks]
        told = [s for s in spans if bisect.bisect(marks, s[1]) > bisect.bisect(marks, s[0])]
        some = r.sample(told, min(len(told), count - count // 4))
        some += r.sample(spans, min(len(spans), count - len(some)))
        return sorted((f, nxt if r.random() < 0.7 else r.randint(f + 1, nxt)) for f, nxt in some)

    def images(self, cuts, path, r):
        """For each cut its number of records, with the image in `path` (overwritten by the next)."""
        whole = path + ".whole"
        run("cp", "--sparse=always", self.base, whole)
        done = 0
        with open(whole, "r+b") as w:
            for flush, end in cuts:
                while done < len(self.writes) and self.writes[done][0] < flush:
                    self._apply(w, self.writes[done])
                    done += 1
                w.flush()
                run("cp", "--sparse=always", whole, path)
                later = [x for x in self.writes[done:] if x[0] < end]
                with open(path, "r+b") as f:
                    how = self._lose(f, later, r)
                yield flush, end, how
        os.unlink(whole)
        os.unlink(path)

    def _apply(self, f, write, start=0, end=None):
        f.seek(write[1] + start)
        f.write(self.bytes(write, start, end))

    def _lose(self, f, later, r):
        """Some of the writes that no flush followed; in words what."""
        how = r.choice(("none", "half", "most", "torn", "torn"))
        kept = {"none": 0.0, "half": 0.5, "most": 0.9, "torn": 0.5}[how]
        for write in later:
            if r.random() >= kept:
                continue
            if how != "torn":
                self._apply(f, write)
                continue
            for at in range(0, write[2], SECTOR):
                if r.random() < 0.5:
                    self._apply(f, write, at, min(at + SECTOR, write[2]))
        return f"{how} of {len(later)} later writes"
