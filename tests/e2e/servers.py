"""Real servers of other people, each for one test: sshd, PostgreSQL, Redis."""
from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path

from harness import DEADLINE, SCALE
from sockets import connect, free_port


def _run(*args: str, **options) -> str:
    done = subprocess.run(args, capture_output=True, text=True,
                          timeout=DEADLINE * SCALE, **options)
    assert done.returncode == 0, f"{args}: {done.stdout}{done.stderr}"
    return done.stdout


class Server:
    """A program that listens on a port; tried again if somebody took it."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o755)
        self.directory = directory
        self.process: subprocess.Popen | None = None
        self.prepare()
        for _ in range(5):
            self.port = free_port()
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, cwd=directory,
                stdout=(directory / "log").open("ab"),
                stderr=subprocess.STDOUT, start_new_session=True)
            if self._listens():
                return
            self.close()
        raise AssertionError((directory / "log").read_text())

    def prepare(self) -> None:
        pass

    def command(self) -> list[str]:
        raise NotImplementedError

    def _listens(self) -> bool:
        limit = time.monotonic() + DEADLINE * SCALE
        while time.monotonic() < limit and self.process.poll() is None:
            try:
                connect(("127.0.0.1", self.port), 1).close()
                return True
            except OSError:
                time.sleep(0.02)
        return False

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Sshd(Server):
    """For the user of the tests, with a key of its own."""
    separation = Path("/run/sshd")      # sshd insists on it

    def prepare(self) -> None:
        self.made = os.geteuid() == 0 and not self.separation.exists()
        if self.made:
            self.separation.mkdir(mode=0o755, exist_ok=True)
        for name in ("host", "user"):
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                 str(self.directory / name))

    def close(self) -> None:
        super().close()
        if self.made:
            self.separation.rmdir()

    def command(self) -> list[str]:
        config = self.directory / "sshd_config"
        config.write_text(f"""Port {self.port}
ListenAddress 127.0.0.1
HostKey {self.directory}/host
AuthorizedKeysFile {self.directory}/user.pub
PidFile none
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
""")
        return [shutil.which("sshd"), "-D", "-e", "-f", str(config)]

    def ask(self, port: int, command: str) -> str:
        """What the command prints, run through that port of this machine."""
        return _run("ssh", "-F", "none", "-p", str(port), "-i",
                    str(self.directory / "user"), "-o", "BatchMode=yes",
                    "-o", "StrictHostKeyChecking=no", "-o",
                    "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
                    "127.0.0.1", command)


class Postgres(Server):
    """As root it runs as the user that Debian makes for it."""

    def prepare(self) -> None:
        self.bin = max(Path("/usr/lib/postgresql").glob("*/bin"))
        self.data = self.directory / "data"
        self.data.mkdir(mode=0o700)
        self.wrap: list[str] = []
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.data, owner.pw_uid, owner.pw_gid)
            self.wrap = ["runuser", "-u", "postgres", "--"]
        _run(*self.wrap, str(self.bin / "initdb"), "-A", "trust", "-U",
             "tester", "--no-sync", "-D", str(self.data),
             cwd=self.directory)

    def command(self) -> list[str]:
        return [*self.wrap, str(self.bin / "postgres"), "-D", str(self.data),
                "-h", "127.0.0.1", "-p", str(self.port), "-k", "", "-F"]

    def ask(self, port: int, sql: str) -> str:
        return _run("psql", "-h", "127.0.0.1", "-p", str(port), "-U",
                    "tester", "-d", "postgres", "-X", "-A", "-t", "-c", sql)

    def _listens(self) -> bool:
        limit = time.monotonic() + DEADLINE * SCALE
        while time.monotonic() < limit and self.process.poll() is None:
            if subprocess.run([self.bin / "pg_isready", "-q", "-h",
                               "127.0.0.1", "-p", str(self.port)],
                              timeout=DEADLINE).returncode == 0:
                return True
            time.sleep(0.05)
        return False


class Redis(Server):
    def command(self) -> list[str]:
        return ["redis-server", "--bind", "127.0.0.1", "--port",
                str(self.port), "--save", "", "--dir", str(self.directory)]

    def ask(self, port: int, *words: str) -> str:
        return _run("redis-cli", "-h", "127.0.0.1", "-p", str(port), *words)
