"""ways.py - the ways from a client to the target, each started and ended.

Direct, through both our programs, and through others: HAProxy and nginx in
TCP mode twice, one thread for each hop; on request socat twice, and encrypted
ones: ours over TLS, stunnel at both ends, ssh -R.
Ours log each session to a file, as they do by default; HAProxy and nginx log
no connections, as by default in TCP mode. A way has a near hop, with the
client, and a far one, with the target.
"""
import dataclasses
import functools
import getpass
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import typing

from programs import (BINARIES, ESTABLISHED, HERE, Programs, free_port,
                      sockets_at, wait_for)

STREAM_MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_stream_module.so")


class Way(Programs):
    """host and port: where clients connect."""

    def __init__(self, directory, near, far):
        super().__init__(directory)
        self.near, self.far = near, far
        self.host = near.address
        self.port = 0

    def write(self, name, text):
        path = self.dir / name
        path.write_text(text)
        return path

    def ready(self):
        """Waits until it is as it is when nobody has come for a while."""


class Direct(Way):
    """No relay at all."""

    def __init__(self, directory, target, near=HERE, far=HERE):
        super().__init__(directory, near, far)
        self.host, self.port = target.place.address, target.port


class Transponder(Way):
    """outer_server and inner_server; settings: beyond what they must have."""

    def __init__(self, directory, target, near=HERE, far=HERE, *,
                 outer=None, inner=None, scheme="tcp"):
        super().__init__(directory, near, far)
        key = "bench-key-0123456789abcdef"
        self.free = (inner or {}).get("MaxFreeConn", 10)
        self.outer, log = self.start(
            BINARIES / "outer_server", "-c", self.write("outer.json", json.dumps({
                "InnerServerAddress": f"tcp://{near.address}:0",
                "OuterServerAddress": f"tcp://{near.address}:0",
                "AuthKey": key, "DrainTimeout": 0.1, **(outer or {})})),
            place=near)
        links = self.address(log, "links")
        self.links = int(links.rpartition(":")[2])
        self.port = int(self.address(log, "clients").rpartition(":")[2])
        self.start(
            BINARIES / "inner_server", "-c", self.write("inner.json", json.dumps({
                "RegisterAddress": links.replace("tcp", scheme, 1),
                "ProxyAddress": f"tcp://{target.place.address}:{target.port}",
                "AuthKey": key, "DrainTimeout": 0.1, **(inner or {})})),
            place=far)
        self.ready()

    def address(self, log, whom):
        def found():
            for line in log.read_text().split("\n")[:-1]:
                if f"listening for={whom} " in line:
                    return line.rpartition(" address=")[2]
            return None
        return wait_for(found, self.outer, "outer_server")

    def ready(self):
        wait_for(lambda: sockets_at(self.outer.pid, self.links, ESTABLISHED)
                 >= self.free, self.outer, "the pool of links")


class Twice(Way):
    """The same program as the near and as the far hop."""

    def __init__(self, directory, target, near=HERE, far=HERE):
        super().__init__(directory, near, far)
        to = f"{target.place.address}:{target.port}"
        for place in (far, near):
            self.port = free_port()
            at = f"{place.address}:{self.port}"
            process, _ = self.hop(place, at, to)
            self.listens(process, self.port)
            to = at

    def hop(self, place, at, to):
        raise NotImplementedError


class Haproxy(Twice):
    def hop(self, place, at, to):
        path = self.write(
            f"haproxy-{self.port}.cfg",
            "global\n  nbthread 1\n  maxconn 9500\n"
            "defaults\n  mode tcp\n  timeout connect 5s\n"
            "  timeout client 1h\n  timeout server 1h\n"
            f"listen hop\n  bind {at}\n  server next {to}\n")
        return self.start("haproxy", "-db", "-f", path, place=place)


class NginxStream(Twice):
    def hop(self, place, at, to):
        user = "user root;" if os.geteuid() == 0 else ""
        name = f"nginx-{self.port}"
        path = self.write(f"{name}.conf", f"""load_module {STREAM_MODULE};
daemon off; {user} worker_processes 1; worker_rlimit_nofile 20000;
pid {name}.pid; error_log {name}.error;
events {{ worker_connections 19000; }}
stream {{
    server {{
        listen {at} backlog=4096;
        proxy_pass {to}; proxy_timeout 1h;
    }}
}}
""")
        return self.start("nginx", "-p", self.dir, "-c", path, place=place)


class Socat(Twice):
    def hop(self, place, at, to):
        host, port = at.split(":")
        return self.start(
            "socat", f"TCP-LISTEN:{port},bind={host},fork,reuseaddr,"
            "backlog=4096,nodelay", f"TCP:{to},nodelay", place=place)


class Stunnel(Twice):
    """Plain to the near one, TLS between the two, plain to the target."""

    def __init__(self, directory, target, near=HERE, far=HERE):
        self.server = True      # the far one is started first
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=bench",
             "-days", "2", "-keyout", directory / "key.pem",
             "-out", directory / "cert.pem"], check=True, capture_output=True)
        super().__init__(directory, target, near, far)

    def hop(self, place, at, to):
        role = (f"cert = {self.dir}/cert.pem\nkey = {self.dir}/key.pem\n"
                if self.server else "client = yes\n")
        self.server = False
        path = self.write(
            f"stunnel-{self.port}.conf",
            "foreground = yes\npid =\ndebug = err\n"
            "socket = l:TCP_NODELAY=1\nsocket = r:TCP_NODELAY=1\n"
            f"[hop]\n{role}accept = {at}\nconnect = {to}\n")
        return self.start("stunnel4", path, place=place)


class Ssh(Way):
    """ssh -R: sshd is the near hop, ssh the far one."""
    PRIVILEGE_DIR = pathlib.Path("/run/sshd")

    def __init__(self, directory, target, near=HERE, far=HERE):
        super().__init__(directory, near, far)
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "",
                            "-f", directory / name], check=True)
        self.made = os.geteuid() == 0 and not self.PRIVILEGE_DIR.exists()
        if self.made:       # sshd insists; taken away again in end()
            self.PRIVILEGE_DIR.mkdir(mode=0o755)
        port = free_port()
        config = self.write("sshd_config", f"""Port {port}
ListenAddress {near.address}
HostKey {directory}/host
AuthorizedKeysFile {directory}/user.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
PermitRootLogin yes
""")
        server, _ = self.start(shutil.which("sshd"), "-D", "-e", "-f", config,
                               place=near)
        self.listens(server, port)
        self.port = free_port()
        client, _ = self.start(
            "ssh", "-F", "none", "-N", "-T", "-i", directory / "user",
            "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
            "-o", "StrictHostKeyChecking=no",
            "-o", f"UserKnownHostsFile={directory}/known",
            "-o", "ExitOnForwardFailure=yes",
            "-R", f"{near.address}:{self.port}:"
            f"{target.place.address}:{target.port}",
            "-p", port, f"{getpass.getuser()}@{near.address}", place=far)
        wait_for(lambda: sockets_at(server.pid, self.port, "0A"), client, "ssh")

    def end(self):
        super().end()
        if self.made:
            self.PRIVILEGE_DIR.rmdir()


@dataclasses.dataclass(frozen=True)
class Kind:
    """A way that can be started: start(directory, target[, near, far])."""
    name: str
    start: typing.Callable
    ours: bool = False
    usual: bool = True          # runs in each bench, and may have no errors
    most_sessions: int = 9000


def knows(program, key, value):
    """Does this build of outer_server or inner_server take such a setting?"""
    needed = {"outer": ("InnerServerAddress", "OuterServerAddress"),
              "inner": ("RegisterAddress", "ProxyAddress")}[program]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({**{name: f"tcp://127.0.0.1:{port}"
                      for port, name in enumerate(needed, 1)},
                   "AuthKey": "x" * 32, key: value}, file)
        file.flush()
        return subprocess.run(
            [BINARIES / f"{program}_server", "-c", file.name, "--check"],
            capture_output=True, check=False).returncode == 0


def ours(outer=None, inner=None, name="transponder", usual=True,
         scheme="tcp"):
    """Transponder with some settings beyond what it must have."""
    return Kind(name, functools.partial(Transponder, outer=outer, inner=inner,
                                        scheme=scheme),
                ours=True, usual=usual)


USUAL = [Kind("direct", Direct), ours(),
         Kind("haproxy twice", Haproxy), Kind("nginx stream twice", NginxStream)]
ON_REQUEST = {
    "socat": Kind("socat twice", Socat, usual=False, most_sessions=1000),
    "ssh": Kind("ssh -R", Ssh, usual=False),
    "tls": ours(name="transponder tls", usual=False, scheme="tls"),
    "stunnel": Kind("stunnel twice", Stunnel, usual=False, most_sessions=1000),
}
