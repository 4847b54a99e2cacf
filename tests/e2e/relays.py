"""Between the two programs: a relay that records, and one that poses as the
outer with a certificate of its own; and an outer that only poses as one."""
from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
from pathlib import Path

from harness import wait_until
from peers import AUTH, CHALLENGE, HELLO, WELCOME, FakeOuter, json_frame
from sockets import Address, address_text, connect, listen

ALPN = ["transponder/1"]
PRE_SHARED_KEY = 41     # RFC 8446, 4.2


class Recorder:
    """Passes bytes on between inners and the outer and keeps all of them."""

    def __init__(self, to: Address) -> None:
        self.to = to
        self.up = bytearray()       # from the inner
        self.down = bytearray()
        self.first_up: list[bytearray] = []     # of each link by itself
        self._lock = threading.Lock()
        self._socks: list[socket.socket] = []
        self.listener = listen()
        self.url = address_text(self.listener.getsockname()[:2])
        threading.Thread(target=self._accept, daemon=True).start()

    def open_inner(self, sock: socket.socket) -> socket.socket:
        return sock

    def open_outer(self) -> socket.socket:
        return connect(self.to)

    def _accept(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while True:
                inner, _ = self.listener.accept()
                threading.Thread(target=self._link, args=(inner,),
                                 daemon=True).start()

    def _link(self, raw: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            inner = self.open_inner(raw)
            outer = self.open_outer()
            mine = bytearray()
            with self._lock:
                self._socks += [raw, inner, outer]
                self.first_up.append(mine)
            back = threading.Thread(
                target=self._pass, args=(outer, inner, self.down, bytearray()),
                daemon=True)
            back.start()
            self._pass(inner, outer, self.up, mine)
            back.join()

    def _pass(self, source: socket.socket, to: socket.socket,
              record: bytearray, mine: bytearray) -> None:
        with contextlib.suppress(OSError, ValueError):
            source.settimeout(None)
            while data := source.recv(65536):
                with self._lock:
                    record += data
                    mine += data
                to.sendall(data)
        with contextlib.suppress(OSError):
            to.shutdown(socket.SHUT_WR)

    def recording(self) -> bytes:
        with self._lock:
            return bytes(self.up + self.down)

    def close(self) -> None:
        self.listener.close()
        with self._lock:
            socks = list(self._socks)
        for sock in socks:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


class Impostor(Recorder):
    """Ends the inner's TLS with a certificate of its own, and has TLS of its
    own with the outer: all that is said passes through its hands."""

    def __init__(self, to: Address, cert: Path, key: Path) -> None:
        self.server = server_context(cert, key)
        self.client = client_context()
        self.poses = True   # no: new links just pass
        self._turn = threading.Lock()
        super().__init__(to)
        self.url = self.url.replace("tcp:", "tls:")

    def open_inner(self, sock: socket.socket) -> socket.socket:
        return (self.server.wrap_socket(sock, server_side=True)
                if self.poses else sock)

    def open_outer(self) -> socket.socket:
        sock = connect(self.to)
        return self.client.wrap_socket(sock) if self.poses else sock


    def _pass(self, source: socket.socket, to: socket.socket,
              record: bytearray, mine: bytearray) -> None:
        """One thread at a time: a TLS connection is not for two."""
        source.setblocking(False)
        with contextlib.suppress(OSError, ValueError):
            while (data := self._take(source, to)) != b"":
                if data is None:
                    select.select([source], [], [])
                    continue
                with self._lock:
                    record += data
                    mine += data
        with contextlib.suppress(OSError):
            to.shutdown(socket.SHUT_WR)

    def _take(self, source: socket.socket, to: socket.socket) -> bytes | None:
        """Passes on what has come, and returns it; None: nothing."""
        with self._turn:
            try:
                data = source.recv(65536)
            except (BlockingIOError, ssl.SSLWantReadError):
                return None
            to.sendall(data)
            return data


class Liar(FakeOuter):
    """A TLS server without the key: it gives tickets at once, and a proof
    that is none."""

    def __init__(self, cert: Path, key: Path) -> None:
        super().__init__()
        self.url = self.url.replace("tcp:", "tls:")
        self.context = server_context(cert, key)

    def meet(self, lies: bool) -> bytes:
        """The next link up to its end; returns its ClientHello. Not lies: it
        ends in order after AUTH."""
        link = self.accept_raw()
        hello = client_hello(link.sock)
        link.sock = self.context.wrap_socket(link.sock, server_side=True)
        link.expect(HELLO)
        link.send(json_frame(CHALLENGE, nonce="00" * 32))
        link.expect(AUTH)
        if lies:
            link.send(json_frame(WELCOME, proof="00" * 32, link="7", ping=10))
            assert link.ends() != "open"
        else:
            with contextlib.suppress(OSError):
                link.sock.unwrap()      # a cut would spoil the ticket
        link.close()
        return hello


def client_hello(sock: socket.socket) -> bytes:
    """Its first record, which stays where it is."""
    def whole() -> bytes:
        seen = sock.recv(1 << 14, socket.MSG_PEEK)
        size = 5 + int.from_bytes(seen[3:5], "big")
        return seen[:size] if 5 < size <= len(seen) else b""
    return wait_until(whole, "a ClientHello")


def extensions(hello: bytes | bytearray) -> set[int]:
    """What a ClientHello offers, by number."""
    at = 5 + 4 + 2 + 32                                 # the random
    at += 1 + hello[at]                                 # the session's id
    at += 2 + int.from_bytes(hello[at:at + 2], "big")   # suites
    at += 1 + hello[at]                                 # compression
    end = at + 2 + int.from_bytes(hello[at:at + 2], "big")
    at += 2
    found = set()
    while at < end:
        kind, size = struct.unpack_from("!HH", hello, at)
        found.add(kind)
        at += 4 + size
    assert at == end
    return found


def server_context(cert: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(ALPN)
    return context


def client_context(alpn: list[str] | None = None) -> ssl.SSLContext:
    """A client that takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(ALPN if alpn is None else alpn)
    return context


def hello_of(**options) -> bytes:
    """A ClientHello, as OpenSSL makes it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context(**options).wrap_bio(incoming, outgoing)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()
