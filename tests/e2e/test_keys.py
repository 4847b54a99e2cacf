"""Keys: whose is which, where they come from, and changing them while all
runs."""
from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from typing import Iterator

import pytest

from classic import ClassicInner
from harness import KEY, SCALE, Program, run_once, use_key, wait_until
from lab import Inner, Lab, Outer
from peers import CHALLENGE, FakeInner, HELLO, KEEPALIVE, frame
from sockets import (connect, how_it_ends, ping_pong, recv_exactly, request)

OLD, NEW, SHOP = ("edge-old-key-0123456789", "edge-new-key-0123456789",
                  "shop-key-of-its-own-012345")
EDGE_OLD, EDGE_NEW = ({"Inner": "edge", "Key": key} for key in (OLD, NEW))
SHOP_OWN = {"Inner": "shop", "Key": SHOP}


def change(program: Program, file: Path, **settings) -> int:
    """Other settings in its file (None takes a key out), and SIGHUP. Returns
    the place in its log from where the new ones count."""
    old = json.loads(file.read_text()) | settings
    for key in (old, *old.get("Keys", ())):
        use_key(key.get("Key") or key.get("AuthKey"))
    file.write_text(json.dumps({k: v for k, v in old.items()
                                if v is not None}))
    mark = program.mark()
    program.signal(signal.SIGHUP)
    program.wait_log("app", says="configuration read anew", after=mark)
    return mark


def outer_and_file(lab: Lab, **settings) -> tuple[Outer, Path]:
    file = lab.outer_file(**settings)
    return lab.start_outer(file).wait_ready(), file


def inner_and_file(lab: Lab, outer: Outer, **settings) -> tuple[Inner, Path]:
    file = lab.inner_file(RegisterAddress=outer.links_address
                          if settings.get("Protocol") == "classic"
                          else outer.links_url,
                          ProxyAddress=lab.echo().url, **settings)
    return lab.start_inner(file).wait_ready(), file


def is_let_in(outer: Outer, inner: str, key: str) -> bool:
    """Whether that name gets in with that key."""
    link = FakeInner(outer.links, inner=inner, key=key)
    try:
        link.send(frame(HELLO, link.hello()))
        challenge = link.expect(CHALLENGE)
        link.send(link.auth_for(challenge))
        got = link.receive()
        if got.name != "ERROR":
            link.check_welcome(got)
            return True
        assert got.code == 2
        return False
    finally:
        link.close()


def session_on(outer: Outer, link: FakeInner) -> tuple:
    """A client that relays over that link, which stands by last."""
    client = connect(outer.clients)
    link.ready(link.take_forward().session, b"up")
    assert recv_exactly(client, 2) == b"up"
    client.sendall(b"down")
    assert link.recv(4) == b"down"
    return client, link


@pytest.mark.short
def test_who_is_listed_has_only_its_own(lab):
    """Keys for those that it names, AuthKey for all others."""
    outer = lab.outer(Keys=[EDGE_OLD, EDGE_NEW, SHOP_OWN])
    lab.standby(outer, inner="any")         # this address is known good
    for inner, key, good in (
            ("edge", OLD, True), ("edge", NEW, True), ("edge", KEY, False),
            ("edge", SHOP, False), ("shop", SHOP, True), ("shop", OLD, False),
            ("other", KEY, True), ("other", OLD, False),
            ("Edge", OLD, False), ("Edge", KEY, True)):
        assert is_let_in(outer, inner, key) == good, (inner, key)


def test_without_authkey_only_who_is_listed(lab):
    """No shared key at all."""
    outer = lab.outer(AuthKey=None, Keys=[EDGE_OLD])
    lab.standby(outer, inner="edge", key=OLD)
    assert not is_let_in(outer, "other", KEY)
    assert not is_let_in(outer, "other", OLD)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_removed_key_ends_what_it_let_in(lab, workers):
    """Links and sessions of that key, and nobody else's."""
    outer, file = outer_and_file(lab, Workers=workers,
                                 Keys=[EDGE_OLD, EDGE_NEW])
    sessions, links = {}, {}
    for name, inner, key in (("old", "edge", OLD), ("new", "edge", NEW),
                             ("all", "other", KEY)):
        link = lab.standby(outer, inner=inner, key=key)
        sessions[name] = [lab.add(end) for end in session_on(outer, link)]
    for name, inner, key in (("old", "edge", OLD), ("new", "edge", NEW),
                             ("all", "other", KEY)):
        links[name] = lab.standby(outer, inner=inner, key=key)
    change(outer, file, Keys=[EDGE_NEW])
    links["old"].expect_error(2)
    assert how_it_ends(sessions["old"][0]) == "reset"
    outer.session(why="its key was removed")
    assert not is_let_in(outer, "edge", OLD)
    for name in ("new", "all"):
        client, link = sessions[name]
        client.sendall(b"on")
        assert link.recv(2) == b"on"
    for _ in range(2):                      # the two that still stand by
        client = lab.add(connect(outer.clients))
        ready = wait_until(lambda: next(
            (link for link in (links["new"], links["all"])
             if link.readable(0)), None), "one of them is asked")
        ready.ready(ready.take_forward().session, b"x")
        assert recv_exactly(client, 1) == b"x"
    assert len(outer.grep("session", "finished")) == 1


def test_the_shared_key_goes_when_an_inner_is_listed(lab):
    """What AuthKey let in as that inner ends; others with AuthKey stay."""
    outer, file = outer_and_file(lab)
    edge = lab.standby(outer, inner="edge")
    other = lab.standby(outer, inner="other")
    change(outer, file, Keys=[EDGE_OLD])
    edge.expect_error(2)
    with connect(outer.clients) as client:
        other.ready(other.take_forward().session, b"x")
        assert recv_exactly(client, 1) == b"x"


def test_a_session_that_starts_takes_another_link(lab):
    """Its standby ends with its key before READY: the client loses nothing."""
    outer, file = outer_and_file(lab, Keys=[EDGE_OLD])
    edge = lab.standby(outer, inner="edge", key=OLD)
    with connect(outer.clients) as client:
        edge.take_forward()
        edge.send(frame(KEEPALIVE))     # its target takes a while
        other = lab.standby(outer, inner="other")
        change(outer, file, Keys=[])
        edge.expect_error(2)
        other.ready(other.take_forward().session, b"x")
        assert recv_exactly(client, 1) == b"x"


def test_quick_joins_of_a_removed_key_are_void(lab):
    """At once: CHALLENGE, and then the key is asked for."""
    outer, file = outer_and_file(lab, Keys=[EDGE_OLD, EDGE_NEW])
    first = lab.standby(outer, inner="edge", key=OLD)
    again = lab.add(FakeInner(outer.links, inner="edge", key=OLD,
                              instance=first.fields["instance"]))
    assert again.ask_to_join(first.secret, 1).name == "WELCOME"
    other = lab.standby(outer, inner="edge", key=NEW,
                        instance=first.fields["instance"])
    change(outer, file, Keys=[EDGE_NEW])
    first.expect_error(2)
    late = lab.add(FakeInner(outer.links, inner="edge", key=OLD,
                             instance=first.fields["instance"]))
    challenge = late.ask_to_join(first.secret, 2)
    assert challenge.kind == CHALLENGE
    late.send(late.auth_for(challenge))
    late.expect_error(2)
    good = lab.add(FakeInner(outer.links, inner="edge", key=NEW,
                             instance=first.fields["instance"]))
    assert good.ask_to_join(other.secret, 3).name == "WELCOME"


def test_classic_links_end_with_their_key(lab):
    """By AuthKey or by a key of Keys: it is known which one it was."""
    outer, file = outer_and_file(lab, Keys=[EDGE_OLD])
    by_shared = lab.add(ClassicInner.join(outer.links))
    outer.wait_joined(1)
    by_own = lab.add(ClassicInner.join(outer.links, key=OLD))
    assert outer.wait_joined(2)["inner"] == "edge"
    client = lab.add(connect(outer.clients))
    by_own.begin(raw=b"up")
    assert recv_exactly(client, 2) == b"up"
    change(outer, file, Keys=[])
    assert how_it_ends(client) == "reset"
    with connect(outer.clients) as other:
        by_shared.begin(raw=b"x")
        assert recv_exactly(other, 1) == b"x"
    change(outer, file, AuthKey=NEW)
    wait_until(lambda: outer.link_count() == 0, "all are gone")


@pytest.fixture
def asking(lab) -> Iterator[list]:
    """What clients that come one after another meet with meanwhile."""
    over, seen, threads = threading.Event(), [], []

    def ask(outer: Outer) -> None:
        while not over.is_set():
            try:
                seen.append(request(outer.clients, b"x", 5 * SCALE))
            except OSError as problem:
                seen.append(problem)

    def begin(outer: Outer) -> list:
        threads.append(threading.Thread(target=ask, args=(outer,)))
        threads[-1].start()
        return seen
    yield begin
    over.set()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_key_is_changed_without_a_gap(lab, asking, workers):
    """Both at the outer, the new one at the inner, the old one away: neither a
    new client nor one whose session began with the new key notices."""
    outer, outer_file = outer_and_file(lab, AuthKey=None, Keys=[EDGE_OLD],
                                       Workers=workers)
    inner, inner_file = inner_and_file(lab, outer, InnerId="edge", AuthKey=OLD,
                                       MaxFreeConn=4, Workers=workers)
    outer.wait_joined(4)
    seen = asking(outer)
    change(outer, outer_file, Keys=[EDGE_OLD, EDGE_NEW])
    mark = outer.mark()
    change(inner, inner_file, AuthKey=NEW)
    outer.wait_joined(4, after=mark)
    wait_until(lambda: len(outer.grep("inner", "connected")) == 2,
               "links by the new key")
    # the old ones are replaced one after another
    outer.wait_log("inner", "no links left", timeout=20 * SCALE)
    with connect(outer.clients) as client:
        ping_pong(client, b"by the new key")
        change(outer, outer_file, Keys=[EDGE_NEW])
        ping_pong(client, b"still here")
    count = len(seen)
    wait_until(lambda: len(seen) > count + 20, "they go on")
    assert set(seen) == {b"x"}, set(map(str, seen))
    assert not inner.grep("keeper", level="error|warn")
    assert not outer.grep(says="its key was removed")


def test_a_wrong_key_at_the_inner_takes_no_link_away(lab):
    """Those by the old one stay until one has joined with the new."""
    outer = lab.outer()
    inner, file = inner_and_file(lab, outer, MaxFreeConn=2)
    outer.wait_joined(2)
    change(inner, file, AuthKey="wrong-key-at-the-inner")
    assert inner.wait_log("keeper", level="error").says("rejected")
    assert request(outer.clients, b"x") == b"x"
    mark = outer.mark()
    change(inner, file, AuthKey=KEY)        # tried at once, no wait of 5 s
    outer.wait_joined(2, after=mark, timeout=4 * SCALE)
    assert request(outer.clients, b"x") == b"x"


def test_a_classic_inner_changes_its_key(lab):
    """Its links are closed and made anew."""
    outer, file = outer_and_file(lab)
    inner, inner_file = inner_and_file(lab, outer, MaxFreeConn=2,
                                       Protocol="classic")
    outer.wait_joined(2)
    change(outer, file, Keys=[EDGE_OLD])
    mark = outer.mark()
    change(inner, inner_file, AuthKey=OLD)
    outer.wait_joined(2, after=mark)
    change(outer, file, AuthKey=None)
    with connect(outer.clients) as client:
        ping_pong(client, b"x")


# --- where they come from -------------------------------------------------

@pytest.mark.short
@pytest.mark.parametrize("source", ["file", "variable", "all"])
def test_sources(lab, source):
    """A file beside the configuration, the environment, or all of them."""
    lab.key_file("auth.key", SHOP)
    settings = {"AuthKey": SHOP if source == "all" else None,
                "AuthKeyFile": "auth.key" if source != "variable" else None}
    options = {"env": {"TRANSPONDER_AUTH_KEY": SHOP}
               if source != "file" else {}}
    outer = lab.outer(options=options, **settings)
    lab.inner(outer, lab.echo(), MaxFreeConn=1, options=options, **settings)
    outer.wait_joined(1)
    assert request(outer.clients, b"x") == b"x"
    assert not outer.grep("config", level="warn")


def test_key_files_of_single_inners_are_read_anew(lab):
    """The same path, another key in it: SIGHUP takes that."""
    path = lab.key_file("edge.key", OLD)
    outer, file = outer_and_file(lab, Keys=[{"Inner": "edge",
                                             "KeyFile": str(path)}])
    link = lab.standby(outer, inner="edge", key=OLD)
    lab.key_file("edge.key", NEW)
    change(outer, file)
    link.expect_error(2)
    lab.standby(outer, inner="edge", key=NEW)


@pytest.mark.short
@pytest.mark.parametrize("name", ["outer_server", "inner_server"])
@pytest.mark.parametrize("bad, says", [
    ({"AuthKey": ""}, "AuthKey: found text of 0 bytes"),
    ({"AuthKey": None}, "AuthKey: missing"),
    ({"AuthKeyFile": "empty.key"}, "empty.key: found nothing"),
    ({"AuthKeyFile": "."}, "found a directory"),
    ({"AuthKeyFile": "none.key"}, "none.key: no such file"),
    ({"AuthKeyFile": "nul.key"}, "found a NUL byte"),
    ({"AuthKeyFile": "long.key"}, "more than 256 bytes"),
    ({"AuthKeyFile": "fifo.key"}, "found no regular file"),
    ({"AuthKeyFile": "other.key"}, "found another key in AuthKeyFile"),
    ({"variable": ""}, "TRANSPONDER_AUTH_KEY: found nothing"),
    ({"variable": NEW}, "found another key in TRANSPONDER_AUTH_KEY"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_bad_sources_end_the_start(lab, name, bad, says):
    """One clear line, status 2, and no key in it."""
    import os
    for file, text in (("empty.key", "\n"), ("nul.key", "a\0b"),
                       ("long.key", "k" * 257), ("other.key", OLD)):
        lab.path(file).write_text(text)
        lab.path(file).chmod(0o600)
    os.mkfifo(lab.path("fifo.key"))
    settings = {k: v for k, v in bad.items() if k != "variable"}
    file = lab.outer_file(**settings) if name == "outer_server" else \
        lab.inner_file(**({"RegisterAddress": "tcp://127.0.0.1:1",
                           "ProxyAddress": "tcp://127.0.0.1:1"} | settings))
    env = {"TRANSPONDER_AUTH_KEY": bad["variable"]} \
        if "variable" in bad else {}
    result = run_once(name, "-c", str(file), cwd=lab.dir, env=env)
    assert result.returncode == 2
    line, = result.stderr.splitlines()
    assert says in line and name in line
    for key in (KEY, OLD, NEW):
        assert key not in result.stderr + result.stdout


@pytest.mark.short
def test_a_key_file_for_everybody_is_warned_about(lab):
    """As the file that it is, without what is in it."""
    path = lab.key_file("auth.key", SHOP, 0o644)
    outer = lab.outer(AuthKey=None, AuthKeyFile=str(path))
    line = outer.wait_log("config", level="warn")
    assert line["file"] == str(path) and "chmod" in line["message"]


@pytest.mark.short
@pytest.mark.parametrize("own", [False, True])
def test_the_sample_key_is_no_secret(lab, own):
    """Our samples are as git makes them: the file is warned of once it holds a
    key of one's own; the sample's key, where strangers reach the links."""
    sample = Path(__file__).parents[2] / "outer.config.json"
    key = KEY if own else sample.read_text().split('"AuthKey": "')[1]\
        .split('"')[0]
    file = lab.outer_file(AuthKey=key)
    file.chmod(0o644)
    lines = lab.start_outer(file).wait_ready().grep("config", level="warn")
    assert ["may read the key" in line["message"] for line in lines] == \
        ([True] if own else [])
    lines = lab.outer(AuthKey=key, InnerServerAddress="tcp://0.0.0.0:0")\
        .grep("config", level="warn")
    assert ["that of the sample" in line["message"] for line in lines] == \
        ([] if own else [True])


@pytest.mark.skipif(__import__("os").geteuid() != 0,
                    reason="needs root to be somebody else")
def test_a_key_file_of_somebody_else(lab):
    """Permission denied, in one line."""
    path = lab.key_file("auth.key", SHOP)
    file = lab.outer_file(AuthKey=None, AuthKeyFile=str(path))
    file.chmod(0o644)
    outer = lab.start_outer(file, prefix=["setpriv", "--reuid=65534",
                                          "--clear-groups"])
    outer.expected = {2}
    assert outer.wait() == 2
    line, = outer.stderr().splitlines()
    assert "permission denied" in line


def test_the_log_check_sees_a_key(lab):
    """The check at the end of every test would find one."""
    import harness
    assert harness.shown_keys(f"why={KEY}")
    assert harness.shown_keys(KEY.encode().hex().upper())
    assert not harness.shown_keys("AuthKey is shorter than 16 characters")
    outer = lab.outer()
    assert not outer.shows_keys()
    outer.lines.append(harness.Line(why=f"the key {KEY} is wrong"))
    assert outer.shows_keys()
    outer.lines.pop()
