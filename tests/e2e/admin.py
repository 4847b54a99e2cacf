"""The outer's HTTP API, as a script of an operator calls it."""
from __future__ import annotations

import http.client
import json
import socket
from typing import Any, NamedTuple

from harness import DEADLINE
from lab import Lab, Outer
from sockets import Address, parse_address

API = "tcp://127.0.0.1:0"


class Answer(NamedTuple):
    status: int
    success: bool
    message: str
    data: Any
    headers: http.client.HTTPMessage


class UnixConnection(http.client.HTTPConnection):
    """To a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=DEADLINE)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(DEADLINE)
        self.sock.connect(self.path)


class Api:
    """One caller, on one connection as long as that lasts."""

    def __init__(self, outer: Outer, token: str | None = None) -> None:
        line = outer.wait_log("listen", "listening", **{"for": "the API"})
        self.address = line["address"]
        self.token = token
        self.http: http.client.HTTPConnection
        if self.address.startswith("unix://"):
            self.http = UnixConnection(self.address[len("unix://"):])
        else:
            host, self.port = parse_address(self.address)
            self.http = http.client.HTTPConnection(host, self.port,
                                                   timeout=DEADLINE)

    def ask(self, method: str, path: str, body: Any = None,
            **headers: str) -> Answer:
        """body: bytes as they are, or what becomes JSON."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        sent = {name.replace("_", "-"): value
                for name, value in headers.items()}
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        try:
            self.http.request(method, path, body, sent)
        except BrokenPipeError:     # it was idle for too long: a new one
            self.http.close()
            self.http.request(method, path, body, sent)
        response = self.http.getresponse()
        told = json.loads(response.read())
        assert set(told) == {"success", "message", "data"}
        assert told["success"] is (response.status < 400)
        return Answer(response.status, told["success"], told["message"],
                      told["data"], response.headers)

    def get(self, path: str) -> Any:
        """What a good answer says."""
        answer = self.ask("GET", path)
        assert answer.status == 200, answer
        return answer.data

    def post(self, path: str, **body: Any) -> Any:
        answer = self.ask("POST", path, body)
        assert answer.status == 200, answer
        return answer.data

    def create(self, port: int, **more: Any) -> Any:
        return self.post("/api/mapping/create", port=port, **more)

    def remove(self, port: int) -> Any:
        return self.post("/api/mapping/remove", port=port)

    def mappings(self) -> dict[int, Any]:
        """Those that there are, by their public ports."""
        told = self.get("/api/mapping/list")
        assert told["count"] == len(told["mappings"])
        return {one["source_port"]: one for one in told["mappings"]}

    def close(self) -> None:
        self.http.close()


def admin(lab: Lab, **settings: Any) -> tuple[Outer, Api]:
    """An outer with an API, and a caller."""
    token = settings.get("AdminToken")
    outer = lab.outer(**{"AdminAddress": API, **settings})
    return outer, lab.add(Api(outer, token))


def public(port: int) -> Address:
    return ("127.0.0.1", port)


def lasting(mapping: dict) -> dict:
    """What does not change while it lives."""
    return {key: value for key, value in mapping.items() if key != "sessions"}


def refused(port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as sock:
        return sock.connect_ex(public(port)) != 0
