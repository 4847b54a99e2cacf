"""Quick joins at the real outer, of inners written from the page."""
from __future__ import annotations

import threading

import pytest

import peers
from lab import Lab, Outer
from peers import (AUTH, CHALLENGE, ERROR, HELLO, WELCOME, FakeInner,
                   frame, json_frame)
from sockets import byte_by_byte, connect, free_port, recv_exactly, split_at


@pytest.fixture
def outer(lab):
    return lab.outer()


def first_link(lab: Lab, outer: Outer, **hello) -> FakeInner:
    """The full handshake of an instance; its secret is .secret."""
    return lab.standby(outer, **hello)


def another(lab: Lab, outer: Outer, first: FakeInner, **options) -> FakeInner:
    """One more link of the same instance, nothing said yet."""
    return lab.add(FakeInner(
        outer.links, inner=first.fields["inner"],
        instance=first.fields["instance"], **options))


def ask(lab: Lab, outer: Outer, first: FakeInner, counter: int,
        claim: str | None = None) -> tuple[FakeInner, int]:
    """A quick join; returns the link, and WELCOME or CHALLENGE."""
    link = another(lab, outer, first)
    return link, link.ask_to_join(first.secret, counter, claim).kind


def assert_serves(outer: Outer, link: FakeInner) -> None:
    """The newest link is the one that is taken."""
    with connect(outer.clients) as client:
        link.ready(link.take_forward().session, b"raw")
        assert recv_exactly(client, 3) == b"raw"
        client.sendall(b"up")
        assert link.recv(2) == b"up"
    link.close()


def assert_goes_the_long_way(outer: Outer, link: FakeInner, secret: bytes,
                             counter: int, claim: str | None = None) -> None:
    """CHALLENGE, and the handshake from there on leads to a standby."""
    joined = outer.joined()
    challenge = link.ask_to_join(secret, counter, claim)
    assert challenge.kind == CHALLENGE
    link.go_on(challenge)
    outer.wait_joined(joined + 1)
    assert_serves(outer, link)


# --- at our outer ---------------------------------------------------------

@pytest.mark.short
def test_welcome_at_once(lab, outer):
    """HELLO, WELCOME with the right proof, and the link is a standby."""
    first = first_link(lab, outer, inner="box")
    link, kind = ask(lab, outer, first, 1)
    assert kind == WELCOME
    assert link.welcome["ping"] == first.welcome["ping"]
    assert link.welcome["link"] != first.welcome["link"]
    line = outer.wait_joined(2)
    assert (line["inner"], line["instance"], str(line["link"])) == \
        ("box", first.fields["instance"], link.welcome["link"])
    assert_serves(outer, link)


@pytest.mark.parametrize("writer", [byte_by_byte, split_at(6), split_at(200)],
                         ids=["bytes", "header", "two"])
def test_hello_in_pieces(lab, outer, writer):
    """The frame of a quick join is read like any other."""
    first = first_link(lab, outer)
    link = another(lab, outer, first, writer=writer)
    assert link.ask_to_join(first.secret, 1).kind == WELCOME


@pytest.mark.short
def test_a_counter_is_accepted_once(lab, outer):
    """Used: CHALLENGE, and the long way still leads in."""
    first = first_link(lab, outer)
    assert ask(lab, outer, first, 1)[1] == WELCOME
    assert ask(lab, outer, first, 1)[1] == CHALLENGE
    assert ask(lab, outer, first, 2)[1] == WELCOME
    link = another(lab, outer, first)
    assert_goes_the_long_way(outer, link, first.secret, 1)


def test_the_newest_handshake_s_secret_counts(lab, outer):
    """After the long way both ends go on with what that one has made; the
    counters that are used up stay so."""
    first = first_link(lab, outer)
    assert ask(lab, outer, first, 1)[1] == WELCOME
    link = another(lab, outer, first)
    assert_goes_the_long_way(outer, link, first.secret, 1)
    assert ask(lab, outer, link, 1)[1] == CHALLENGE
    assert ask(lab, outer, link, 2)[1] == WELCOME


def test_a_recorded_hello_is_worth_nothing(lab, outer):
    """The very same bytes again: CHALLENGE, and no proof for it."""
    first = first_link(lab, outer)
    link, kind = ask(lab, outer, first, 1)
    assert kind == WELCOME
    thief = another(lab, outer, first)
    thief.send(frame(HELLO, link.hello()))
    assert thief.receive().kind == CHALLENGE
    thief.send(json_frame(AUTH, proof=link.fields["proof"]))
    thief.expect_error(peers.E_AUTH)


def test_counters_in_any_order(lab, outer):
    """The newest 1024 may come as they like; each of them once."""
    first = first_link(lab, outer)
    for counter in (5, 3, 4, 1, 1024, 2, 1000):
        assert ask(lab, outer, first, counter)[1] == WELCOME, counter
    for counter in (5, 1, 1024):
        assert ask(lab, outer, first, counter)[1] == CHALLENGE, counter
    assert ask(lab, outer, first, 1026)[1] == WELCOME
    assert ask(lab, outer, first, 2)[1] == CHALLENGE
    assert ask(lab, outer, first, 2**53 - 1)[1] == WELCOME
    assert ask(lab, outer, first, 2**53 - 2)[1] == WELCOME


def test_used_counters_of_a_round_ago(lab, outer):
    """A leap of the counters makes no used one good again."""
    first = first_link(lab, outer)
    for counter in (7, 7 + 1024, 7 + 5 * 1024):
        assert ask(lab, outer, first, counter)[1] == WELCOME
    for counter in (7, 7 + 1024, 7 + 4 * 1024, 7 + 5 * 1024):
        assert ask(lab, outer, first, counter)[1] == CHALLENGE


def test_unknown_instance(lab, outer):
    """The secret of another instance opens nothing."""
    first = first_link(lab, outer)
    link = lab.add(FakeInner(outer.links, inner=first.fields["inner"]))
    assert_goes_the_long_way(outer, link, first.secret, 1)
    assert ask(lab, outer, first, 1)[1] == WELCOME


def test_each_instance_has_its_own_counters(lab, outer):
    """The same numbers, of two instances of one id."""
    for _ in range(2):
        first = first_link(lab, outer, inner="same")
        assert ask(lab, outer, first, 1)[1] == WELCOME


@pytest.mark.parametrize("case", ["zeros", "other counter", "other secret",
                                  "joined", "other nonce"])
def test_a_wrong_proof_uses_no_counter_up(lab, outer, case):
    """CHALLENGE; the same counter with the right proof is still good."""
    first = first_link(lab, outer)
    link = another(lab, outer, first)
    claim = {
        "zeros": "0" * 64,
        "other counter": peers.join_proof("join", first.secret, 2, link.nonce),
        "other secret": peers.join_proof("join", bytes(32), 1, link.nonce),
        "joined": peers.join_proof("joined", first.secret, 1, link.nonce),
        "other nonce": peers.join_proof("join", first.secret, 1, bytes(32)),
    }[case]
    challenge = link.ask_to_join(first.secret, 1, claim)
    assert challenge.kind == CHALLENGE
    assert ask(lab, outer, first, 1)[1] == WELCOME
    link.go_on(challenge)


def test_zero_is_never_accepted(lab, outer):
    """A counter of 0 is as good as none."""
    first = first_link(lab, outer)
    link = another(lab, outer, first)
    assert_goes_the_long_way(outer, link, first.secret, 0)


def test_a_wrong_key_after_the_challenge(lab, outer):
    """The long way asks for the key as ever."""
    first = first_link(lab, outer)
    link = another(lab, outer, first, key="wrong-key-0123456789")
    challenge = link.ask_to_join(first.secret, 1, "0" * 64)
    assert challenge.kind == CHALLENGE
    link.send(link.auth_for(challenge))
    link.expect_error(peers.E_AUTH)


@pytest.mark.parametrize("change", [
    {"counter": -1}, {"counter": 1.5}, {"counter": "1"}, {"counter": None},
    {"counter": 2**53}, {"proof": None}, {"proof": "00"}, {"proof": 7}],
    ids=str)
def test_ill_formed_keys_are_a_protocol_error(lab, outer, change):
    """Present and ill-typed: ERROR 1 and the close."""
    link = lab.add(FakeInner(outer.links, counter=1, proof="0" * 64))
    link.fields.update(change)
    link.send(frame(HELLO, link.hello()))
    link.expect_error(peers.E_PROTOCOL)


@pytest.mark.parametrize("keys", [{"counter": 1}, {"proof": "0" * 64}],
                         ids=["counter", "proof"])
def test_one_key_alone_is_a_protocol_error(lab, outer, keys):
    """Both or neither."""
    link = lab.add(FakeInner(outer.links, **keys))
    link.send(frame(HELLO, link.hello()))
    link.expect_error(peers.E_PROTOCOL)


def test_auth_after_a_quick_join_is_a_protocol_error(lab, outer):
    """The link is a standby: what belongs to a handshake is not allowed."""
    first = first_link(lab, outer)
    link, kind = ask(lab, outer, first, 1)
    assert kind == WELCOME
    link.send(json_frame(AUTH, proof="0" * 64))
    link.expect_error(peers.E_PROTOCOL)


def test_a_race_for_one_counter_has_one_winner(lab):
    """Links that come at once, to all threads: one of them is welcome."""
    outer = lab.outer(Workers=2)
    first = first_link(lab, outer)
    for counter in range(1, 11):
        links = [another(lab, outer, first) for _ in range(8)]
        kinds = []
        threads = [threading.Thread(target=lambda link=link: kinds.append(
            link.ask_to_join(first.secret, counter).kind)) for link in links]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(kinds) == [CHALLENGE] * 7 + [WELCOME]
        for link in links:
            link.close()


def test_every_thread_knows_the_instance(lab):
    """Whichever thread a link comes to, it joins quickly."""
    outer = lab.outer(Workers=2)
    first = first_link(lab, outer)
    for counter in range(1, 21):
        assert ask(lab, outer, first, counter)[1] == WELCOME


def test_a_role_that_is_not_served(lab, outer):
    """mux gets ERROR 3, quick or not."""
    first = first_link(lab, outer)
    link = another(lab, outer, first, role="mux")
    link.fields |= {"counter": 1, "proof": peers.join_proof(
        "join", first.secret, 1, link.nonce)}
    link.send(frame(HELLO, link.hello()))
    link.expect_error(peers.E_NOT_ALLOWED)


def test_a_replaced_instance_is_turned_away(lab, outer):
    """Quick is no way around ERROR 3."""
    old = first_link(lab, outer, inner="box", replace=True)
    first_link(lab, outer, inner="box", replace=True)
    link = another(lab, outer, old, replace=True)
    link.fields |= {"counter": 1, "proof": peers.join_proof(
        "join", old.secret, 1, link.nonce)}
    link.send(frame(HELLO, link.hello()))
    got = link.expect(ERROR, CHALLENGE)
    if got.kind == CHALLENGE:
        link.send(link.auth_for(got))
        got = link.expect(ERROR)
    assert got.code == peers.E_NOT_ALLOWED


def test_max_links_holds_for_quick_joins(lab):
    """Over MaxLinks: ERROR 4."""
    outer = lab.outer(MaxLinks=2)
    first = first_link(lab, outer)
    assert ask(lab, outer, first, 1)[1] == WELCOME
    outer.wait_joined(2)
    link = another(lab, outer, first)
    link.fields |= {"counter": 2, "proof": peers.join_proof(
        "join", first.secret, 2, link.nonce)}
    link.send(frame(HELLO, link.hello()))
    link.expect_error(peers.E_TOO_MANY)


def test_after_a_restart_of_the_outer(lab):
    """A new run knows no secrets: the long way, then the quick one again."""
    outer = lab.outer(InnerServerAddress=f"tcp://127.0.0.1:{free_port()}")
    first = first_link(lab, outer)
    outer.kill()
    again = lab.outer(InnerServerAddress=outer.links_address)
    link = another(lab, again, first)
    challenge = link.ask_to_join(first.secret, 1)
    assert challenge.kind == CHALLENGE
    link.go_on(challenge)
    again.wait_joined()
    assert ask(lab, again, link, 2)[1] == WELCOME


def test_no_link_joins_with_a_secret_of_zeros(lab):
    """An instance is known to all threads before its secret could be used:
    never, not even for a moment, does one of zeros do."""
    outer = lab.outer(Workers=4)
    for number in range(40):
        instance = f"{number:016x}"
        strangers = [FakeInner(outer.links, inner="v", instance=instance)
                     for _ in range(14)]
        good = FakeInner(outer.links, inner="v", instance=instance)
        good.send(peers.frame(HELLO, good.hello()))
        auth = good.auth_for(good.expect(CHALLENGE))
        for counter, link in enumerate(strangers, 1):
            link.fields |= {"counter": counter, "proof": peers.join_proof(
                "join", bytes(32), counter, link.nonce)}
        hellos = [peers.frame(HELLO, link.hello()) for link in strangers]
        for counter, (link, hello) in enumerate(zip(strangers, hellos)):
            if counter == number % 14:
                good.send(auth)
            link.send(hello)
        for link in strangers:
            assert link.expect(WELCOME, CHALLENGE).kind == CHALLENGE
        good.expect(WELCOME)    # else so many who leave bar the address
        for link in (*strangers, good):
            link.close()
