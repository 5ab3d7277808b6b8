#!/usr/bin/env python3
"""check_deps.py ROOT BUILD: which folder includes what, by the compiler's own list (`ninja -t deps`).

A header that is reached through another counts as well: a folder that hides a library must not show
it in its headers."""
import os
import subprocess
import sys

import lint

BASE = ["libvault/base", "include/vault/base.h", "include/vault/version.h"]
CRYPTO = BASE + ["libvault/crypto"]
DOMAIN = BASE + ["libvault/domain", "include/vault"]
PORTS = DOMAIN + ["libvault/ports"]
USECASES = PORTS + ["libvault/crypto", "libvault/usecases"]
ADAPTER = ["libvault/base", "libvault/domain", "libvault/crypto", "libvault/ports", "include/vault"]
SQL = ADAPTER + ["libvault/adapters/sql"]

# Folder of the source -> folders (or files) whose headers it may include. Its own is always allowed;
# the longest folder that fits counts.
MAY_INCLUDE = {
    "libvault/base": BASE + ["include/vault/ports"],
    "libvault/crypto": CRYPTO + ["include/vault"],
    "libvault/domain": DOMAIN,
    "libvault/ports": PORTS,
    "libvault/usecases": USECASES,
    "libvault/composition": ["libvault", "include/vault"],
    "libvault/adapters": ADAPTER,
    "libvault/adapters/sql": SQL,
    "libvault/adapters/sql_sqlite": SQL,
    "libvault/adapters/sql_postgres": SQL,
    "libvault/adapters/limiter_sql": SQL,
    "server": ["server", "include/vault"],
    "examples": ["include/vault"],
    "tests/contract": ["include/vault"],
    "tests/server": ["server", "include/vault", "tests/support"],
    "tests/e2e": ["server", "include/vault", "tests/support"],
    "tests/support/http_probe_server.c": ["server"],
    "tests": ["libvault", "include/vault", "tests"],
    "bench": ["libvault", "include/vault", "bench"],
}
# The runs of the contract suites are tests of our adapters; the suites themselves are installed.
SUITE_RUNS = ["libvault", "include/vault", "tests"]

# Header of somebody else -> who may include it.
OTHERS = {
    "sqlite3.h": ["libvault/adapters/sql_sqlite", "tests"],
    "libpq-fe.h": ["libvault/adapters/sql_postgres", "tests"],
    "sodium.h": ["libvault/crypto", "tests"],
    "openssl/": ["libvault/crypto", "libvault/adapters/sql_postgres", "server/modules/uploads/checksum.c", "tests"],
    "utf8proc.h": ["libvault/domain", "tests"],
    "jansson.h": ["server", "tests"],
    "uv.h": ["server/net", "server/http", "server/main.c", "server/app.c", "tests"],
    "llhttp.h": ["server/http", "tests"],
    "ini.h": ["server", "tests"],
    "curl/": [],
    "check.h": ["tests"],
}


def below(path, places):
    return any(path == place or path.startswith(place + "/") for place in places)


def allowed(source):
    if source.startswith("tests/contract/") and os.path.basename(source).startswith(("run_", "sql_ports")):
        return SUITE_RUNS
    fitting = [place for place in MAY_INCLUDE if below(source, [place])]
    return MAY_INCLUDE[max(fitting, key=len)] if fitting else None


def problems(deps):
    """deps: {source: [header]}, our files relative to the root, others absolute."""
    for source, headers in sorted(deps.items()):
        places = allowed(source)
        if places is None:
            yield "%s: no rule says what its folder may include" % source
            continue
        for header in headers:
            if not os.path.isabs(header):
                if not below(header, places + [os.path.dirname(source)]):
                    yield "%s includes %s" % (source, header)
                continue
            for name, users in OTHERS.items():
                named = ("/include/" + name in header) if name.endswith("/") else os.path.basename(header) == name
                if named and not below(source, users):
                    yield "%s includes %s" % (source, header)


def parse(text, root, build):
    found = {}
    for block in text.split("\n\n"):
        lines = block.split("\n")
        if "(VALID)" not in lines[0]:
            continue
        names = [os.path.normpath(os.path.join(build, line.strip())) for line in lines[1:] if line.strip()]
        names = [os.path.relpath(n, root) if n.startswith(root + "/") and not n.startswith(build + "/") else n
                 for n in names]
        if names and not os.path.isabs(names[0]) and names[0].endswith((".c", ".cc")):
            found.setdefault(names[0], []).extend(n for n in names[1:] if n.endswith(".h"))
    return found


def self_test(tap):
    root, build = "/r", "/r/build/x"
    text = ("a.o: #deps 3, deps mtime 1 (VALID)\n    ../../libvault/domain/a.c\n    /usr/include/sqlite3.h\n"
            "    ../../libvault/usecases/u.h\n    ../../libvault/base/err.h\n\n"
            "b.o: #deps 2, deps mtime 1 (VALID)\n    ../../server/b.c\n    ../../libvault/base/err.h\n"
            "    ../../include/vault/base.h\n\n"
            "c.o: #deps 1, deps mtime 1 (VALID)\n    ../../elsewhere/c.c\n\n")
    found = list(problems(parse(text, root, build)))
    tap.finds("includes against the rule", found, "libvault/domain/a.c includes /usr/include/sqlite3.h",
              "libvault/domain/a.c includes libvault/usecases/u.h", "server/b.c includes libvault/base/err.h",
              "elsewhere/c.c: no rule")
    tap.rule("finds nothing else", [p for p in found[4:]])


def main(root, build):
    root, build = os.path.realpath(root), os.path.realpath(build)
    tap = lint.Tap()
    self_test(tap)
    text = subprocess.run(["ninja", "-C", build, "-t", "deps"], stdout=subprocess.PIPE, check=True).stdout.decode()
    deps = parse(text, root, build)
    seen = [s for s in deps if s.startswith("libvault/")]
    tap.rule("the build lists what it includes", [] if len(seen) > 40 else ["only %d sources of libvault are built in %s"
                                                                            % (len(seen), build)])
    tap.rule("each folder includes what its layer may", problems(deps))
    tap.finish()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
