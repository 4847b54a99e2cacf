"""Servers that only the inner can reach: echo and friends, nginx."""
from __future__ import annotations

import asyncio
import hashlib
import http.server
import os
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path
from typing import Awaitable, Callable

from harness import DEADLINE, wait_until
from sockets import (Address, address_of, address_text, connect,
                     established_to, free_port, listen)

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter],
                   Awaitable[None]]


async def echo(reader: asyncio.StreamReader,
               writer: asyncio.StreamWriter) -> None:
    """Sends every byte back as it comes."""
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()


async def digest_then_all(reader: asyncio.StreamReader,
                          writer: asyncio.StreamWriter) -> None:
    """Answers only after the end of input: its SHA-256, then all of it."""
    parts = []
    while data := await reader.read(1 << 18):
        parts.append(data)
    everything = b"".join(parts)
    writer.write(hashlib.sha256(everything).digest() + everything)
    await writer.drain()


async def greet_first(reader: asyncio.StreamReader,
                      writer: asyncio.StreamWriter) -> None:
    """Speaks first, as a mail or SSH server does, then echoes."""
    writer.write(b"220 hello\r\n")
    await writer.drain()
    await echo(reader, writer)


class Target:
    """A server in a thread of its own; one handler per connection."""

    def __init__(self, handler: Handler = echo,
                 address: Address | None = None) -> None:
        self._handler = handler
        self._listener = listen(address, backlog=4096)
        self._listener.setblocking(False)
        self.address = address_of(self._listener)
        self.url = address_text(self.address)
        self.accepted = 0
        self.open = 0
        self._tasks: set[asyncio.Task] = set()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: self._loop.run_until_complete(self._run(ready)))
        self._thread.start()
        ready.wait()

    async def _serve(self, reader: asyncio.StreamReader,
                     writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        self.accepted += 1
        self.open += 1
        try:
            await self._handler(reader, writer)
        except (OSError, EOFError):
            pass            # a client that went away is not our concern
        finally:
            self.open -= 1
            self._tasks.discard(task)
            writer.close()

    async def _run(self, ready: threading.Event) -> None:
        start = asyncio.start_unix_server if isinstance(self.address, str) \
            else asyncio.start_server
        server = await start(self._serve, sock=self._listener, backlog=4096)
        ready.set()
        await self._stop.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def close(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
            self._loop.close()


class WebTarget:
    """Python's http.server on a directory."""

    def __init__(self, directory: Path, host: str = "127.0.0.1",
                 handler: type | None = None) -> None:
        class Quiet(handler or http.server.SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __init__(self, *args, **kwargs) -> None:
                if handler is None:
                    kwargs["directory"] = str(directory)
                super().__init__(*args, **kwargs)

            def log_message(self, *_args) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
            request_queue_size = 1024
            daemon_threads = True
            block_on_close = False

        self._server = Server((host, 0), Quiet)
        self.address: Address = self._server.server_address[:2]
        self.url = address_text(self.address)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class DigestHandler(http.server.BaseHTTPRequestHandler):
    """Answers a POST with the SHA-256 of its body, a GET with its path."""

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self._answer(self.path.encode())

    def do_POST(self) -> None:
        digest = hashlib.sha256()
        left = int(self.headers["Content-Length"])
        while left:
            part = self.rfile.read(min(left, 1 << 16))
            if not part:
                return
            digest.update(part)
            left -= len(part)
        self._answer(digest.hexdigest().encode())


class Unanswering:
    """A target whose connections do not come about: its queue is full."""

    def __init__(self) -> None:
        self.listener = listen(backlog=0)
        self.address: Address = self.listener.getsockname()[:2]
        self.url = address_text(self.address)
        self._fillers: list[socket.socket] = []
        while True:
            sock = socket.socket()
            sock.settimeout(0.2)
            self._fillers.append(sock)
            try:
                sock.connect(self.address)
            except TimeoutError:
                break

    def wait_dialled(self) -> None:
        """Waits until somebody besides ourselves is on the way."""
        wait_until(lambda: established_to(self.address[1], states=(2,)) > 1,
                   "the target is dialled")

    def let_in(self) -> None:
        """Makes room, so that who waits gets through at its next SYN."""
        for sock in self._fillers:
            sock.close()
        for _ in self._fillers[:-1]:    # the last one did not get through
            self.listener.accept()[0].close()

    def close(self) -> None:
        for sock in self._fillers:
            sock.close()
        self.listener.close()


NGINX = shutil.which("nginx") or \
    ("/usr/sbin/nginx" if os.path.exists("/usr/sbin/nginx") else None)


class Nginx:
    """A real nginx with a prefix of its own; workers run as www-data."""

    def __init__(self, directory: Path, server: str,
                 address: Address | None = None, listen: str = "") -> None:
        """server: what stands in its server block, less listen, which has those
        words more."""
        self.directory, self.listen = directory, listen
        (directory / "logs").mkdir(parents=True)
        self.process: subprocess.Popen | None = None
        for _ in range(5):
            self.address = address or ("127.0.0.1", free_port())
            self._write(server)
            self.process = subprocess.Popen(
                [NGINX, "-p", str(directory), "-c", "nginx.conf", "-e",
                 "logs/error.log"], stdin=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, start_new_session=True)
            if wait_until(self._answers, "nginx starts") == "up":
                break
            self.process.wait()
        else:
            raise AssertionError(self.errors())
        self.url = address_text(self.address)

    def _write(self, server: str) -> None:
        where = "unix:" + self.address if isinstance(self.address, str) \
            else f"{self.address[0]}:{self.address[1]}"
        user = "user www-data;" if os.geteuid() == 0 else ""
        temporary = "\n".join(
            f"  {kind}_temp_path tmp_{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.directory / "nginx.conf").write_text(f"""{user}
daemon off;
worker_processes 2;
pid nginx.pid;
events {{ worker_connections 2048; }}
http {{
  access_log off;
{temporary}
  server {{
    listen {where} backlog=1024 {self.listen};
{server}
  }}
}}
""")

    def _answers(self) -> str | None:
        if self.process.poll() is not None:
            return "ended"
        if not (self.directory / "nginx.pid").exists():
            return None
        try:
            connect(self.address, 1).close()
        except OSError:
            return None
        return "up"

    def errors(self) -> str:
        path = self.directory / "logs/error.log"
        return path.read_text() if path.exists() else ""

    def worker_users(self) -> set[int]:
        """The user ids of its worker processes."""
        tasks = Path(f"/proc/{self.process.pid}/task")
        workers = " ".join(path.read_text()
                           for path in tasks.glob("*/children")).split()
        return {os.stat(f"/proc/{pid}").st_uid for pid in workers}

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


