"""Write the migrations as C strings: embed_migrations.py OUTPUT SQLITE_FILES... -- POSTGRES_FILES..."""
import sys

out, rest = sys.argv[1], sys.argv[2:]
split = rest.index("--")


def literal(path):
    lines = []
    for line in open(path, encoding="ascii"):
        line = line.rstrip("\n")
        if line and not line.startswith("--"):
            lines.append('      "%s\\n"' % line.replace("\\", "\\\\").replace('"', '\\"'))
    return "\n".join(lines)


with open(out, "w", encoding="ascii") as f:
    f.write('#include "libvault/adapters/sql/schema.h"\n\n')
    f.write("const char *const vault__migrations[VAULT__N_DIALECTS][VAULT__SCHEMA_VERSION] = {\n")
    for name, files in (("SQLITE", rest[:split]), ("POSTGRES", rest[split + 1:])):
        f.write("  [VAULT__DIALECT_%s] = {\n" % name)
        f.write(",\n".join(literal(p) for p in files))
        f.write("},\n")
    f.write("};\n")
