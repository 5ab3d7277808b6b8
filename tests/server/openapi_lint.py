"""Compare server/openapi.yaml with the route tables and the problem codes in the sources.

Usage: openapi_lint.py SERVER_DIR. Reads the YAML by its indentation, so that it needs no library.
"""
import pathlib
import re
import sys

ROUTE = re.compile(r'\{VD_([A-Z]+),\s*"([^"]+)"')
PATH = re.compile(r"^  (/\S*):\s*$")
METHOD = re.compile(r"^    (get|put|post|patch|delete|head|options):\s*$")
# vd_problem(rs, 404, "not_found", …), vd_refuse(rq, 400, "bad_host", …), vd_bad_request(rs, "bad_json", …)
CODE_CALL = re.compile(r'(?:\(\s*\w+,\s*\d{3}|vd_bad_request\(\s*\w+),\s*"([a-z0-9_]+)"')
STATUS_CODE = re.compile(r'\{?VAULT_E_[A-Z_]+,\s*"([a-z_]+)"')


def routes_of(server):
    found = set()
    for source in sorted(server.glob("modules/*/routes.c")):
        for method, path in ROUTE.findall(source.read_text()):
            found.add((method.lower(), path))
    return found


def operations_of(lines):
    found, path, inside = set(), None, False
    for line in lines:
        if re.match(r"^\S", line):
            inside = line.startswith("paths:")
        if not inside:
            continue
        if match := PATH.match(line):
            path = match.group(1)
        elif (match := METHOD.match(line)) and path:
            found.add((match.group(1), path))
    return found


def codes_in_sources(server):
    codes = set()
    for folder in ("modules", "http"):
        for source in sorted((server / folder).rglob("*.c")):
            codes.update(CODE_CALL.findall(source.read_text()))
    status = server.parent / "libvault" / "base" / "status.c"
    codes.update(STATUS_CODE.findall(status.read_text()))
    return codes


def codes_in_yaml(text):
    match = re.search(r"x-problem-codes:\n((?:\s+- [^\n]*\n)+)", text)
    return set(re.findall(r"- ([a-z0-9_]+)", match.group(1))) if match else set()


def report(kind, missing):
    for entry in sorted(missing):
        print(f"# {kind}: {entry if isinstance(entry, str) else ' '.join(entry)}")
    return bool(missing)


def main():
    server = pathlib.Path(sys.argv[1])
    text = (server / "openapi.yaml").read_text()
    routes, operations = routes_of(server), operations_of(text.splitlines())
    codes, known = codes_in_sources(server), codes_in_yaml(text)
    bad = report("route that openapi.yaml lacks", routes - operations)
    bad |= report("operation without a route", operations - routes)
    bad |= report("problem code that openapi.yaml lacks", codes - known)
    bad |= report("problem code that nothing sends", known - codes)
    if not routes or not codes:
        print("# the sources could not be read")
        bad = True
    print("1..1")
    print(f"{'not ok' if bad else 'ok'} 1 - {len(routes)} routes, {len(codes)} problem codes")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
