"""Peers that speak the 48-byte signals of Transponder V2, from the page."""
from __future__ import annotations

import re
from typing import Any

from harness import DEADLINE, KEY, use_key
from peers import FakeOuter, Wire
from sockets import Address, Writer, connect, recv_exactly, whole

PING, SIGN_IN, PROXY = 0, 2, 6
SIZE = 48


def signal48(kind: int, text: str = "") -> bytes:
    """One signal: exactly 48 bytes."""
    raw = b'{"T":%d,"Ext":"%s"}' % (kind, text.encode().ljust(32))
    assert len(raw) == SIZE
    return raw


def parse_signal(raw: bytes) -> tuple[int, str]:
    match = re.fullmatch(rb'\{"T":(\d),"Ext":"([^"]{32})"\}', raw)
    assert match, raw
    return int(match[1]), match[2].decode().rstrip(" ")


class ClassicWire(Wire):
    """A link of 48-byte signals."""

    def receive_signal(self, timeout: float | None = None) -> tuple[int, str]:
        self.sock.settimeout(DEADLINE if timeout is None else timeout)
        try:
            return parse_signal(recv_exactly(self.sock, SIZE))
        finally:
            self.sock.settimeout(DEADLINE)

    def expect_signal(self, kind: int, timeout: float | None = None) -> str:
        """The next signal but for pings; returns its text."""
        while True:
            got, text = self.receive_signal(timeout)
            if got == kind:
                return text
            assert got == PING, (got, text)


class ClassicInner(ClassicWire):
    """What the Go inner does on one link to a real outer."""

    def __init__(self, address: Address, *, writer: Writer = whole,
                 source: str = "") -> None:
        super().__init__(connect(address, source=source), writer)

    @classmethod
    def join(cls, address: Address, *, key: str = KEY,
             **options: Any) -> "ClassicInner":
        inner = cls(address, **options)
        inner.send(signal48(SIGN_IN, str(use_key(key))))
        return inner

    def begin(self, *, pings: int = 0, raw: bytes = b"") -> None:
        """Waits for 6, answers 6, pings crossing it; raw in one write."""
        assert self.receive_signal()[0] == PROXY
        self.send(signal48(PING) * pings, signal48(PROXY), raw)


class ClassicLink(ClassicWire):
    """A link that a real inner made to a ClassicOuter."""

    def start(self, raw: bytes = b"") -> None:
        """Sends 6, awaits the inner's 6; the raw phase begins."""
        self.send(signal48(PROXY))
        self.expect_signal(PROXY)
        if raw:
            self.send(raw)


class ClassicOuter(FakeOuter):
    """Listens for the classic links of a real inner."""

    def accept(self, timeout: float | None = None) -> ClassicLink:
        link = self.accept_raw(timeout, ClassicLink)
        assert link.receive_signal() == (SIGN_IN, self.key)
        return link
