"""A directory tree to back up, made from a seed: the same seed gives the same tree.

At least `entries` files and folders: empty files, one sparse file, names in Turkish, emoji and of
255 bytes, 20 levels of folders, times with nanoseconds (also before 1970), and real files.
"""
import os
import random

WORDS = ["tatil", "düğün", "İstanbul", "ağaç", "ışık", "şeker", "çay", "göl", "özet", "fotoğraf", "ılık",
         "report", "notes", "draft", "scan", "invoice", "trip", "music", "backup", "misc", "日本", "مرحبا"]
EMOJI = ["🌊", "🎉", "👩‍👩‍👧", "🇹🇷", "❤️", "🧿"]
ENDINGS = [".txt", ".jpg", ".pdf", ".bin", "", ".MOV", ".tar.gz", ".html", ".php", ".HEIC"]
LEVELS = 20
SPARSE_BYTES = 2 << 30
OLDEST_NS = -10**18   # 1938
NEWEST_NS = 4 * 10**18  # 2096


def file_name(rnd, number):
    word = rnd.choice(WORDS) + rnd.choice([" ", "_", "-", ""]) + str(number)
    if rnd.random() < 0.1:
        word += rnd.choice(EMOJI)
    return word + rnd.choice(ENDINGS)


def long_name(number):
    """Exactly 255 bytes of UTF-8."""
    head = f"{number}-" + "ğ" * 120
    return head + "x" * (255 - len(head.encode()))


def write_file(rnd, path, size):
    with open(path, "wb") as f:
        f.write(rnd.randbytes(size))
    set_time(rnd, path)


def set_time(rnd, path):
    ns = rnd.randrange(OLDEST_NS, NEWEST_NS)
    os.utime(path, ns=(ns, ns))


def size_of(rnd):
    kind = rnd.random()
    if kind < 0.1:
        return 0
    if kind < 0.9:
        return rnd.randrange(1, 4096)
    return rnd.randrange(4096, 300000)


def make(root, seed=1, entries=2000, sparse_bytes=SPARSE_BYTES, real=()):
    """Returns (files, folders) made below root, which must exist."""
    rnd = random.Random(seed)
    folders = [root]
    deep = root
    for level in range(LEVELS):
        deep = os.path.join(deep, f"kat {level + 1}")
        os.mkdir(deep)
        folders.append(deep)
    write_file(rnd, os.path.join(deep, "en derin.txt"), 100)
    files = 1
    while files + len(folders) < entries:
        if rnd.random() < 0.08:
            path = os.path.join(rnd.choice(folders[:200]), f"klasör {len(folders)}")
            os.mkdir(path)
            folders.append(path)
        else:
            write_file(rnd, os.path.join(rnd.choice(folders), file_name(rnd, files)), size_of(rnd))
            files += 1
    for i in range(3):
        write_file(rnd, os.path.join(root, long_name(i)), 10)
    sparse = os.path.join(root, "seyrek.bin")
    with open(sparse, "wb") as f:
        f.truncate(sparse_bytes)
        f.seek(sparse_bytes // 2)
        f.write(b"middle")
    set_time(rnd, sparse)
    files += 4
    real_dir = os.path.join(root, "gerçek")
    os.mkdir(real_dir)
    folders.append(real_dir)
    for source in real:
        target = os.path.join(real_dir, f"{files} {os.path.basename(source)}")
        with open(source, "rb") as a, open(target, "wb") as b:
            b.write(a.read())
        set_time(rnd, target)
        files += 1
    return files, len(folders) - 1


def real_files(most):
    """Camera files from VT_MEDIA (default: tests/data/media), in a fixed order."""
    here = os.path.dirname(os.path.abspath(__file__))
    media = os.environ.get("VT_MEDIA") or os.path.join(here, "..", "data", "media")
    found = []
    for folder, _, names in sorted(os.walk(media)):
        found += [os.path.join(folder, n) for n in sorted(names)]
    return [f for f in found if os.path.isfile(f) and not os.path.islink(f)][:most]
