#!/usr/bin/env python3
"""Runs every shell block of docs/uploads.md, in its order, against a vaultd, and compares what is stored."""
import os
import re
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [here, os.path.join(here, "..", "support")]
import tap
import vd

PAGE = os.path.join(here, "..", "..", "docs", "uploads.md")


class Public(vd.Server):
    """Its URLs lead to it."""

    def environment(self):
        return {**super().environment(), "VAULT_PUBLIC_URL": f"http://127.0.0.1:{self.port}"}


@tap.test("the lines of docs/uploads.md work")
def _():
    with open(PAGE) as f:
        blocks = re.findall(r"^```sh\n(.*?)^```", f.read(), re.S | re.M)
    assert len(blocks) >= 6, len(blocks)
    with Public() as server, tempfile.TemporaryDirectory() as folder:
        user = server.sign_in()
        data = os.urandom(3_500_001)
        with open(os.path.join(folder, "big.bin"), "wb") as f:
            f.write(data)
        env = {**os.environ, "api": f"http://127.0.0.1:{server.port}{vd.API}", "token": user.grant["access_token"],
               "LC_ALL": "C.UTF-8"}
        for name in [k for k in env if k.lower().endswith("_proxy")]:
            del env[name]
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", "\n".join(blocks)], cwd=folder, env=env, timeout=300,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])
        for name in ("plain/big.bin", "plain/checked.bin", "tus.bin", "tus-checked.bin", "tus-parts.bin", "draft.bin",
                     "form/one.bin", "form/folder/two.bin"):
            assert user.content(name).body == data, name
        assert [user.content(f"batch/{n}.txt").body for n in ("one", "two")] == [b"one", b"two"]


tap.run()
