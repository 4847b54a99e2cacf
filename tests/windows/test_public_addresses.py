"""Public addresses of all kinds: those of the inner's file, of the outer's file
and of the API; where the outer, the inner or both are for Windows."""
from __future__ import annotations

import pytest

from admin import API, Api, lasting, refused
from harness import KEY
from sockets import free_port, parse_address
from test_services_both import ask, asks, inner_of, named, public

pytestmark = pytest.mark.tls


def systems(*pairs: str) -> pytest.MarkDecorator:
    """Which pairs of systems, the outer's and the inner's."""
    return pytest.mark.parametrize(
        "pair", [tuple(text.split("-")) for text in pairs], indirect=True,
        ids="-".join)


@systems("linux-windows", "windows-linux", "windows-windows")
def test_services_of_the_inners_file(pair):
    """Each is registered and leads to its own target, and again after the outer
    was killed."""
    outer = pair.outer(InnerServerAddress=f"tcp://127.0.0.1:{free_port()}")
    inner = inner_of(
        pair, outer, asks("any", named(pair, "any")),
        asks("own", named(pair, "own"),
             RemoteListen=f"tcp://127.0.0.1:{free_port()}"))
    mark = 0
    for run in (1, 2):
        addresses = {name: public(inner, name, after=mark)
                     for name in ("any", "own")}
        for name, address in [*addresses.items()] * 5:
            assert ask(address) == name
        if run == 1:
            outer.kill()
            mark = inner.mark()
            pair.outer(InnerServerAddress=outer.links_address)
    assert inner.running()


@systems("linux-windows", "windows-linux", "windows-windows")
def test_services_of_the_outers_file(pair):
    """They name targets: what AllowTargets of the inner has is served, all else
    is not even dialed."""
    good, other = named(pair, "good"), named(pair, "other")
    outer = pair.outer(QueueTimeout=0.5, Services=[
        {"Name": name, "Listen": "tcp://127.0.0.1:0", "Inner": "shop",
         "Target": target.url}
        for name, target in (("good", good), ("other", other))])
    pair.inner(outer, pair.echo(), InnerId="shop", MaxFreeConn=6,
               AllowTargets=[f"127.0.0.0/8:{good.address[1]}"])
    outer.wait_joined(6)
    line = outer.wait_log("service", level="warn", service="other")
    assert "AllowTargets" in line["message"]
    for _ in range(3):
        assert ask(outer.public("good")) == "good"
    with pytest.raises(ConnectionResetError):
        ask(outer.public("other"))
    assert other.accepted == 0


@systems("windows-linux", "windows-windows")
def test_a_mapping_of_the_api(pair):
    """Made, served and listed; there again after a kill; removed, and not
    there after the next one."""
    target, port = named(pair, "mapped"), free_port()
    outer = pair.outer(AdminAddress=API,
                       InnerServerAddress=f"tcp://127.0.0.1:{free_port()}")
    pair.inner(outer, pair.echo(), InnerId="home", MaxFreeConn=2,
               AllowTargets=[target.url])
    outer.wait_joined(2)
    made = pair.add(Api(outer)).create(port, inner="home",
                                       target_port=target.address[1])
    for run in (1, 2):
        api = pair.add(Api(outer))
        assert [lasting(one) for one in api.mappings().values()] == \
            [lasting(made)]
        assert ask(("127.0.0.1", port)) == "mapped"
        if run == 1:
            outer.kill()
            outer = pair.outer(AdminAddress=API,
                               InnerServerAddress=outer.links_address)
            outer.wait_joined(2)
    api.remove(port)
    assert refused(port) and api.mappings() == {}
    outer.kill()
    outer = pair.outer(AdminAddress=API)
    assert pair.add(Api(outer)).mappings() == {} and refused(port)
    assert pair.path("data/mappings.db").exists()


@systems("linux-windows", "windows-windows")
def test_an_inner_without_a_file(pair):
    """All that it must know is on its command line, and the key in a file."""
    outer, target = pair.outer(), named(pair, "mine")
    inner = pair.track(pair.inner_type("inner_server", [
        "--register", outer.links_url, "--proxy", target.url, "--remote",
        "tcp://127.0.0.1:0", "--auth-key-file",
        str(pair.key_file("key", KEY))], pair.dir))
    line = inner.wait_log(says="service: registered")["message"]
    address = parse_address(line.split("address=")[1].split()[0])
    assert ask(address) == "mine"
