"""Armour on the public port: who may come, how many, how fast."""
from __future__ import annotations


from harness import run_once
from sockets import (Address, connect, how_it_ends, ping_pong, request)


def ends_of(address: Address, source: str = "") -> str:
    """How a client of that source ends who says nothing: "open" at first."""
    try:
        with connect(address, source=source) as sock:
            return how_it_ends(sock)
    except ConnectionResetError:
        return "reset"


def served(address: Address, source: str = "") -> bool:
    with connect(address, source=source) as sock:
        ping_pong(sock, b"hello")
    return True


def denials(outer, message: str = "refused") -> list:
    return outer.grep("front", message)


def test_allow_from(lab):
    """Only those of the list are served; a stranger costs one line."""
    outer, _ = lab.tunnel(lab.echo(), outer={
        "AllowFrom": ["127.0.0.1", "127.0.1.0/24"]})
    for _ in range(20):
        assert ends_of(outer.clients, "127.0.0.2") == "reset"
    assert ends_of(outer.clients, "127.0.2.1") == "reset"
    assert served(outer.clients, "127.0.0.1")
    assert served(outer.clients, "127.0.1.77")
    lines = denials(outer)
    assert len(lines) == 2, lines
    assert all(line["why"] == "not in AllowFrom" for line in lines)
    assert lines[0]["client"].startswith("127.0.0.2:")
    # whoever is refused is no session, and never was one
    outer.session(count=2)
    assert len(outer.grep("session", "finished")) == 2
    outer.ask_to_end()
    again = outer.wait_log("front", "refused again")
    assert (again["client"], again["count"]) == ("127.0.0.2", 19)


def test_deny_wins(lab):
    outer, _ = lab.tunnel(lab.echo(), outer={
        "AllowFrom": ["127.0.0.0/8"], "DenyFrom": ["127.0.0.128/25"]})
    assert served(outer.clients, "127.0.0.127")
    assert ends_of(outer.clients, "127.0.0.128") == "reset"
    assert ends_of(outer.clients, "127.0.0.255") == "reset"
    assert served(outer.clients, "127.0.1.0")
    assert {line["why"] for line in denials(outer)} == {"in DenyFrom"}


def test_deny_alone_lets_others_in(lab):
    outer, _ = lab.tunnel(lab.echo(), outer={"DenyFrom": ["127.0.0.2"]})
    assert ends_of(outer.clients, "127.0.0.2") == "reset"
    assert served(outer.clients, "127.0.0.1")


def test_ipv6_and_mapped(lab):
    """A socket for both kinds sees IPv4 clients as IPv6: they count as IPv4."""
    outer, _ = lab.tunnel(lab.echo(), outer={
        "OuterServerAddress": "tcp://:0",
        "AllowFrom": ["127.0.0.1", "::/0"], "DenyFrom": ["fe80::/10"]})
    port = outer.clients[1]
    assert served(("127.0.0.1", port))
    assert served(("::1", port))
    assert ends_of(("127.0.0.1", port), "127.0.0.2") == "reset"


def test_unix_socket_has_no_address(lab):
    path = str(lab.path("public.sock"))
    outer, _ = lab.tunnel(lab.echo(), outer={
        "OuterServerAddress": "unix://" + path, "AllowFrom": ["192.0.2.1"]})
    assert request(path, b"hello") == b"hello"
    assert not denials(outer)


def test_bad_block_is_named(lab):
    file = lab.outer_file(AllowFrom=["10.0.0.0/8", "10.0.0.1/8"])
    result = run_once("outer_server", "-c", str(file))
    assert result.returncode == 2
    assert '10.0.0.1/8": bits are set behind those that count' in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_check_shows_the_lists(lab):
    file = lab.outer_file(AllowFrom=["10.0.0.0/8", "::ffff:192.0.2.1"])
    result = run_once("outer_server", "-c", str(file), "--check")
    assert "AllowFrom = 10.0.0.0/8, 192.0.2.1\nDenyFrom = (none)\n" \
        in result.stdout
