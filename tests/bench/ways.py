"""ways.py - the ways from a client to the target, each started and ended.

Direct, through both our programs, and through HAProxy twice: one process and
one thread for every hop. Ours logs each session to a file, as it does by
default; HAProxy logs nothing.
"""
import json
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
BINARIES = pathlib.Path(os.environ.get("TP_BIN") or TOP)
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    """A free port below those that the system gives to outgoing connections."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def wait_for(condition, process, what):
    """What condition returns once it is true, while the process lives."""
    limit = time.monotonic() + 20
    while time.monotonic() < limit:
        value = condition()
        if value:
            return value
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise SystemExit(f"bench: {what} did not start")


def accepts(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


class Programs:
    """Some processes in a directory, ended together."""

    def __init__(self, directory):
        self.dir = directory
        self.running = []

    def start(self, *argv):
        log = self.dir / f"{len(self.running)}-{pathlib.Path(argv[0]).name}.log"
        with open(log, "wb") as out:
            process = subprocess.Popen(
                [str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, cwd=self.dir)
        self.running.append(process)
        return process, log

    def pids(self):
        """Ours and those that they have started."""
        found = []
        for process in self.running:
            children = pathlib.Path(
                f"/proc/{process.pid}/task/{process.pid}/children")
            found += [process.pid, *map(int, children.read_text().split())]
        return found

    def cpu(self):
        """Seconds of CPU used so far."""
        ticks = 0
        for pid in self.pids():
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
            fields = stat.rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS

    def pss(self):
        """Bytes of memory, with shared pages divided among their users."""
        total = 0
        for pid in self.pids():
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss: +(\d+)", text, re.M).group(1)) * 1024
        return total

    def end(self):
        for process in reversed(self.running):
            process.terminate()
        for process in reversed(self.running):
            try:
                process.wait(1)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Direct(Programs):
    """No relay at all."""
    name = "direct"

    def __init__(self, directory, target):
        super().__init__(directory)
        self.port = target


class Transponder(Programs):
    """outer_server and inner_server, with the settings they have by default."""
    name = "transponder"

    def __init__(self, directory, target):
        super().__init__(directory)
        key = "bench-key-0123456789abcdef"
        outer, log = self.start(
            BINARIES / "outer_server", "-c", self.write("outer", {
                "InnerServerAddress": "tcp://127.0.0.1:0",
                "OuterServerAddress": "tcp://127.0.0.1:0",
                "AuthKey": key, "DrainTimeout": 0.1}))
        links = self.address(outer, log, "links")
        self.port = int(self.address(outer, log, "clients").rpartition(":")[2])
        inner, log = self.start(
            BINARIES / "inner_server", "-c", self.write("inner", {
                "RegisterAddress": links,
                "ProxyAddress": f"tcp://127.0.0.1:{target}",
                "AuthKey": key, "DrainTimeout": 0.1}))
        wait_for(lambda: "keeper: connected" in log.read_text(), inner,
                 "inner_server")

    def write(self, name, settings):
        path = self.dir / f"{name}.json"
        path.write_text(json.dumps(settings))
        return path

    @staticmethod
    def address(process, log, whom):
        line = re.compile(f"listening for={whom} address=(.*)")
        return wait_for(lambda: line.search(log.read_text()), process,
                        "outer_server").group(1)


class Haproxy(Programs):
    """HAProxy in TCP mode, once in front of the other."""
    name = "haproxy twice"

    def __init__(self, directory, target):
        super().__init__(directory)
        for hop in "ba":
            port = free_port()
            path = self.dir / f"haproxy-{hop}.cfg"
            path.write_text(
                "global\n  nbthread 1\n  maxconn 9000\n"
                "defaults\n  mode tcp\n  timeout connect 5s\n"
                "  timeout client 1h\n  timeout server 1h\n"
                f"listen hop\n  bind 127.0.0.1:{port}\n"
                f"  server next 127.0.0.1:{target}\n")
            process, _ = self.start("haproxy", "-db", "-f", path)
            wait_for(lambda: accepts(port), process, "haproxy")
            target = port
        self.port = target


class Nginx(Programs):
    """The web server that all ways lead to."""

    def __init__(self, directory, big_bytes):
        super().__init__(directory)
        self.port = free_port()
        with open(directory / "big", "wb") as big:
            big.truncate(big_bytes)
        temporary = "".join(f"{kind}_temp_path tmp;" for kind in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;" if os.geteuid() == 0 else ""
        path = directory / "nginx.conf"
        path.write_text(f"""daemon off; {user} worker_processes 1;
pid nginx.pid; error_log error.log; worker_rlimit_nofile 20000;
events {{ worker_connections 9000; }}
http {{
    access_log off; sendfile on; keepalive_requests 1000000000; {temporary}
    server {{
        listen 127.0.0.1:{self.port} backlog=4096;
        location = /small {{ return 200 "{'x' * 100}"; }}
        location = /big {{ root .; }}
    }}
}}
""")
        process, _ = self.start("nginx", "-p", directory, "-c", path)
        wait_for(lambda: accepts(self.port), process, "nginx")


WAYS = [Direct, Transponder, Haproxy]


def available():
    return [way for way in WAYS
            if way is not Haproxy or shutil.which("haproxy")]
