"""One wine for the whole run, and a bench per test."""
from __future__ import annotations

import resource
import shutil
from typing import Iterator

import pytest

import harness
import wine
from reports import (figure, pytest_runtest_makereport,
                     pytest_terminal_summary)
from wine import Wine, WindowsLab

PAIRS = [("linux", "linux"), ("linux", "windows"), ("windows", "linux"),
         ("windows", "windows")]


def pytest_configure(config: pytest.Config) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hasattr(config, "workerinput"):
        return          # the environment has it
    for program in ("wine", "wineserver", "nginx", wine.COMPILER):
        if shutil.which(program) is None:
            raise pytest.UsageError(f"{program} is not installed")
    for path in (wine.BINARIES / "outer_server.exe",
                 wine.BINARIES / "inner_server.exe",
                 harness.BINARIES / "outer_server",
                 harness.BINARIES / "inner_server"):
        if not path.exists():
            raise pytest.UsageError(f"not built: {path}")
    config.wine = Wine()
    config.add_cleanup(config.wine.end)     # when it does not start
    config.wine.start()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Nothing may run on after the tests."""
    ours = getattr(session.config, "wine", None)
    if ours is not None and (left := ours.end()):
        print("\nleft behind:", *left, sep="\n  ")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def bench(request: pytest.FixtureRequest, *systems: str,
          ) -> Iterator[WindowsLab]:
    lab = WindowsLab(*systems)
    request.node.lab = lab
    try:
        yield lab
    finally:
        lab.close()


@pytest.fixture(params=PAIRS, ids=["-".join(pair) for pair in PAIRS])
def pair(request: pytest.FixtureRequest) -> Iterator[WindowsLab]:
    """A bench for each pair of systems, the outer's and the inner's."""
    yield from bench(request, *request.param)


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[WindowsLab]:
    """A bench for Windows alone."""
    yield from bench(request)
