"""Native peers written from the protocol page alone, able to misbehave."""
from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import secrets
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass
from typing import Any, Iterator

from harness import DEADLINE, KEY, use_key
from sockets import (Address, Writer, accept, address_of, address_text,
                     connect, how_it_ends, is_quiet, listen, recv_all,
                     recv_exactly, wait_read, whole)

(CONNECT_REQUEST, CONNECT_RESPONSE, DATA, CLOSE, KEEPALIVE, WINDOW,
 FIN) = range(1, 8)
HELLO, CHALLENGE, AUTH, WELCOME, ERROR, GOAWAY = range(0x10, 0x16)
FORWARD, READY, REFUSED, EARLY, START, DATAGRAM = range(0x20, 0x26)
REGISTER, REGISTERED = 0x30, 0x31

E_PROTOCOL, E_AUTH, E_NOT_ALLOWED, E_TOO_MANY, E_SHUTDOWN, E_VERSION = \
    range(1, 7)
R_REFUSED, R_TIMED_OUT, R_NOT_RESOLVED, R_NOT_ALLOWED = range(16, 20)

_TYPES = {value: name for name, value in list(globals().items())
          if name.isupper() and isinstance(value, int)
          and not name.startswith(("E_", "R_"))}


def frame(kind: int, payload: bytes = b"", version: int = 1,
          length: int | None = None) -> bytes:
    """A frame's bytes; length may lie."""
    claimed = len(payload) if length is None else length
    return struct.pack("!BBI", version, kind, claimed) + payload


def json_frame(kind: int, **payload: Any) -> bytes:
    return frame(kind, json.dumps(payload, separators=(",", ":")).encode())


def session_frame(kind: int, session: int, rest: bytes = b"") -> bytes:
    """READY, EARLY: a session id and what follows it."""
    return frame(kind, struct.pack("!Q", session) + rest)


def refused_frame(session: int, code: int, text: str = "") -> bytes:
    return session_frame(REFUSED, session,
                         struct.pack("!H", code) + text.encode())


def proof(label: str, key: str, nonce_inner: bytes, nonce_outer: bytes,
          hello: bytes) -> str:
    """The HMAC of AUTH ("inner") and WELCOME ("outer"), without TLS."""
    message = (f"transponder/1 {label}".encode() + nonce_inner + nonce_outer
               + hashlib.sha256(hello).digest() + bytes(32))
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()


def resume_secret(key: str, nonce_inner: bytes, nonce_outer: bytes) -> bytes:
    """What both sides keep of a full handshake, for quick joins."""
    return hmac.new(key.encode(),
                    b"transponder/1 resume" + nonce_inner + nonce_outer,
                    hashlib.sha256).digest()


def join_proof(label: str, secret: bytes, counter: int,
               nonce_inner: bytes) -> str:
    """The HMAC of HELLO ("join") and WELCOME ("joined"), without TLS."""
    message = (f"transponder/1 {label}".encode() + struct.pack("!Q", counter)
               + nonce_inner + bytes(32))
    return hmac.new(secret, message, hashlib.sha256).hexdigest()


@dataclass
class Frame:
    kind: int
    payload: bytes

    @property
    def name(self) -> str:
        return _TYPES.get(self.kind, hex(self.kind))

    def json(self) -> dict[str, Any]:
        return json.loads(self.payload)

    @property
    def session(self) -> int:
        """The session id that FORWARD, READY, REFUSED and EARLY start with."""
        return struct.unpack_from("!Q", self.payload)[0]

    @property
    def code(self) -> int:
        """The code of an ERROR or a REFUSED."""
        at = 0 if self.kind == ERROR else 8
        return struct.unpack_from("!H", self.payload, at)[0]


@dataclass
class Request:
    """The request of FORWARD: 52 bytes and the target's text."""
    session: int = 1
    service: int = 0
    waiting: int = 0
    family: int = 4
    protocol: int = 0
    client_port: int = 40000
    public_port: int = 80
    client: bytes = bytes([192, 0, 2, 7])
    public: bytes = bytes([192, 0, 2, 1])
    target: str = ""

    LAYOUT = struct.Struct("!QIHBBHH16s16s")

    def encode(self) -> bytes:
        return self.LAYOUT.pack(
            self.session, self.service, self.waiting, self.family,
            self.protocol, self.client_port, self.public_port,
            self.client.ljust(16, b"\0"), self.public.ljust(16, b"\0")
        ) + self.target.encode()

    @classmethod
    def decode(cls, payload: bytes) -> "Request":
        return cls(*cls.LAYOUT.unpack(payload[:52]), payload[52:].decode())


assert Request.LAYOUT.size == 52


class Wire:
    """A connection that reads frames exactly, so what follows is raw."""

    def __init__(self, sock: socket.socket, writer: Writer = whole) -> None:
        self.sock = sock
        self.writer = writer

    def send(self, *pieces: bytes) -> None:
        """All pieces in one write (as the writer splits it)."""
        self.writer(self.sock, b"".join(pieces))

    def receive(self, timeout: float | None = None) -> Frame:
        """The next frame; asserts its version and that there is one."""
        self.sock.settimeout(DEADLINE if timeout is None else timeout)
        try:
            version, kind, length = struct.unpack(
                "!BBI", recv_exactly(self.sock, 6))
            assert version == 1
            return Frame(kind, recv_exactly(self.sock, length))
        finally:
            self.sock.settimeout(DEADLINE)

    def expect(self, kind: int, *also: int, timeout: float | None = None,
               skip: tuple[int, ...] = (KEEPALIVE,)) -> Frame:
        """The next frame but for those to skip; it must be one of these."""
        limit = time.monotonic() + (DEADLINE if timeout is None else timeout)
        while True:
            got = self.receive(max(limit - time.monotonic(), 0.001))
            if got.kind in (kind, *also):
                return got
            wanted = ", ".join(_TYPES[k] for k in (kind, *also))
            assert got.kind in skip, \
                f"{got.name} {got.payload[:80]!r} instead of {wanted}"

    def expect_error(self, *codes: int, timeout: float | None = None) -> Frame:
        """An ERROR with one of these codes, and the close after it."""
        got = self.expect(ERROR, timeout=timeout)
        assert not codes or got.code in codes, got.payload
        assert self.ends() != "open"
        return got

    def ends(self, timeout: float | None = None) -> str:
        """Drains it to the end: "fin", "reset" or "open"."""
        return how_it_ends(self.sock, timeout)

    def quiet(self, seconds: float) -> bool:
        return is_quiet(self.sock, seconds)

    def readable(self, timeout: float) -> bool:
        return bool(select.select([self.sock], [], [], timeout)[0])

    def recv(self, size: int) -> bytes:
        return recv_exactly(self.sock, size)

    def recv_all(self) -> bytes:
        return recv_all(self.sock)

    def wait_read(self) -> None:
        wait_read(self.sock)

    @contextlib.contextmanager
    def talking(self) -> Iterator[None]:
        """Sends KEEPALIVE five times a second meanwhile."""
        stop = threading.Event()

        def talk() -> None:
            while not stop.wait(0.2):
                self.send(frame(KEEPALIVE))
        thread = threading.Thread(target=talk)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def finish(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self.sock.close()


class FakeInner(Wire):
    """A link to a real outer, as an inner makes it."""

    def __init__(self, address: Address, *, key: str = KEY,
                 inner: str = "fake", instance: str | None = None,
                 writer: Writer = whole, source: str = "",
                 **hello: Any) -> None:
        super().__init__(connect(address, source=source), writer)
        self.key = str(use_key(key))
        self.nonce = secrets.token_bytes(32)
        self.fields = {"role": "standby", "inner": inner,
                       "instance": instance or secrets.token_hex(8),
                       "nonce": self.nonce.hex(),
                       "software": "transponder/1.0", **hello}
        self.welcome: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """Our address as the outer's log lines name the peer."""
        return address_text(address_of(self.sock)).removeprefix("tcp://")

    def hello(self) -> bytes:
        """The HELLO payload, the same bytes each time."""
        return json.dumps(self.fields, separators=(",", ":")).encode()

    def auth_for(self, challenge: Frame) -> bytes:
        """The AUTH frame that answers a CHALLENGE."""
        self.nonce_outer = bytes.fromhex(challenge.json()["nonce"])
        assert len(self.nonce_outer) == 32
        self.secret = resume_secret(self.key, self.nonce, self.nonce_outer)
        return json_frame(AUTH, proof=proof(
            "inner", self.key, self.nonce, self.nonce_outer, self.hello()))

    def check_welcome(self, welcome: Frame) -> None:
        self.welcome = welcome.json()
        assert self.welcome["proof"] == proof(
            "outer", self.key, self.nonce, self.nonce_outer, self.hello())
        assert isinstance(self.welcome["link"], str)
        assert self.welcome["ping"] > 0

    def handshake(self) -> "FakeInner":
        self.send(frame(HELLO, self.hello()))
        return self.go_on(self.expect(CHALLENGE))

    def go_on(self, challenge: Frame) -> "FakeInner":
        """The handshake from CHALLENGE on."""
        self.send(self.auth_for(challenge))
        self.check_welcome(self.expect(WELCOME))
        return self

    def ask_to_join(self, secret: bytes, counter: int,
                    claim: str | None = None) -> Frame:
        """A quick join's HELLO; returns CHALLENGE, or WELCOME checked. claim:
        a proof that is not the right one."""
        self.fields |= {"counter": counter, "proof": claim or join_proof(
            "join", secret, counter, self.nonce)}
        self.send(frame(HELLO, self.hello()))
        got = self.expect(WELCOME, CHALLENGE)
        if got.kind == WELCOME:
            self.welcome = got.json()
            assert self.welcome["proof"] == join_proof(
                "joined", secret, counter, self.nonce)
        return got

    @classmethod
    def join(cls, address: Address, **options: Any) -> "FakeInner":
        """A standby, authenticated."""
        inner = cls(address, **options)
        try:
            return inner.handshake()
        except BaseException:
            inner.close()
            raise

    def take_forward(self, timeout: float | None = None) -> Request:
        got = self.expect(FORWARD, timeout=timeout)
        return Request.decode(got.payload)

    def ready(self, session: int, raw: bytes = b"") -> None:
        """READY with raw bytes in the same write; then START is expected."""
        self.send(session_frame(READY, session), raw)
        assert self.expect(START, skip=(EARLY,)).payload == b""


class OuterLink(Wire):
    """A link that a real inner made to a FakeOuter."""

    next_session = 1000
    secret: bytes | None = None     # of the full handshake made here

    def handshake(self, key: str = KEY, ping: float = 10,
                  **more: Any) -> "OuterLink":
        self.hello = self.expect(HELLO)
        self.answer(key, ping, **more)
        return self

    @property
    def counter(self) -> int | None:
        """That of a quick join; None: its HELLO asked for none."""
        return self.hello.json().get("counter")

    def joins_with(self, secret: bytes) -> bool:
        """Whether HELLO is a quick join with the right proof."""
        fields = self.hello.json()
        return "counter" in fields and fields["proof"] == join_proof(
            "join", secret, fields["counter"], bytes.fromhex(fields["nonce"]))

    def welcome_join(self, secret: bytes, ping: float = 10, *,
                     good: bool = True) -> "OuterLink":
        """WELCOME to a quick join; not good: with a wrong proof."""
        own = join_proof("joined", secret, self.counter,
                         bytes.fromhex(self.hello.json()["nonce"]))
        self.send(json_frame(WELCOME, proof=own if good else own[::-1],
                             link="8", ping=ping))
        return self

    def answer(self, key: str, ping: float, *, good: bool = True,
               **more: Any) -> None:
        """From CHALLENGE on; not good: a WELCOME with a wrong proof."""
        fields = self.hello.json()
        nonce_inner = bytes.fromhex(fields["nonce"])
        nonce = secrets.token_bytes(32)
        payload = self.hello.payload
        self.send(json_frame(CHALLENGE, nonce=nonce.hex()))
        theirs = self.expect(AUTH).json()["proof"]
        assert theirs == proof("inner", key, nonce_inner, nonce, payload)
        self.secret = resume_secret(key, nonce_inner, nonce)
        own = proof("outer", key, nonce_inner, nonce, payload)
        if not good:
            own = own[::-1]
        self.send(json_frame(WELCOME, proof=own, link="7", ping=ping, **more))

    def forward(self, *then: bytes, **request: Any) -> int:
        """Sends FORWARD (then more frames in the same write)."""
        if "session" not in request:
            OuterLink.next_session += 1
            request["session"] = OuterLink.next_session
        self.send(frame(FORWARD, Request(**request).encode()), *then)
        return request["session"]

    def expect_ready(self, session: int, timeout: float | None = None) -> None:
        got = self.expect(READY, timeout=timeout)
        assert got.payload == struct.pack("!Q", session)

    def start(self, raw: bytes = b"", **request: Any) -> int:
        """FORWARD, READY, START with raw bytes in the same write."""
        session = self.forward(**request)
        self.expect_ready(session)
        self.send(frame(START), raw)
        return session


class FakeOuter:
    """Listens for the links of a real inner. With quick it takes quick joins:
    each counter once, with the secret of the instance's first handshake."""

    def __init__(self, *, key: str = KEY, ping: float = 10,
                 writer: Writer = whole, backlog: int = 1024,
                 quick: bool = False,
                 address: Address | None = None) -> None:
        self.key, self.ping, self.writer = key, ping, writer
        self.quick = quick
        self.secrets: dict[str, bytes] = {}     # by instance
        self.counters: list[tuple[str, int]] = []   # accepted, in order
        self._listener = listen(address, backlog)
        self.address = address_of(self._listener)
        self.url = address_text(self.address)
        self._links: list[Wire] = []

    def accept_raw(self, timeout: float | None = None,
                   kind: type = OuterLink) -> Any:
        """The next connection, nothing read or written yet."""
        link = kind(accept(self._listener, timeout), self.writer)
        link.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._links.append(link)
        return link

    def accept(self, timeout: float | None = None) -> OuterLink:
        """The next link, authenticated."""
        link = self.accept_raw(timeout)
        if not self.quick:
            return link.handshake(self.key, self.ping)
        link.hello = link.expect(HELLO)
        instance = link.hello.json()["instance"]
        secret = self.secrets.get(instance)
        used = (instance, link.counter)
        if secret and link.joins_with(secret) and used not in self.counters:
            self.counters.append(used)
            return link.welcome_join(secret, self.ping)
        link.answer(self.key, self.ping)
        self.secrets.setdefault(instance, link.secret)
        return link

    def accept_standing(self) -> OuterLink:
        """The next link, once the inner has read WELCOME."""
        link = self.accept()
        link.wait_read()
        return link

    def nobody_comes(self, seconds: float) -> bool:
        return not select.select([self._listener], [], [], seconds)[0]

    def close(self) -> None:
        for link in self._links:
            link.close()
        self._listener.close()
