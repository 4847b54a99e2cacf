"""Out of memory: a client may be lost, the program and the others may not."""
from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

import harness
import lab as lab_of_run
from harness import wait_until
from lab import Inner, Lab, Outer, Program
from sockets import Address, free_port, request

pytestmark = pytest.mark.skipif(
    not harness.PLAIN,
    reason="the checker has an allocator of its own")

HUNGRY = ["outer", "inner", "limited", "services", "hosts"]
# Each of the first so many allocations; a handshake over TLS has hundreds more.
IN_TURN = range(1, 301 if lab_of_run.TLS else 201)


@pytest.fixture(scope="session")
def failmalloc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that makes allocations fail, built once."""
    library = tmp_path_factory.mktemp("failmalloc") / "failmalloc.so"
    source = Path(__file__).with_name("failmalloc.c")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, source],
                   check=True)
    return library


def switch(program: Program) -> None:
    """Makes its allocations fail from now on, or no longer."""
    before = program.stderr().count("failmalloc switched")
    program.signal(signal.SIGUSR2)
    wait_until(lambda: program.stderr().count("failmalloc switched") > before,
               "the signal to be handled")


def try_request(address: Address, data: bytes) -> bool:
    """One echo; whether it was answered. A wrong answer is never right, and
    nobody is left without an answer or an end."""
    try:
        answer = request(address, data, timeout=8)
    except TimeoutError as late:
        raise AssertionError("neither an answer nor an end") from late
    except OSError:
        return False
    assert data.startswith(answer)
    return answer == data


def hungry_tunnel(lab: Lab, hungry: str, env: dict[str, str]) -> \
        tuple[Outer, Inner]:
    """Both programs, one of them with env. limited: an outer that keeps count
    of sources and rates; services: an inner that registers, tries its target,
    tells it of clients, and reads its file anew; hosts: an outer that looks at
    the first bytes."""
    options = {"env": env}
    limits = {"MaxSessionsPerAddress": 50, "RateLimit": "100M",
              "RateLimitPerSession": "50M", "AllowFrom": ["127.0.0.0/8"]} \
        if hungry == "limited" else {}
    if hungry == "hosts":
        place = f"tcp://127.0.0.1:{free_port()}"
        limits = {"OuterServerAddress": place, "Services": [
            {"Name": "other", "Listen": place, "Host": ["*.lan"]}]}
    target = lab.echo()
    services = {"ProxyAddress": None, "AllowTargets": ["*.lan:80"],
                "Services": [{"Name": "default", "Proxy": target.url,
                              "HealthCheck": "tcp", "HealthInterval": 0.1},
                             {"Name": "more", "Proxy": target.url,
                              "RemoteListen": "tcp://127.0.0.1:0"}]} \
        if hungry == "services" else {}
    is_inner = hungry in ("inner", "services")
    outer = lab.outer(options=None if is_inner else options, QueueTimeout=0.2,
                      **limits)
    inner = lab.inner(outer, target, MaxFreeConn=5, MaxRetryInterval=0.2,
                      options=options if is_inner else None, **services)
    outer.wait_joined(5)
    if services:
        inner.wait_log("service", "registered", name="more")
    assert try_request(outer.clients, b"before")
    return outer, inner


def wait_served(outer: Outer) -> None:
    wait_until(lambda: try_request(outer.clients, b"after"),
               "clients to be served again")


@pytest.mark.parametrize("every, clients", [(3, 20), (50, 30)])
@pytest.mark.parametrize("hungry", HUNGRY)
def test_failing_allocations_cost_clients_at_most(
        lab: Lab, failmalloc: Path, hungry: str, every: int, clients: int):
    """However often they fail; afterwards all is as before."""
    outer, inner = hungry_tunnel(lab, hungry, {
        "LD_PRELOAD": str(failmalloc), "FAIL_EVERY": str(every)})
    program = inner if hungry in ("inner", "services") else outer
    switch(program)
    for number in range(clients):
        try_request(outer.clients, b"%d" % number + b"x" * (number * 97))
        if hungry == "services" and number % 10 == 0:
            inner.signal(signal.SIGHUP)
    switch(program)
    wait_until(lambda: all(try_request(outer.clients, b"after %d" % number)
                           for number in range(20)),
               "all of 20 clients to be served again")


@pytest.mark.parametrize("hungry", HUNGRY)
def test_whichever_allocation_fails_the_next_client_is_served(
        lab: Lab, failmalloc: Path, hungry: str):
    """One fails, each in its turn; nobody waits without an end."""
    outer, inner = hungry_tunnel(lab, hungry, {
        "LD_PRELOAD": str(failmalloc), "FAIL_IN_TURN": "1"})
    program = inner if hungry in ("inner", "services") else outer
    served = 0
    for number in IN_TURN:
        switch(program)
        if hungry == "services" and number % 10 == 0:
            inner.signal(signal.SIGHUP)
        served += try_request(outer.clients, b"x" * (number * 97 % 5000))
        wait_served(outer)
    assert served > len(IN_TURN) / 2    # most cost nobody anything


def check(file: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([harness.BINARIES / "inner_server", "--check", "-c",
                           file], env={**os.environ, **env},
                          capture_output=True, text=True, timeout=60)


def test_a_file_is_read_as_it_stands_or_not_at_all(lab: Lab, failmalloc: Path):
    """Whichever allocation fails: no value of it is another one then."""
    file = lab.inner_file(
        RegisterAddress="tcp://127.0.0.1:1", ProxyAddress=None,
        AllowTargets=["*.some-name.example:80"], Services=[
            {"Name": "a-name-of-some-length", "Proxy": "tcp://127.0.0.1:80",
             "RemoteListen": "tcp://127.0.0.1:8080"}])
    right = check(file, {})
    assert right.returncode == 0
    good = bad = 0
    for number in range(1, 2000):
        got = check(file, {"LD_PRELOAD": str(failmalloc),
                           "FAIL_ONCE": str(number)})
        if got.returncode == 0:
            assert got.stdout == right.stdout, number
            good += 1
        else:
            assert got.returncode in (1, 2), (number, got)
            assert "memory" in got.stderr, (number, got.stderr)
            bad += 1
        if good > 100:      # none is left to fail
            break
    assert bad > 50
