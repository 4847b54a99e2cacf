"""Links over TLS: bytes both ways, resumption, who is let in, who is not."""
from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import socket
import struct
import subprocess
import threading
import time

import pytest

import lab as lab_module
from certs import CA, fingerprint, self_signed
from classic import ClassicInner, signal48
from harness import KEY, PLAIN, SCALE, wait_until
from relays import (PRE_SHARED_KEY, Impostor, Liar, Recorder, client_context,
                    extensions, hello_of)
from sockets import (connect, free_port, how_it_ends, recv_all, recv_exactly,
                     request)
from targets import digest_then_all

PAYLOAD = b"the payload that nobody else shall read "


@pytest.fixture(autouse=True)
def links_are_tls(monkeypatch):
    """Here, whatever the rest of the run does."""
    monkeypatch.setattr(lab_module, "TLS", True)


def secured(program, **fields) -> int:
    return len([line for line in program.grep("standby", "secured")
                if all(line[k] == v for k, v in fields.items())])


# --- bytes ----------------------------------------------------------------

@pytest.mark.short
@pytest.mark.parametrize("pump", ["auto", "copy", "bev"])
@pytest.mark.parametrize("size", [0, 1, 65536, 5 << 20])
def test_half_close(lab, pump, size):
    """The reply to all that came before the FIN comes whole."""
    outer, _ = lab.tunnel(lab.target(digest_then_all), outer={"Pump": pump},
                          inner={"Pump": pump})
    data = os.urandom(size)
    with connect(outer.clients) as sock:
        sender = threading.Thread(
            target=lambda: (sock.sendall(data), sock.shutdown(socket.SHUT_WR)))
        sender.start()
        assert recv_all(sock) == hashlib.sha256(data).digest() + data
        sender.join()
    assert outer.session()["why"] == "done"


@pytest.mark.short
@pytest.mark.parametrize("pump", ["auto", "bev"])
def test_both_ways_at_once(lab, pump):
    """64 MiB each way at the same time, byte for byte, to a slow reader."""
    outer, _ = lab.tunnel(lab.echo(), outer={"Pump": pump},
                          inner={"Pump": pump})
    block = os.urandom(1 << 20)
    want = hashlib.sha256()
    got = hashlib.sha256()
    with connect(outer.clients, buffers=65536) as sock:
        def send() -> None:
            for number in range(64):
                piece = struct.pack(">Q", number) + block
                want.update(piece)
                sock.sendall(piece)
            sock.shutdown(socket.SHUT_WR)
        sender = threading.Thread(target=send)
        sender.start()
        paused = False
        while data := sock.recv(1 << 16):
            got.update(data)
            if not paused:      # what is under way has to wait
                paused = True
                time.sleep(0.5)
        sender.join()
    assert got.digest() == want.digest()
    if PLAIN:       # checkers keep what was freed
        assert outer.peak_kib() < 64 * 1024


@pytest.mark.short
def test_a_reset_is_passed_on(lab, target):
    """Of the client to the target, and of the target to the client."""
    outer, _ = lab.tunnel(target)
    client = connect(outer.clients)
    client.sendall(b"x")
    served, _ = target.accept()
    assert recv_exactly(served, 1) == b"x"
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                      struct.pack("ii", 1, 0))
    client.close()
    assert how_it_ends(served) == "reset"
    client = connect(outer.clients)
    client.sendall(b"x")
    served, _ = target.accept()
    assert recv_exactly(served, 1) == b"x"
    served.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                      struct.pack("ii", 1, 0))
    served.close()
    assert how_it_ends(client) == "reset"


@pytest.mark.parametrize("victim", ["outer", "inner"])
def test_sigkill_cuts_and_all_is_well_again(lab, victim):
    """A link that ends without close_notify is a reset for whom it served."""
    addresses = {key: f"tcp://127.0.0.1:{free_port()}"
                 for key in ("InnerServerAddress", "OuterServerAddress")}
    outer = lab.outer(**addresses)
    inner = lab.inner(outer, lab.echo(), MaxFreeConn=3, MaxRetryInterval=0.2)
    outer.wait_joined(3)
    client = connect(outer.clients)
    client.sendall(b"before")
    assert recv_exactly(client, 6) == b"before"
    if victim == "inner":
        inner.kill()
        assert how_it_ends(client) == "reset"
        lab.inner(outer, lab.echo(), MaxFreeConn=3)
    else:
        outer.kill()
        assert how_it_ends(client) in ("reset", "fin")
        outer = lab.outer(**addresses)
        outer.wait_joined(3)
    assert request(outer.clients, b"after") == b"after"


@pytest.mark.short
def test_a_cut_link_is_no_end_of_input(lab, target):
    """A FIN without close_notify in the middle of a session: truncation."""
    outer = lab.outer()
    relay = lab.add(Recorder(outer.links))
    lab.inner(relay.url.replace("tcp", "tls"), target, MaxFreeConn=1)
    outer.wait_joined(1)
    client = connect(outer.clients)
    client.sendall(b"half")
    served, _ = target.accept()
    assert recv_exactly(served, 4) == b"half"
    relay.close()       # TCP ends, TLS has not
    assert how_it_ends(served) == "reset"
    assert how_it_ends(client) == "reset"


# --- resumption -----------------------------------------------------------

@pytest.mark.short
def test_later_links_resume(lab):
    """One full handshake, then tickets: also for hundreds of links."""
    outer, inner = lab.tunnel(lab.echo(), standbys=1)
    for number in range(200):
        assert request(outer.clients, b"%d" % number) == b"%d" % number
    outer.wait_joined(201)
    assert secured(outer, resumed="false", version="TLSv1.3") == 1
    assert secured(outer, resumed="true", version="TLSv1.3") >= 200
    wait_until(lambda: len(inner.grep("spare", "secured")) == len(
        outer.grep("standby", "secured")), "both say so")


@pytest.mark.short
@pytest.mark.parametrize("lies", [True, False])
def test_a_ticket_of_a_liar_is_not_kept(lab, lies):
    """Without WELCOME's proof there is no ticket, whoever sends one and
    whenever: the next link offers none."""
    own = self_signed(lab.new_dir("own"))
    liar = lab.add(Liar(own.cert, own.key))
    inner = lab.inner(liar, lab.echo(), MaxFreeConn=1, Workers=1,
                      MaxRetryInterval=0.1)
    for _ in range(3):
        assert PRE_SHARED_KEY not in extensions(liar.meet(lies))
    assert inner.wait_log("keeper", level="error|warn")["why"]


@pytest.mark.short
def test_a_ticket_of_the_outer_is_offered(lab):
    """As its bytes on the wire say: what a liar's test looks for is there."""
    outer = lab.outer()
    relay = lab.add(Recorder(outer.links))
    lab.inner(relay.url.replace("tcp", "tls"), lab.echo(), MaxFreeConn=1,
              Workers=1)
    outer.wait_joined(1)
    assert request(outer.clients, b"in") == b"in"
    outer.wait_joined(2)
    first, *later = [PRE_SHARED_KEY in extensions(record)
                     for record in relay.first_up]
    assert not first and later and all(later)


@pytest.mark.short
def test_who_has_another_key_resumes_nothing(lab):
    """Each try is a full one, and the inner says why it fails."""
    outer = lab.outer(AuthKey="another-key-0123456789")
    inner = lab.inner(outer, lab.echo(), MaxRetryInterval=0.1)
    wait_until(lambda: secured(outer, resumed="false") >= 3, "three tries")
    assert secured(outer, resumed="true") == 0
    assert "another AuthKey" in inner.wait_log("keeper", level="error")["why"]


# --- who listens on the way -------------------------------------------------

@pytest.mark.short
@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_what_crosses_the_wire(lab, scheme):
    """The key in neither recording, the payload not in that of TLS."""
    outer = lab.outer()
    relay = lab.add(Recorder(outer.links))
    lab.inner(relay.url.replace("tcp", scheme), lab.echo(), MaxFreeConn=2)
    outer.wait_joined(2)
    data = PAYLOAD * 50
    assert request(outer.clients, data) == data
    seen = relay.recording()
    assert (PAYLOAD in seen) == (scheme == "tcp")
    for secret in (KEY.encode(), KEY.encode().hex().encode()):
        assert secret not in seen
    for program in lab.programs:
        assert not any(KEY in str(line) for line in program.lines)


@pytest.mark.short
def test_a_recorded_plain_handshake_is_refused(lab):
    """Played again it meets another nonce: nothing comes of it."""
    outer = lab.outer()
    relay = lab.add(Recorder(outer.links))
    inner = lab.inner(relay.url, lab.echo(), MaxFreeConn=1)
    outer.wait_joined(1)
    inner.kill()
    mark = outer.mark()
    with connect(outer.links) as sock:
        sock.sendall(bytes(relay.first_up[0]))
        line = outer.wait_log("standby", "closed", after=mark,
                              state="handshake")
        assert "authentication failed" in line["why"]
        recv_all(sock)
    assert not outer.grep("standby", "joined", mark)


@pytest.mark.short
def test_a_man_in_the_middle_is_refused(lab):
    """With TLS to both sides he still lacks the proof that is bound to his
    own: no CAFile is needed for that."""
    outer = lab.outer()
    own = self_signed(lab.new_dir("own"))
    between = lab.add(Impostor(outer.links, own.cert, own.key))
    inner = lab.inner(between.url, lab.echo(), MaxFreeConn=1,
                      MaxRetryInterval=0.1)
    wait_until(lambda: any("authentication failed" in line["why"]
                           for line in outer.grep("standby", "closed")),
               "the outer finds it out")
    assert inner.wait_log("keeper", level="error")["why"]
    assert b"HELLO" in between.recording() or b'"inner"' in \
        between.recording(), "he did read what was said"
    assert not outer.joined()


@pytest.mark.short
def test_a_man_in_the_middle_cannot_join_quickly(lab):
    """Nor when he comes later: the proof of a quick join is bound as well."""
    outer = lab.outer()
    own = self_signed(lab.new_dir("own"))
    between = lab.add(Impostor(outer.links, own.cert, own.key))
    between.poses = False
    inner = lab.inner(between.url, lab.echo(), MaxFreeConn=1,
                      MaxRetryInterval=0.1)
    outer.wait_joined(1)
    between.poses = True
    assert request(outer.clients, b"in") == b"in"
    line = outer.wait_log("standby", "closed", state="handshake")
    assert "authentication failed" in line["why"]
    assert b'"counter"' in between.recording(), "it did ask to join quickly"
    assert inner.wait_log("keeper", level="error")["why"]
    assert outer.joined() == 1


# --- certificates -----------------------------------------------------------

def begins_with(problem: str, lab, outer, **settings) -> str:
    """The line of an inner that is not let in, or does not go in."""
    inner = lab.inner(outer, lab.echo(), MaxFreeConn=1, MaxRetryInterval=0.2,
                      **settings)
    line = inner.wait_log("keeper", "rejected: will try again", level="error")
    assert problem in line["why"], line["why"]
    assert not outer.joined()
    return line["why"]


@pytest.mark.short
@pytest.mark.parametrize("case, says", [
    ("expired", "has expired"),
    ("not yet", "not valid yet"),
    ("name", "for another name: set ServerName"),
    ("ca", "not signed by CAFile: take the ca.crt"),
    ("use", "is not for servers"),
    ("self-signed", "is self-signed"),
])
def test_a_server_certificate_that_will_not_do(lab, case, says):
    """One line says which check failed, and what to do."""
    ca = CA(lab.new_dir("ca"))
    own = {"expired": lambda: ca.sign(begins=-20, ends=-1),
           "not yet": lambda: ca.sign(begins=1),
           "name": lambda: ca.sign(name="example.org"),
           "ca": lambda: CA(lab.new_dir("other")).sign(),
           "use": lambda: ca.sign(use="clientAuth"),
           "self-signed": lambda: self_signed(lab.new_dir("self"))}[case]()
    outer = lab.outer(**own.settings)
    begins_with(says, lab, outer, CAFile=str(ca.cert))
    assert outer.wait_log("standby", "closed", state="handshake")["why"]\
        .startswith("TLS")


@pytest.mark.short
def test_a_server_certificate_that_will(lab):
    """By CA and name; by CA and another name; by its own fingerprint, or its
    CA's; by none of them: the proof is enough."""
    ca = CA(lab.new_dir("ca"))
    good, named = ca.sign(), ca.sign(name="relay.example.org")
    outer = lab.outer(**good.settings)
    other = lab.outer(**named.settings)
    for place, settings in (
            (outer, {"CAFile": str(ca.cert)}),
            (outer, {"ServerFingerprint": fingerprint(good.cert)}),
            (outer, {"ServerFingerprint":
                     fingerprint(good.cert).replace(":", "").lower(),
                     "CAFile": str(ca.cert)}),
            (other, {"CAFile": str(ca.cert),
                     "ServerName": "relay.example.org"}),
            (other, {})):
        before = place.joined()
        inner = lab.inner(place, lab.echo(), MaxFreeConn=1, **settings)
        place.wait_joined(before + 1)
        inner.kill()


@pytest.mark.short
def test_the_fingerprint_of_the_outers_own_ca(lab):
    """As the log says it: it stays good when server.crt is renewed."""
    outer = lab.outer()
    line = outer.wait_log("tls", "for inner.config.json", count=2)
    inner = lab.inner(outer, lab.echo(), MaxFreeConn=1,
                      ServerFingerprint=line["ServerFingerprint"])
    outer.wait_joined(1)
    inner.kill()
    begins = lab.outer()
    wrong = ("0" if line["ServerFingerprint"][0] != "0" else "1") \
        + line["ServerFingerprint"][1:]
    begins_with("another fingerprint than ServerFingerprint", lab, begins,
                ServerFingerprint=wrong)


@pytest.mark.short
@pytest.mark.parametrize("case, says", [
    ("none", "set CertFile and KeyFile"),
    ("expired", "it has expired"),
    ("ca", "its ClientCAFile does not hold who signed"),
    ("use", "it is not for clients"),
])
def test_a_client_certificate_that_will_not_do(lab, case, says):
    """Both sides say it."""
    ca = CA(lab.new_dir("ca"))
    outer = lab.outer(ClientCAFile=str(ca.cert))
    own = {"none": lambda: None,
           "expired": lambda: ca.sign("inner", begins=-20, ends=-1),
           "use": lambda: ca.sign("inner", use="serverAuth"),
           "ca": lambda: CA(lab.new_dir("other")).sign("inner")}[case]()
    begins_with(says, lab, outer, **(own.settings if own else {}))
    heard = outer.wait_log("standby", "closed", state="handshake")["why"]
    assert {"none": "shows no client certificate",
            "expired": "has expired",
            "use": "is not for clients",
            "ca": "not signed by ClientCAFile"}[case] in heard


@pytest.mark.short
def test_a_client_certificate_that_will(lab):
    """It serves, and its links resume."""
    ca = CA(lab.new_dir("ca"))
    outer = lab.outer(ClientCAFile=str(ca.cert))
    lab.inner(outer, lab.echo(), MaxFreeConn=3, **ca.sign("inner").settings)
    outer.wait_joined(3)
    assert request(outer.clients, b"in") == b"in"
    outer.wait_joined(4)
    assert secured(outer, resumed="true") >= 1


# --- who may come without ---------------------------------------------------

@pytest.mark.short
@pytest.mark.parametrize("how", ["key", "address"])
def test_links_without_tls_are_turned_away_by_name(lab, how):
    """The inner's own log says what to write into its file."""
    outer = lab.outer(**({"RequireTLS": True} if how == "key" else
                         {"InnerServerAddress": "tls://127.0.0.1:0"}))
    inner = lab.inner(outer.links_address, lab.echo())
    line = inner.wait_log("keeper", level="error")
    inner.kill()            # or its address may be barred in the end
    assert "TLS is required" in line["why"] and "tls://" in line["why"]
    mark = outer.mark()
    classic = lab.add(ClassicInner(outer.links))
    classic.send(signal48(2, KEY))
    assert outer.wait_log("standby", "closed", after=mark,
                          says="classic")["why"] == \
        "a classic link: RequireTLS is on"
    lab.inner(outer, lab.echo(), MaxFreeConn=1)
    outer.wait_joined(1)
    assert request(outer.clients, b"in") == b"in"


@pytest.mark.short
def test_plain_and_tls_side_by_side(lab):
    """One port takes both, and each client finds either."""
    outer = lab.outer()
    lab.inner(outer, lab.echo(), MaxFreeConn=2, InnerId="tls")
    lab.inner(outer.links_address, lab.echo(), MaxFreeConn=2, InnerId="tcp")
    outer.wait_joined(4)
    for number in range(20):
        assert request(outer.clients, b"%d" % number) == b"%d" % number
    assert secured(outer) >= 2


@pytest.mark.short
def test_an_outer_without_tls(lab):
    """The inner asks the right question."""
    outer = lab.outer(TLS=False)
    inner = lab.inner(outer, lab.echo(), MaxRetryInterval=0.2)
    assert "is TLS switched on at the outer?" in \
        inner.wait_log("keeper", level="warn")["why"]
    assert "TLS is not switched on" in \
        outer.wait_log("standby", "closed")["why"]


# --- strangers --------------------------------------------------------------

@pytest.fixture
def busy(lab):
    outer, _ = lab.tunnel(lab.echo(), outer={"HandshakeTimeout": 2 + SCALE})
    yield outer
    assert request(outer.clients, b"still") == b"still"


def closed_of(outer, sock: socket.socket):
    name = "127.0.0.1:%d" % sock.getsockname()[1]
    return outer.wait_log("standby", "closed", peer=name)["why"]


@pytest.mark.short
@pytest.mark.parametrize("case, says", [
    ("half a hello", "TLS handshake did not end in time"),
    ("whole hello", "TLS handshake did not end in time"),
    ("byte by byte", "TLS handshake did not end in time"),
    ("zeros", "TLS handshake"),
    ("garbage", "TLS handshake"),
    ("hello without end", "a hello of more than 8 KiB"),
    ("hello in crumbs", "a hello of more than 8 KiB"),
    ("no alpn", "does not offer ALPN transponder/1"),
    ("another alpn", "another ALPN than transponder/1"),
    ("hangs up", "TLS handshake: the connection ended"),
])
def test_a_stranger_costs_one_line(lab, busy, case, says):
    """And nobody else notices."""
    with connect(busy.links) as sock:
        def send(data: bytes) -> None:
            with contextlib.suppress(ConnectionError):  # ended in the middle
                sock.sendall(data)

        if case == "half a hello":
            send(hello_of()[:100])
        elif case == "whole hello":
            send(hello_of())
        elif case == "byte by byte":
            for byte in hello_of():
                send(bytes([byte]))
        elif case == "zeros":
            send(b"\x16\x03\x01\x40\x00" + bytes(16384))
        elif case == "garbage":
            send(b"\x16" + secrets.token_bytes(20000))
        elif case == "hello without end":
            send(b"\x16\x03\x01\x40\x00\x01\x01\xff\xff"
                         + bytes(16380)
                         + 2 * (b"\x16\x03\x01\x40\x00" + bytes(16384)))
        elif case == "hello in crumbs":
            for byte in b"\1\0\x1f\0" + bytes(1500):
                send(b"\x16\x03\x01\x00\x01" + bytes([byte]))
        elif case == "no alpn":
            send(hello_of(alpn=[]))
        elif case == "another alpn":
            send(hello_of(alpn=["h2", "http/1.1"]))
        elif case == "hangs up":
            send(hello_of())
            sock.shutdown(socket.SHUT_WR)
        assert says in closed_of(busy, sock)
        assert how_it_ends(sock) != "open"


@pytest.mark.short
@pytest.mark.parametrize("inside, says", [
    (b'{"T":2,"Ext":"', "a classic link inside TLS"),
    (b"\x16\x03\x01\x00\x05hello", "starts no link"),
    (b"GET / HTTP/1.1\r\n\r\n", "starts no link"),
])
def test_what_may_not_be_inside(lab, busy, inside, says):
    with client_context().wrap_socket(connect(busy.links)) as sock:
        sock.sendall(inside)
        assert says in closed_of(busy, sock)


def s_client(outer, *options: str, send: str = "", env=None):
    """openssl s_client, which says R to renegotiate."""
    return subprocess.run(
        ["openssl", "s_client", "-connect", "127.0.0.1:%d" % outer.links[1],
         "-alpn", "transponder/1", *options], input=send, text=True,
        capture_output=True, timeout=10 * SCALE,
        env={**os.environ, **(env or {})})


@pytest.mark.short
@pytest.mark.parametrize("options, says", [
    (["-tls1_1", "-cipher", "ALL@SECLEVEL=0"], "TLS handshake: unsupported"),
    (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"], "no shared cipher"),
])
def test_old_protocols_are_refused(lab, busy, options, says):
    mark = busy.mark()
    s_client(busy, *options)
    assert says in busy.wait_log("standby", "closed", after=mark)["why"]


@pytest.mark.short
def test_tls_1_2_needs_extended_master_secret(lab, busy):
    """With it, it is good; without, proofs could not be bound to it."""
    config = lab.path("openssl.cnf")
    config.write_text("openssl_conf = a\n[a]\nssl_conf = b\n[b]\n"
                      "system_default = c\n[c]\n"
                      "Options = -ExtendedMasterSecret\n")
    mark = busy.mark()
    s_client(busy, "-tls1_2", env={"OPENSSL_CONF": str(config)})
    assert "without extended master secret" in \
        busy.wait_log("standby", "closed", after=mark)["why"]
    mark = busy.mark()
    s_client(busy, "-tls1_2")
    assert busy.wait_log("standby", "secured", after=mark)["version"] == \
        "TLSv1.2"


@pytest.mark.short
def test_who_renegotiates_is_closed(lab, busy):
    mark = busy.mark()
    s_client(busy, "-tls1_2", send="R\n")
    assert "asks to renegotiate" in \
        busy.wait_log("standby", "closed", after=mark)["why"]
