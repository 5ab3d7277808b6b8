"""The servers that figures.py measures: vaultd and its peers, each started on a free port below a directory of its
own. A peer that is not installed is left out, with a line that says so."""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PHONE = "+905321234567"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def status_kib(pid, key):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(rf"^{key}:\s+(\d+) kB", f.read(), re.M).group(1))


def pss_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup") as f:
        return int(re.search(r"^Pss:\s+(\d+) kB", f.read(), re.M).group(1))


def with_children(pid):
    out = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True)
    return [pid] + [int(p) for p in out.stdout.split()]


def wait_for(port, path, process, statuses):
    """Seconds until the first answer with one of these statuses."""
    start = time.monotonic()
    while process.poll() is None and time.monotonic() - start < 60:
        try:
            c = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            c.request("GET", path)
            if c.getresponse().status in statuses:
                return time.monotonic() - start
        except OSError:
            time.sleep(0.001)
    raise SystemExit(f"the server on port {port} did not answer")


class Server:
    """name, port, pids; put(i, tag), get(i, tag): the path of file number %d of a group; headers: for every request."""

    headers = ()
    tus_path = None
    env = {}

    def start(self, command, root, ready="/", statuses=(200, 401, 403, 404), **env):
        self.root = root
        self.log = open(os.path.join(root, "..", self.name + ".log"), "ab")
        self.process = subprocess.Popen(command, env=dict(os.environ, **env), stdout=self.log,
                                        stderr=self.log, cwd=root)
        self.first_answer = wait_for(self.port, ready, self.process, statuses)
        self.pids = with_children(self.process.pid)

    def path(self, tag):
        return f"/{tag}-%d.bin"

    def cpu_seconds(self):
        ticks = 0
        for pid in self.pids:
            with open(f"/proc/{pid}/stat") as f:
                fields = f.read().rsplit(") ", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def peak_mib(self):
        return sum(status_kib(p, "VmHWM") for p in self.pids) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Vaultd(Server):
    """Limits are lifted by settings, never bypassed."""

    name = "vaultd"
    tus_path = "/api/v1/uploads"

    def __init__(self, binary, root, **env):
        self.port = free_port()
        self.codes = os.path.join(root, "sms.jsonl")
        self.start([binary, "serve"], root, ready="/healthz", statuses=(200,), VAULT_DATA=root,
                   VAULT_LISTEN=f"127.0.0.1:{self.port}", VAULT_SMS=f"file:{self.codes}",
                   VAULT_LIMITS_CODES_PER_HOUR="1000000", VAULT_LIMITS_CODES_PER_DAY="1000000",
                   VAULT_LIMITS_CODE_GAP_MS="1", VAULT_LIMITS_CODES_PER_HOUR_ALL="100000000",
                   VAULT_LIMITS_CODES_PER_HOUR_ADDRESS="100000000",
                   VAULT_QUOTA_BYTES=str(1 << 42), **env)

    def path(self, tag):
        return f"/api/v1/files/content?path=/{tag}-%d.bin"

    def call(self, method, path, body=None, headers=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        c.request(method, path, json.dumps(body) if body is not None else None,
                  dict({"Content-Type": "application/json"} if body is not None else {},
                       **(headers or {})))
        r = c.getresponse()
        data = r.read()
        if r.status >= 300:
            raise SystemExit(f"{method} {path}: {r.status} {data!r}")
        return json.loads(data) if data else None

    def code(self, at):
        """The code that was appended to the file after position `at`."""
        while True:
            try:
                with open(self.codes, "rb") as f:
                    f.seek(at)
                    line = f.readline()
                if line.endswith(b"\n"):
                    return json.loads(line)["text"].strip().rsplit("#", 1)[1][:6]
            except FileNotFoundError:
                pass
            time.sleep(0.0005)

    def sign_in(self, phone=PHONE):
        at = os.path.getsize(self.codes) if os.path.exists(self.codes) else 0
        ch = self.call("POST", "/api/v1/auth/otp", {"phone": phone})
        grant = self.call("POST", "/api/v1/auth/otp/verify",
                          {"challenge_id": ch["challenge_id"], "code": self.code(at)})
        return "Authorization: Bearer " + grant["access_token"]

    def renew(self):
        """A token for the next round: they live ten minutes."""
        self.headers = (self.sign_in(),)


class Nginx(Server):
    name = "nginx"

    def __init__(self, root, preload=None):
        self.port = free_port()
        for d in ("files", "temp", "logs"):
            os.makedirs(os.path.join(root, d))
        os.chmod(root, 0o755)
        conf = f"""
worker_processes 2; pid {root}/pid; error_log {root}/logs/error.log; daemon off; user root;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; client_max_body_size 0; client_body_temp_path {root}/temp;
  client_body_buffer_size 256k; keepalive_requests 10000000;
  server {{ listen 127.0.0.1:{self.port}; root {root}/files;
    location / {{ dav_methods PUT DELETE; create_full_put_path on; }} }}
}}"""
        with open(os.path.join(root, "nginx.conf"), "w") as f:
            f.write(conf)
        self.start(["nginx", "-p", root, "-c", os.path.join(root, "nginx.conf")], root,
                   **({"LD_PRELOAD": preload} if preload else {}))


class NginxSync(Nginx):
    """nginx with a flush of the file and of the directory around each rename: durable, as vaultd is."""

    name = "nginxsync"


class Rclone(Server):
    name = "rclone"

    def __init__(self, root):
        self.port = free_port()
        os.makedirs(os.path.join(root, "files"))
        self.start(["rclone", "serve", "webdav", os.path.join(root, "files"), "--addr",
                    f"127.0.0.1:{self.port}", "--config", os.path.join(root, "none")], root)


class Copyparty(Server):
    name = "copyparty"

    def __init__(self, binary, root):
        self.port = free_port()
        os.makedirs(os.path.join(root, "files"))
        self.start([binary, "-i", "127.0.0.1", "-p", str(self.port), "-j", "1", "-q", "-v",
                    os.path.join(root, "files") + "::A", "--no-crt"], root, HOME=root,
                   XDG_CONFIG_HOME=root)


class Tusnode(Server):
    name = "tusnode"
    tus_path = "/files"

    def __init__(self, modules, root):
        self.port = free_port()
        os.makedirs(os.path.join(root, "files"))
        self.start(["node", os.path.join(HERE, "peers", "tusnode.js"), str(self.port),
                    os.path.join(root, "files")], root, ready="/files", NODE_PATH=modules)


def install_peers(place):
    """copyparty from PyPI and the tus server from npm, below `place`; nginx and rclone are packages of the system."""
    os.makedirs(place, exist_ok=True)
    subprocess.run(["python3", "-m", "venv", os.path.join(place, "python")], check=True)
    subprocess.run([os.path.join(place, "python", "bin", "pip"), "install", "-q", "copyparty==1.20.26"],
                   check=True)
    shutil.copy(os.path.join(HERE, "peers", "package.json"), place)
    subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=place, check=True)


def start_all(args, base):
    """Every server that is there, by name; vaultd and nginx must be."""
    def room(name):
        path = os.path.join(base, name)
        os.makedirs(path)
        return path

    copyparty = os.path.join(args.peers, "python", "bin", "copyparty")
    modules = os.path.join(args.peers, "node_modules")
    wanted = [
        ("vaultd", True, lambda: Vaultd(args.vaultd, room("vaultd"))),
        ("nginx", shutil.which("nginx"), lambda: Nginx(room("nginx"))),
        ("nginxsync", shutil.which("nginx"), lambda: NginxSync(room("nginxsync"), args.shim)),
        ("rclone", shutil.which("rclone"), lambda: Rclone(room("rclone"))),
        ("copyparty", os.path.exists(copyparty), lambda: Copyparty(copyparty, room("copyparty"))),
        ("tusnode", os.path.isdir(modules) and shutil.which("node"),
         lambda: Tusnode(modules, room("tusnode"))),
    ]
    servers = {}
    for name, there, make in wanted:
        if args.only and name not in args.only.split(","):
            continue
        if there:
            servers[name] = make()
        else:
            print(f"(left out, not installed: {name})")
    return servers
