"""Between the two programs: a relay that records, and one that poses as the
outer with a certificate of its own."""
from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from pathlib import Path

from sockets import Address, address_text, connect, listen

ALPN = ["transponder/1"]


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
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(cert, key)
        self.server.set_alpn_protocols(ALPN)
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


def client_context(alpn: list[str] | None = None) -> ssl.SSLContext:
    """A client that takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(ALPN if alpn is None else alpn)
    return context
