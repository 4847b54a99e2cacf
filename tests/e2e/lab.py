"""The bench of one test: programs, targets and peers, all ended after it."""
from __future__ import annotations

import os
import re
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

import harness
from harness import KEY, Line, Program, write_json
from peers import FakeInner, FakeOuter, OuterLink
from sockets import (Address, address_of, address_text, established_at,
                     free_port, parse_address)
from targets import Nginx, Target, WebTarget

OUTER_DEFAULTS = {
    "InnerServerAddress": "tcp://127.0.0.1:0",
    "OuterServerAddress": "tcp://127.0.0.1:0",
    "AuthKey": KEY,
    "LogLevel": "debug",
    "LogFormat": "json",
    "DrainTimeout": 0.2,
}
INNER_DEFAULTS = {
    "AuthKey": KEY,
    "InnerId": "inner-1",
    "LogLevel": "debug",
    "LogFormat": "json",
    "DrainTimeout": 0.2,
}
# Settings of the whole run, from the environment, and the programs that know
# them. A test that sets the key itself has its way.
for _variable, _key, _programs in (
        ("TP_WORKERS", "Workers", (OUTER_DEFAULTS, INNER_DEFAULTS)),
        ("TP_PUMP", "Pump", (OUTER_DEFAULTS, INNER_DEFAULTS)),
):
    if os.environ.get(_variable):
        _text = os.environ[_variable]
        for _defaults in _programs:
            _defaults[_key] = int(_text) if _text.isdigit() else _text
# Links between the two real programs are TLS; peers of the tests' own are not.
TLS = os.environ.get("TP_TLS") == "1"
if harness.VALGRIND:
    OUTER_DEFAULTS |= {"ForwardTimeout": 20, "QueueTimeout": 30}
    INNER_DEFAULTS |= {"ForwardTimeout": 20, "DialTimeout": 15}


class Outer(Program):
    """A running outer and where it listens."""

    links: Address          # for inners
    clients: Address        # the public side

    def wait_ready(self) -> "Outer":
        lines = [self.wait_log("listen", "listening", **{"for": who})
                 for who in ("links", "clients")]
        self.links, self.clients = (parse_address(line["address"])
                                    for line in lines)
        self.wait_log("outer", "ready")
        return self

    @property
    def links_address(self) -> str:
        """What another outer listens on to take its place."""
        return f"tcp://127.0.0.1:{self.links[1]}"

    @property
    def links_url(self) -> str:
        return f"{'tls' if TLS else 'tcp'}://127.0.0.1:{self.links[1]}"

    def public(self, service: str, nth: int = 0, after: int = 0) -> Address:
        """Where it listens for clients of that service, the nth address."""
        line = self.wait_log("listen", "listening", count=nth + 1, after=after,
                             service=service)
        return parse_address(line["address"])

    def wait_joined(self, count: int = 1, after: int = 0,
                    timeout: float | None = None) -> Line:
        """Waits until so many links have been authenticated."""
        return self.wait_log("standby", "joined", count=count, after=after,
                             timeout=timeout)

    def joined(self, after: int = 0) -> int:
        return len(self.grep("standby", "joined", after))

    def link_count(self) -> int:
        """Connections at the port for inners, as the kernel counts them."""
        return established_at(self.links[1], self.pid, self.links[0])


class Inner(Program):
    """A running inner."""

    def wait_ready(self) -> "Inner":
        self.wait_log("inner", "ready")
        return self

    def wait_connected(self, after: int = 0, count: int = 1,
                       timeout: float | None = None) -> Line:
        return self.wait_log("keeper", "connected", after=after, count=count,
                             timeout=timeout)


def url_of(place: Any) -> str:
    """A URL from text, a listening socket, or something that has one."""
    if isinstance(place, Outer):
        return place.links_url
    if isinstance(place, socket.socket):
        return address_text(address_of(place))
    return getattr(place, "url", place)


class Lab:
    """Starts what a test needs and ends all of it, in the right order."""

    outer_type: type[Outer] = Outer
    inner_type: type[Inner] = Inner

    def __init__(self) -> None:
        # Not pytest's own place: short for Unix sockets, open to www-data.
        self.dir = Path(tempfile.mkdtemp(prefix="tp-e2e-"))
        self.dir.chmod(0o755)
        self.programs: list[Program] = []
        self._closers: list[Any] = []
        self._serial = 0

    def path(self, name: str) -> Path:
        return self.dir / name

    def new_dir(self, name: str) -> Path:
        self._serial += 1
        path = self.dir / f"{name}-{self._serial}"
        path.mkdir(mode=0o755)
        return path

    def add(self, thing: Any) -> Any:
        """Anything with close(), to be closed at the end."""
        self._closers.append(thing)
        return thing

    def track(self, program: Any) -> Any:
        self.programs.append(program)
        return program

    # --- programs ---

    def outer_file(self, **settings: Any) -> Path:
        """A configuration file; a value of None leaves a key out."""
        return self._file("outer", OUTER_DEFAULTS | settings)

    def inner_file(self, **settings: Any) -> Path:
        return self._file("inner", INNER_DEFAULTS | settings)

    def _file(self, name: str, settings: dict[str, Any]) -> Path:
        self._serial += 1
        kept = {k: v for k, v in settings.items() if v is not None}
        for key in (kept, *kept.get("Keys", ())):
            harness.use_key(key.get("AuthKey"))
            harness.use_key(key.get("Key"))
        return write_json(self.dir / f"{name}-{self._serial}.json", kept)

    def start_outer(self, file: Path, **options: Any) -> Outer:
        """Starts it without waiting for it."""
        return self.track(self.outer_type(
            "outer_server", ["-c", str(file)], self.dir, **options))

    def start_inner(self, file: Path, **options: Any) -> Inner:
        return self.track(self.inner_type(
            "inner_server", ["-c", str(file)], self.dir, **options))

    def outer(self, *, options: dict[str, Any] | None = None,
              **settings: Any) -> Outer:
        """A running outer."""
        return self.start_outer(self.outer_file(**settings),
                                **(options or {})).wait_ready()

    def inner(self, to: Any, target: Any, *,
              options: dict[str, Any] | None = None,
              **settings: Any) -> Inner:
        """A running inner; to and target as url_of() takes them."""
        settings = {"RegisterAddress": url_of(to),
                    "ProxyAddress": url_of(target), **settings}
        if settings.get("Protocol") == "classic":   # which is never TLS
            settings["RegisterAddress"] = re.sub("^tls", "tcp",
                                                 settings["RegisterAddress"])
        return self.start_inner(self.inner_file(**settings),
                                **(options or {})).wait_ready()

    def tunnel(self, target: Any, *, standbys: int = 3,
               outer: dict[str, Any] | None = None,
               inner: dict[str, Any] | None = None) -> tuple[Outer, Inner]:
        """Both programs, with that many standbys idle."""
        one = self.outer(**(outer or {}))
        other = self.inner(one, target,
                           **{"MaxFreeConn": standbys, **(inner or {})})
        one.wait_joined(standbys)
        return one, other

    def standby(self, outer: Outer, **options: Any) -> FakeInner:
        """One more link of a fake inner, known to be idle."""
        before = outer.joined()
        link = self.add(FakeInner.join(outer.links, **options))
        outer.wait_joined(before + 1)
        return link

    def link(self, fake: FakeOuter, target: Any, **settings: Any) -> OuterLink:
        """The one standby that a real inner makes to a fake outer."""
        self.inner(fake, target, MaxFreeConn=1, **settings)
        return fake.accept()

    def key_file(self, name: str, key: str, mode: int = 0o600) -> Path:
        """A file with that key and a line end, for AuthKeyFile."""
        path = self.path(name)
        path.write_text(str(harness.use_key(key)) + "\n")
        path.chmod(mode)
        return path

    # --- targets ---

    def echo(self, **options: Any) -> Target:
        return self.target(**options)

    def target(self, *args: Any, **options: Any) -> Target:
        return self.add(Target(*args, **options))

    def web(self, *args: Any, **options: Any) -> WebTarget:
        return self.add(WebTarget(*args, **options))

    def nginx(self, server: str, address: Address | None = None) -> Nginx:
        return self.add(Nginx(self.new_dir("nginx"), server, address))

    # --- the end ---

    def close(self) -> None:
        """Ends everything; asserts that every program ended as it must."""
        faults = []
        for thing in reversed(self._closers):
            try:
                thing.close()
            except Exception as problem:    # the others must still end
                faults.append(f"{thing!r}: {problem!r}")
        for program in self.programs:
            program.ask_to_end()
        for program in self.programs:
            faults += program.finish()
        for path in self.dir.rglob("*.log*"):
            if path.is_file() and \
                    harness.shown_keys(path.read_text(errors="replace")):
                faults.append(f"{path.name} shows a key")
        shutil.rmtree(self.dir, ignore_errors=True)
        assert not faults, "\n".join(faults)

    def logs(self) -> str:
        return "\n".join(program.tail(80) for program in self.programs)


class Restarted:
    """An outer on fixed ports that can be killed and started again."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        for _ in range(5):
            self.file = lab.outer_file(
                InnerServerAddress=f"tcp://127.0.0.1:{free_port()}",
                OuterServerAddress=f"tcp://127.0.0.1:{free_port()}")
            try:
                self.outer = lab.start_outer(self.file).wait_ready()
                return
            except AssertionError:      # somebody else took a port
                lab.programs[-1].expected = None
        raise AssertionError("no free ports")

    def kill(self) -> None:
        self.outer.kill()

    def start(self) -> Outer:
        self.outer = self.lab.start_outer(self.file).wait_ready()
        return self.outer
