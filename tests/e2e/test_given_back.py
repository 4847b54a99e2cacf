"""Once many sessions have ended, the programs give back what they took."""
from __future__ import annotations

import pytest

import lab as lab_module
from harness import PLAIN, SCALE, wait_until
from lab import Lab, Program
from sockets import accept, connect, listen

pytestmark = pytest.mark.skipif(
    not PLAIN, reason="the checker has an allocator of its own")
SESSIONS = 300
TAKEN_LEAST_KIB = SESSIONS * 8      # of TLS; it is more where nothing is free
LEFT_MOST = 0.5                     # of what was taken


def growth_of(program: Program, before: int) -> int:
    return program.rss_kib() - before


@pytest.mark.parametrize("workers", [0, 2])
def test_sessions_leave_nothing_behind(lab: Lab, figure, monkeypatch, workers):
    """Over TLS, where the library takes most. The C library keeps what is freed
    between blocks that stay: only because we ask does the system get it."""
    monkeypatch.setattr(lab_module, "TLS", True)
    listener = lab.add(listen())
    outer, inner = lab.tunnel(listener, standbys=8, outer={"Workers": workers},
                              inner={"Workers": workers})
    programs = {outer: outer.rss_kib(), inner: inner.rss_kib()}
    pairs = []
    for _ in range(SESSIONS):
        client = lab.add(connect(outer.clients))
        client.sendall(b"x")
        while (served := lab.add(accept(listener))).recv(1) != b"x":
            pass                # of a link that answered too late
        pairs.append((client, served))
    taken = {p: growth_of(p, was) for p, was in programs.items()}
    assert min(taken.values()) > TAKEN_LEAST_KIB, taken
    for pair in pairs:
        for sock in pair:
            sock.close()
    for program, was in programs.items():
        wait_until(
            lambda: growth_of(program, was) < taken[program] * LEFT_MOST,
            "its memory is given back", 20 * SCALE, every=0.2)
    figure(f"{SESSIONS} sessions over TLS have gone, Workers {workers}: left "
           + ", ".join(f"{growth_of(p, was)} of {taken[p]} KiB"
                       for p, was in programs.items()))
