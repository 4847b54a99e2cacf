"""Fixtures: a lab per test, the machine for oneself."""
from __future__ import annotations

import fcntl
import os
import resource
import signal
import socket
import tempfile
from typing import Iterator

import pytest

import harness
from lab import Lab
from peers import FakeOuter
from reports import (figure, pytest_runtest_makereport,
                     pytest_terminal_summary)
from sockets import listen


def pytest_configure(config: pytest.Config) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if harness.SCALE > 1 and config.getini("timeout"):
        config._inicache["timeout"] = \
            str(float(config.getini("timeout")) * harness.SCALE)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        # nohup is for us: the programs would not reload
        signal.signal(signal.SIGHUP, lambda *_: None)


@pytest.hookimpl(tryfirst=True)     # before xdist looks for its groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who wants the machine for himself has one process of pytest's, so that
    the others do not wait for it. Under valgrind only the short ones."""
    for item in items:
        if "machine" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("machine"))
        if harness.VALGRIND and item.get_closest_marker("short") is None:
            item.add_marker(pytest.mark.skip(reason="too slow for valgrind"))


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Programs, targets and peers of one test, ended whatever happens."""
    for name in ("outer_server", "inner_server"):
        if not (harness.BINARIES / name).exists():
            pytest.fail(f"not built: {harness.BINARIES / name}", pytrace=False)
    bench = Lab()
    request.node.lab = bench
    try:
        yield bench
    finally:
        bench.close()


@pytest.fixture
def fake(lab: Lab) -> FakeOuter:
    """A native outer, written from the protocol page."""
    return lab.add(FakeOuter())


@pytest.fixture
def target(lab: Lab) -> socket.socket:
    """A target that the test itself accepts for."""
    return lab.add(listen())


@pytest.fixture
def machine() -> Iterator[None]:
    """For tests that measure time or use much of it: one at a time."""
    path = os.path.join(tempfile.gettempdir(), f"tp-e2e-{os.getuid()}.lock")
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
