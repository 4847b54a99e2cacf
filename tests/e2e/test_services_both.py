"""Both real programs: what an inner registers is what the outer serves."""
from __future__ import annotations

import json
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from admin import admin
from harness import KEY, SCALE, wait_until
from sockets import (Address, address_of, address_text, connect, free_port,
                     listen, listen_in_a_row, parse_address, recv_all)


def named(lab, name: str, port: int = 0):
    """A target that tells its name to whoever comes, and ends."""
    async def tell(_reader, writer) -> None:
        writer.write(name.encode())
        await writer.drain()
    return lab.target(tell, ("127.0.0.1", port))


def ask(address: Address) -> str:
    with connect(address) as client:
        return recv_all(client).decode()


def asks(name: str, target, **settings) -> dict:
    return {"Name": name, "Proxy": target.url,
            "RemoteListen": "tcp://127.0.0.1:0", **settings}


def public(inner, name: str, **where) -> Address:
    """Where the outer listens for it, as the inner's log says."""
    return parse_address(inner.wait_log(
        "service", "registered", name=name, **where)["address"])


def inner_of(lab, outer, *services: dict, **settings):
    return lab.inner(outer, "", ProxyAddress=None, Services=list(services),
                     MaxFreeConn=3, **settings)


@pytest.mark.short
@pytest.mark.parametrize("workers", [0, 2])
def test_two_inners_with_two_services_each(lab, workers):
    """Not one answer from the wrong one, from many clients at once."""
    outer = lab.outer(Workers=workers)
    addresses: dict[str, Address] = {}
    for which in "ab":
        inner = inner_of(lab, outer, *(
            asks(f"{which}{i}", named(lab, f"{which}{i}")) for i in range(2)),
            InnerId=f"inner-{which}", Workers=workers)
        for i in range(2):
            addresses[f"{which}{i}"] = public(inner, f"{which}{i}")
    jobs = [*addresses.items()] * 25
    with ThreadPoolExecutor(16) as pool:
        answers = pool.map(lambda job: (job[0], ask(job[1])), jobs)
        assert all(want == got for want, got in answers)


def test_sighup_adds_and_removes(lab):
    """The public address of a new service is there, that of a removed one is
    not; the others answer all the time."""
    outer = lab.outer()
    kept, more = named(lab, "kept"), named(lab, "more")
    inner = inner_of(lab, outer, asks("kept", kept))
    address = public(inner, "kept")
    file = json.loads((lab.dir / "inner-2.json").read_text())
    for services in ([asks("kept", kept), asks("more", more)],
                     [asks("kept", kept)]) * 2:
        mark = inner.mark()
        (lab.dir / "inner-2.json").write_text(
            json.dumps(file | {"Services": services}))
        inner.signal(signal.SIGHUP)
        inner.wait_log("app", "configuration read anew", after=mark)
        if len(services) == 2:
            added = public(inner, "more", after=mark)
            assert ask(added) == "more"
        else:
            wait_until(lambda: not answers(added), "it is gone")
        assert ask(address) == "kept"


def answers(address: Address) -> bool:
    try:
        connect(address).close()
        return True
    except OSError:
        return False


def test_a_restarted_outer_hears_it_all_again(lab):
    """Links, services and ids: without a word from anybody."""
    links, clients, port = free_port(), free_port(), free_port()
    file = lab.outer_file(InnerServerAddress=f"tcp://127.0.0.1:{links}",
                          OuterServerAddress=f"tcp://127.0.0.1:{clients}")
    outer = lab.start_outer(file).wait_ready()
    inner = inner_of(lab, outer, asks(
        "own", named(lab, "own"), RemoteListen=f"tcp://127.0.0.1:{port}"))
    assert ask(public(inner, "own")) == "own"
    for _ in range(2):
        mark = inner.mark()
        outer.kill()
        outer = lab.start_outer(file).wait_ready()
        assert ask(public(inner, "own", after=mark)) == "own"


def test_a_bad_target_is_passed_over(lab):
    """Two inners have the service of the outer's file: the one whose target is
    gone gets no clients."""
    outer = lab.outer(Services=[{"Name": "web",
                                 "Listen": "tcp://127.0.0.1:0"}])
    gone, good = listen(), named(lab, "good")
    bad = inner_of(lab, outer, {
        "Name": "web", "HealthCheck": "tcp", "HealthInterval": 0.1,
        "Proxy": address_text(address_of(gone))}, InnerId="bad")
    address = public(bad, "web")
    other = inner_of(lab, outer, {"Name": "web", "Proxy": good.url},
                     InnerId="good")
    other.wait_log("service", "registered", name="web")
    gone.close()
    bad.wait_log("service", "the target is bad")

    def tried() -> int:
        return len(bad.grep("session", "finished"))

    def is_passed_over() -> bool:
        before = tried()
        return {ask(address) for _ in range(10)} == {"good"} \
            and tried() == before

    wait_until(is_passed_over, "it is passed over")


def without_a_file(lab, outer, target, *more: str) -> Address:
    """inner_server --register … --proxy … --remote …: its public address."""
    inner = lab.track(lab.inner_type("inner_server", [
        "--register", outer.links_url, "--proxy", target.url, "--remote",
        "tcp://127.0.0.1:0", "--auth-key-file",
        str(lab.key_file("key", KEY)), *more], lab.dir))
    line = inner.wait_log(says="service: registered")["message"]
    assert "name=remote-0 " in line
    return parse_address(line.split("address=")[1].split()[0])


def test_without_a_file(lab):
    """Each serves the address that it asked for; a plain inner's clients stay
    with that."""
    outer = lab.outer()
    lab.inner(outer, named(lab, "plain").url, InnerId="plain")
    addresses = {
        name: without_a_file(lab, outer, named(lab, name), "--inner-id", name)
        for name in ("mine", "yours")}
    for name, address in addresses.items():
        assert {ask(address) for _ in range(20)} == {name}
    assert {ask(outer.clients) for _ in range(40)} == {"plain"}


def test_ports_in_a_row(lab):
    """Each public port leads to its own target."""
    ports = []
    for sock in listen_in_a_row(4):
        ports.append(address_of(sock)[1])
        sock.close()
    port, public_port = ports[0], ports[2]
    named(lab, "one", port)
    named(lab, "two", port + 1)
    outer = lab.outer()
    inner = inner_of(lab, outer, {
        "Name": "row", "Proxy": f"tcp://127.0.0.1:{port}-{port + 1}",
        "RemoteListen": f"tcp://127.0.0.1:{public_port}-{public_port + 1}"})
    inner.wait_log("service", "registered", name="row", timeout=5 * SCALE)
    assert ask(("127.0.0.1", public_port)) == "one"
    assert ask(("127.0.0.1", public_port + 1)) == "two"


def test_a_bad_target_of_a_mapping(lab):
    """What the inner says of a target holds for services of the outer that have
    its name, or the target itself; others are not touched."""
    dead = listen()
    address = address_of(dead)
    good = named(lab, "good")
    outer, api = admin(lab, Services=[
        {"Name": "filed", "Listen": "tcp://127.0.0.1:0",
         "Target": address_text(address)}])
    inner = inner_of(lab, outer, {
        "Name": "hcweb", "Proxy": address_text(address), "HealthCheck": "tcp",
        "HealthInterval": 0.1}, AllowTargets=[f"127.0.0.1:{good.address[1]}"],
        InnerId="home")
    outer.wait_joined(1)
    ports = {name: free_port() for name in ("hcweb", "target", "other")}
    api.create(ports["hcweb"], name="hcweb", target_port=good.address[1])
    api.create(ports["target"], name="target", target_port=address[1])
    api.create(ports["other"], name="other", target_port=good.address[1])

    def serving() -> dict[str, int]:
        told = api.get("/api/services")["services"]
        return {one["name"]: one["instances"] for one in told
                if one["name"] != "default"}

    everything = {"filed": 1, "hcweb": 1, "target": 1, "other": 1}
    wait_until(lambda: serving() == everything, "all are served")
    dead.close()
    inner.wait_log("service", "the target is bad", name="hcweb")
    wait_until(lambda: serving() == everything | {
        "filed": 0, "hcweb": 0, "target": 0}, "the bad ones are not served")
    assert ask(("127.0.0.1", ports["other"])) == "good"
    with listen(address):
        wait_until(lambda: serving() == everything, "all are served again")
        assert ask(("127.0.0.1", ports["hcweb"])) == "good"
