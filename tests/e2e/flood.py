"""Strangers at the link port: flood.py HOST PORT SECONDS SILENT RATE

Keeps SILENT connections open that say nothing or, every other one, half a
ClientHello, and makes RATE more a second that say something wrong, from
127.0.0.2 to 127.0.0.250. Prints one line of JSON when the first ones stand, and
one at the end. A process of its own, so that it does not slow down whoever
measures.
"""
from __future__ import annotations

import contextlib
import itertools
import json
import random
import selectors
import socket
import sys
import time

GARBAGE = (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01" + bytes(99),
           b"\x01\x10\xff\xff\xff\xff", bytes(16384), b'{"T":9,"Ext":"x"}',
           b"\x01\x10\x00\x00\x0f\xff{", b"SSH-2.0-nobody\r\n")
HALF = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200)
sources = itertools.cycle(f"127.0.0.{last}" for last in range(2, 251))


def begin(target: tuple[str, int]) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    # a reset at the end leaves nothing behind
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.bind((next(sources), 0))
    sock.connect_ex(target)
    return sock


class Flood:
    def __init__(self, target: tuple[str, int], silent: int, rate: int):
        self.target, self.silent, self.rate = target, silent, rate
        self.held = selectors.DefaultSelector()
        self.wrong: list[tuple[float, socket.socket]] = []
        self.made = self.lost = self.sent = 0

    def hold(self, most: int) -> None:
        """Replaces those that were closed, so many at once."""
        for key, _ in self.held.select(0):
            self.held.unregister(key.fileobj)
            key.fileobj.close()
            self.lost += 1
        for _ in range(min(most, self.silent - len(self.held.get_map()))):
            sock = begin(self.target)
            self.held.register(sock, selectors.EVENT_READ)
            self.made += 1
            if self.made % 2 == 0:
                with contextlib.suppress(OSError):
                    sock.send(HALF)

    def err(self, count: int) -> None:
        now = time.monotonic()
        for _ in range(count):
            self.wrong.append((now, begin(self.target)))
        while self.wrong and now - self.wrong[0][0] > 0.1:
            _, sock = self.wrong.pop(0)
            try:
                sock.send(random.choice(GARBAGE))
                self.sent += 1
            except OSError:
                pass
            self.held_for_a_while(sock)

    def held_for_a_while(self, sock: socket.socket) -> None:
        """Half of them leave at once, the others when they are closed."""
        if random.random() < 0.5:
            sock.close()
        else:
            self.held.register(sock, selectors.EVENT_READ)

    def run(self, seconds: float) -> None:
        began = time.monotonic()
        done = 0
        while (now := time.monotonic() - began) < seconds:
            due = int(now * self.rate)
            self.err(due - done)
            done = due
            self.hold(50)
            time.sleep(0.02)
        print(json.dumps({"silent": self.made, "closed": self.lost,
                          "wrong": done, "sent": self.sent,
                          "open": len(self.held.get_map())}), flush=True)


def main() -> None:
    host, port, seconds, silent, rate = sys.argv[1:]
    flood = Flood((host, int(port)), int(silent), int(rate))
    for _ in range(int(silent) // 100):
        flood.hold(100)
        time.sleep(0.005)
    print(json.dumps({"begun": flood.made}), flush=True)
    flood.run(float(seconds))


main()
