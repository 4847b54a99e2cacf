"""ssh, psql, redis-cli and nginx through mappings that curl has made."""
from __future__ import annotations

import json

import pytest

from lab import Lab, Outer
from servers import Postgres, Redis, Sshd
from sockets import curl, free_port, http_url, parse_address
from targets import Nginx

pytestmark = pytest.mark.once
DATA = "x" * 100_000


def admin(outer: Outer):
    return parse_address(outer.wait_log(
        "listen", "listening", **{"for": "the API"})["address"])


def make(outer: Outer, **mapping) -> int:
    """A mapping made by curl; its public port."""
    said = curl(http_url(admin(outer), "/api/mapping/create"), "--json",
                json.dumps(mapping))
    assert json.loads(said)["success"] is True, said
    return mapping["port"]


def start(lab: Lab, *targets: int) -> Outer:
    """An outer with an API, and an inner that may be made to dial those ports
    of its own machine."""
    outer = lab.outer(AdminAddress="tcp://127.0.0.1:0")
    inner = lab.inner(outer, "tcp://127.0.0.1:1",
                      AllowTargets=[f"127.0.0.1:{port}" for port in targets])
    inner.wait_log("service", "registered")
    return outer


def test_ssh(lab):
    server = lab.add(Sshd(lab.path("sshd")))
    port = make(start(lab, server.port), port=free_port(),
                target_port=server.port)
    assert server.ask(port, "echo $((6 * 7)); head -c 100000 /dev/zero | "
                      "tr '\\0' x") == "42\n" + DATA


def test_psql(lab):
    server = lab.add(Postgres(lab.path("postgres")))
    port = make(start(lab, server.port), port=free_port(),
                target_ip="127.0.0.1", target_port=server.port)
    assert server.ask(port, "select 6 * 7, repeat('x', 100000)") == \
        f"42|{DATA}\n"


def test_redis(lab):
    server = lab.add(Redis(lab.path("redis")))
    port = make(start(lab, server.port), port=free_port(),
                target_port=server.port)
    assert server.ask(port, "set", "key", DATA).strip() == "OK"
    assert server.ask(port, "get", "key").strip() == DATA


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_nginx_is_told_the_visitor(lab, version):
    """SendProxyProtocol; nginx prints what it has read."""
    nginx = lab.add(Nginx(lab.path("nginx"), """
    location / {
      return 200 "$proxy_protocol_addr $proxy_protocol_server_port";
    }""", listen="proxy_protocol"))
    outer = lab.outer()
    lab.inner(outer, None, Services=[{
        "Name": "web", "Proxy": nginx.url, "SendProxyProtocol": version,
        "RemoteListen": "tcp://127.0.0.1:0"}])
    place = outer.public("web")
    for source in ("127.0.0.7", "127.0.0.8"):
        assert curl(http_url(place), "--interface", source).decode() == \
            f"{source} {place[1]}"
