"""Clients: plain sockets, asyncio, curl, and what the kernel knows of them."""
from __future__ import annotations

import array
import asyncio
import contextlib
import ctypes
import fcntl
import itertools
import os
import random
import socket
import struct
import subprocess
import termios
import time
from typing import Callable, Iterator, Union

from harness import DEADLINE, wait_until

# ("127.0.0.1", 80), ("::1", 80) or the path of a Unix socket.
Address = Union[tuple[str, int], str]


def parse_address(text: str) -> Address:
    """The address in a log line: tcp://host:port or unix:///path."""
    if text.startswith("unix://"):
        return text[len("unix://"):]
    host, _, port = text.removeprefix("tcp://").rpartition(":")
    return host.strip("[]"), int(port)


def address_text(address: Address) -> str:
    """The address as a configuration file has it."""
    if isinstance(address, str):
        return "unix://" + address
    host, port = address
    return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"


def address_of(sock: socket.socket) -> Address:
    name = sock.getsockname()
    return name if isinstance(name, str) else (name[0], name[1])


def connect(address: Address, timeout: float | None = None,
            buffers: int | None = None, source: str = "") -> socket.socket:
    """A connected socket with a deadline on every operation."""
    if isinstance(address, str):
        family, target = socket.AF_UNIX, address
    else:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        target = address
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(DEADLINE if timeout is None else timeout)
        if buffers:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffers)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffers)
        if family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source:
            sock.bind((source, 0))
        sock.connect(target)
    except OSError:
        sock.close()
        raise
    return sock


def listen(address: Address | None = None, backlog: int = 128,
           ) -> socket.socket:
    """A listening socket with a deadline on accept; at a port that nobody else
    takes when it is closed."""
    if address is None:
        return _in_a_row(1, lambda place: listen(place, backlog))[0]
    if isinstance(address, str):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    else:
        v6 = ":" in address[0]
        sock = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted sockets inherit it: what the tests send leaves at once.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        sock.bind(address)
        sock.listen(backlog)
    except OSError:
        sock.close()
        raise
    sock.settimeout(DEADLINE)
    return sock


def own_ports() -> range:
    """None of those that the system gives to others, and none of those of
    pytest's other processes."""
    nth = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    share = 22000 // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return range(10000 + nth * share, 10000 + (nth + 1) * share)


_places = itertools.count(random.randrange(1 << 16))


def _in_a_row(count: int, make: Callable[[Address], socket.socket],
              ) -> list[socket.socket]:
    """What make makes of so many of our ports that follow one another; of other
    ones each time: who was given one may not have bound it yet."""
    ports, made = own_ports(), []
    for _ in range(2 * len(ports)):
        nth = next(_places) % len(ports)
        try:
            made.append(make(("127.0.0.1", ports[nth])))
        except OSError:
            _close(made)
        if len(made) == count:
            return made
        if nth == len(ports) - 1:
            _close(made)
    raise AssertionError(f"no {count} free ports in a row")


def _close(made: list[socket.socket]) -> None:
    while made:
        made.pop().close()


def listen_in_a_row(count: int = 2) -> list[socket.socket]:
    """Listeners at ports that follow one another."""
    return _in_a_row(count, listen)


def accept(listener: socket.socket, timeout: float | None = None,
           ) -> socket.socket:
    listener.settimeout(DEADLINE if timeout is None else timeout)
    sock, _ = listener.accept()
    sock.settimeout(DEADLINE)
    return sock


def _bound(address: Address) -> socket.socket:
    with contextlib.ExitStack() as stack:
        sock = stack.enter_context(socket.socket())
        sock.bind(address)
        stack.pop_all()
    return sock


def free_ports(count: int) -> int:
    """The first of so many free ports in a row, for this process alone."""
    made = _in_a_row(count, _bound)
    first = made[0].getsockname()[1]
    _close(made)
    return first


def free_port() -> int:
    """One for this process alone."""
    return free_ports(1)


def recv_exactly(sock: socket.socket, size: int) -> bytes:
    parts, left = [], size
    while left:
        part = sock.recv(min(left, 1 << 18))
        if not part:
            raise AssertionError(f"end of input, {left} of {size} missing")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def recv_all(sock: socket.socket) -> bytes:
    parts = []
    while part := sock.recv(1 << 18):
        parts.append(part)
    return b"".join(parts)


def request(address: Address, data: bytes, timeout: float | None = None,
            ) -> bytes:
    """Sends data, shuts its writing side, returns the whole reply."""
    with connect(address, timeout) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        return recv_all(sock)


def ping_pong(sock: socket.socket, data: bytes) -> None:
    """Asserts that an echo answers on a connection that stays open."""
    sock.sendall(data)
    assert recv_exactly(sock, len(data)) == data


def reset(sock: socket.socket) -> None:
    """Closes so that the peer sees a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.close()


def how_it_ends(sock: socket.socket, timeout: float | None = None) -> str:
    """Reads on to the end: "fin", "reset", or "open" when none comes."""
    limit = time.monotonic() + (DEADLINE if timeout is None else timeout)
    while True:
        sock.settimeout(max(limit - time.monotonic(), 0.001))
        try:
            if not sock.recv(1 << 16):
                return "fin"
        except (ConnectionResetError, BrokenPipeError):
            return "reset"
        except TimeoutError:
            return "open"


def how_a_client_ends(address: Address, timeout: float | None = None) -> str:
    """how_it_ends() of a new client, who may be reset before he knows it."""
    try:
        with connect(address, timeout) as sock:
            return how_it_ends(sock, timeout)
    except ConnectionResetError:
        return "reset"


def is_quiet(sock: socket.socket, seconds: float) -> bool:
    """Whether nothing at all arrives for so long, no end either."""
    sock.settimeout(seconds)
    try:
        sock.recv(1, socket.MSG_PEEK)
    except TimeoutError:
        return True
    except OSError:
        return False
    finally:
        sock.settimeout(DEADLINE)
    return False


# --- what the kernel knows ------------------------------------------------

_ESTABLISHED = 1
_SIOCOUTQNSD = 0x894B     # what has not even left


def _diag_key(sock: socket.socket) -> bytes:
    """The other end of sock as an inet_diag_sockid."""
    size = 16 if sock.family == socket.AF_INET6 else 4
    ends = [sock.getpeername(), sock.getsockname()]
    ports = struct.pack("!HH", ends[0][1], ends[1][1])
    addresses = b"".join(socket.inet_pton(sock.family, end[0]).ljust(16, b"\0")
                         for end in ends)
    assert size in (4, 16)
    return ports + addresses + struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)


def unread_by_peer(sock: socket.socket) -> int:
    """Bytes that the program at the other end has not read yet."""
    if sock.family == socket.AF_UNIX:
        left = array.array("i", [0])
        fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, left)
        return left[0]
    body = struct.pack("=BBBBI", sock.family, socket.IPPROTO_TCP, 0, 0,
                       0xFFFFFFFF) + _diag_key(sock)
    head = struct.pack("=IHHII", 16 + len(body), 20, 1, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as netlink:
        netlink.sendto(head + body, (0, 0))
        answer = netlink.recv(8192)
    if struct.unpack_from("=H", answer, 4)[0] != 20:
        return 0        # no such socket any more: nobody will read it
    unsent = array.array("i", [0])
    fcntl.ioctl(sock.fileno(), _SIOCOUTQNSD, unsent)
    return struct.unpack_from("=I", answer, 16 + 4 + 48 + 4)[0] + unsent[0]


def _unacknowledged(sock: socket.socket) -> int:
    """Bytes, and a FIN, that the other end's system has not acknowledged."""
    left = array.array("i", [0])
    fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, left)
    return left[0]


def wait_read(sock: socket.socket, timeout: float | None = None) -> None:
    """Waits until the program at the other end has read all that was sent."""
    wait_until(lambda: unread_by_peer(sock) == 0, "the peer reads", timeout,
               every=0.0002)


def wait_acknowledged(sock: socket.socket) -> None:
    """Waits until the system at the other end has all that was sent, a FIN
    too; whether anybody reads it or not."""
    wait_until(lambda: _unacknowledged(sock) == 0,
               "the peer's system takes it")


_SETNS_NET = 0x40000000   # CLONE_NEWNET
_DUMP = 0x301             # NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH


@contextlib.contextmanager
def _network_of(pid: int | str) -> Iterator[None]:
    """This thread is in the network namespace of pid for a while."""
    if os.readlink(f"/proc/{pid}/ns/net") == os.readlink("/proc/self/ns/net"):
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as home, \
            open(f"/proc/{pid}/ns/net") as there:
        if libc.setns(there.fileno(), _SETNS_NET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            libc.setns(home.fileno(), _SETNS_NET)


def _count_tcp(pid: int | str, local: int, remote: int,
               states: tuple[int, ...], host: bytes = b"") -> int:
    """How many TCP sockets of programs have these ports (0: any) and states,
    and the local address host (b"": any), in pid's network: by sock_diag(7),
    for /proc/net/tcp shows rows twice, or not at all, while others come and
    go."""
    mask = sum(1 << state for state in states)
    ports = struct.pack("!HH", local, remote)
    count = 0
    with _network_of(pid), \
            socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as netlink:
        for family in (socket.AF_INET, socket.AF_INET6):
            body = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0,
                               mask) + ports + bytes(44)
            netlink.sendto(struct.pack("=IHHII", 16 + len(body), 20, _DUMP,
                                       1, 0) + body, (0, 0))
            count += _rows_of_dump(netlink, host)
    return count


def _rows_of_dump(netlink: socket.socket, host: bytes) -> int:
    """How many rows of that local address come before the end of a netlink
    dump (netlink(7); behind 24 bytes: struct inet_diag_msg), but for those that
    nobody has accepted yet."""
    rows = 0
    while True:
        answer, at = netlink.recv(1 << 17), 0
        while at < len(answer):
            length, kind = struct.unpack_from("=IH", answer, at)
            if kind == 3:           # NLMSG_DONE
                return rows
            assert kind == 20, f"sock_diag answers {kind}"
            inode, = struct.unpack_from("=I", answer, at + 16 + 68)
            rows += answer.startswith(host, at + 24) and inode != 0
            at += (length + 3) & ~3


def established_at(port: int, pid: int | str = "self",
                   host: str = "0.0.0.0") -> int:
    """How many connections a listening port holds. Of one address alone, where
    it has one: another program's own end may have the same number at
    another."""
    here = b"" if ":" in host or host == "0.0.0.0" else socket.inet_aton(host)
    return _count_tcp(pid, port, 0, (_ESTABLISHED,), here)


def established_to(port: int, pid: int | str = "self",
                   states: tuple[int, ...] = (_ESTABLISHED,)) -> int:
    """How many connections lead to a port; 2 is SYN_SENT."""
    return _count_tcp(pid, 0, port, states)


_SYS_PIDFD_GETFD = 438          # the same number on every architecture


def tcp_sockets_of(pid: int) -> list[socket.socket]:
    """Copies of a program's own ends of its TCP connections, to ask them for
    their options; an OSError where the system does not allow that."""
    found, libc = [], ctypes.CDLL(None, use_errno=True)
    process = os.pidfd_open(pid)
    try:
        for entry in os.scandir(f"/proc/{pid}/fd"):
            if not os.readlink(entry.path).startswith("socket:"):
                continue
            fd = libc.syscall(_SYS_PIDFD_GETFD, process, int(entry.name), 0)
            if fd < 0:
                raise OSError(ctypes.get_errno(), "pidfd_getfd")
            sock = socket.socket(fileno=fd)
            state = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) \
                if sock.family in (socket.AF_INET, socket.AF_INET6) else b""
            if state == bytes([_ESTABLISHED]):
                found.append(sock)
            else:
                sock.close()
    finally:
        os.close(process)
    return found


# --- ways to write: a piece is read, if it ever is, before the next leaves 

Writer = Callable[[socket.socket, bytes], None]


def whole(sock: socket.socket, data: bytes) -> None:
    sock.sendall(data)


def _let_it_be_read(sock: socket.socket) -> None:
    """Waits until the peer has read all, but not for one that need not."""
    limit = time.monotonic() + 0.1
    while unread_by_peer(sock) and time.monotonic() < limit:
        time.sleep(0.0001)


def byte_by_byte(sock: socket.socket, data: bytes) -> None:
    for at in range(len(data)):
        sock.sendall(data[at:at + 1])
        _let_it_be_read(sock)


def split_at(place: int) -> Writer:
    """A writer that sends the first bytes, waits, then sends the rest."""
    def write(sock: socket.socket, data: bytes) -> None:
        first, rest = data[:place], data[place:]
        if first:
            sock.sendall(first)
            if rest:
                _let_it_be_read(sock)
        if rest:
            sock.sendall(rest)
    return write


# --- many at once ---------------------------------------------------------

async def open_stream(address: Address,
                      ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if isinstance(address, str):
        return await asyncio.open_unix_connection(address)
    return await asyncio.open_connection(*address)


async def talk(address: Address, data: bytes, timeout: float = DEADLINE,
               ) -> bytes:
    """Like request(), for many at once."""
    async with asyncio.timeout(timeout):
        reader, writer = await open_stream(address)
        try:
            writer.write(data)
            await writer.drain()
            writer.write_eof()
            return await reader.read()
        finally:
            writer.close()


async def timed_talk(address: Address, data: bytes, timeout: float = DEADLINE,
                     ) -> tuple[bytes, float]:
    """The reply and how many seconds it took, connecting included."""
    began = time.monotonic()
    reply = await talk(address, data, timeout)
    return reply, time.monotonic() - began


def curl(url: str, *options: str, unix_socket: str | None = None,
         timeout: float | None = None) -> bytes:
    """The body that curl fetches; an HTTP error fails."""
    via = ["--unix-socket", unix_socket] if unix_socket else []
    limit = timeout or DEADLINE
    result = subprocess.run(
        ["curl", "--silent", "--show-error", "--fail", "--noproxy", "*",
         "--max-time", str(limit), *via, *options, url],
        capture_output=True, timeout=limit + 5)
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


def http_url(address: Address, path: str = "/") -> str:
    assert not isinstance(address, str)
    host, port = address
    return f"http://[{host}]:{port}{path}" if ":" in host \
        else f"http://{host}:{port}{path}"
