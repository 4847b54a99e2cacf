"""Much data through one session: who sends it, reads it, and its SHA-256."""
from __future__ import annotations

import hashlib
import os
import socket
import threading
import time

from harness import MIB

BLOCK = os.urandom(MIB)


def block(number: int) -> list[bytes]:
    """The number-th MiB of a stream: its number, then common noise."""
    head = number.to_bytes(8, "big")
    return [head, memoryview(BLOCK)[8:]]


def send_stream(sock: socket.socket, mebibytes: int, first: int) -> str:
    """Sends so many MiB and a FIN; returns their SHA-256."""
    digest = hashlib.sha256()
    for number in range(first, first + mebibytes):
        for part in block(number):
            digest.update(part)
            sock.sendall(part)
    sock.shutdown(socket.SHUT_WR)
    return digest.hexdigest()


def receive_stream(sock: socket.socket, slow_seconds: float = 0,
                   ) -> tuple[str, int]:
    """Reads to the end, at 1 MiB/s at first; returns SHA-256 and length."""
    digest, total = hashlib.sha256(), 0
    buffer = memoryview(bytearray(MIB))
    began = time.monotonic()
    while count := sock.recv_into(buffer[:1 << 16] if slow_seconds else buffer):
        digest.update(buffer[:count])
        total += count
        if slow_seconds:
            ahead = total / MIB - (time.monotonic() - began)
            if ahead > 0:
                time.sleep(ahead)
            if time.monotonic() - began > slow_seconds:
                slow_seconds = 0
    return digest.hexdigest(), total


class Worker(threading.Thread):
    """A thread whose result or exception result() hands on."""

    def __init__(self, work, *args) -> None:
        super().__init__(daemon=True)
        self._work, self._args = work, args
        self._value = self._problem = None
        self.start()

    def run(self) -> None:
        try:
            self._value = self._work(*self._args)
        except BaseException as problem:
            self._problem = problem

    def result(self, timeout: float):
        self.join(timeout)
        assert not self.is_alive(), "still running"
        if self._problem:
            raise self._problem
        return self._value
