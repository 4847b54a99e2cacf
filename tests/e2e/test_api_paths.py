"""doc/openapi.json and the running server say the same."""
from __future__ import annotations

import json
import re
from typing import Any

import pytest

from admin import admin
from harness import REPO
from sockets import connect, free_port

DOC = json.loads((REPO / "doc/openapi.json").read_text())
METHODS = ("get", "post", "put", "patch", "delete")
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool,
         "integer": int, "number": (int, float)}


def resolve(schema: dict) -> dict:
    name = schema.get("$ref")
    return DOC["components"]["schemas"][name.rpartition("/")[2]] \
        if name else schema


def check(value: Any, schema: dict, where: str) -> None:
    """Whether the value is what the schema says, and has no other keys."""
    schema = resolve(schema)
    if value is None:
        assert schema.get("nullable"), f"{where}: null"
        return
    wanted = TYPES[schema["type"]]
    assert isinstance(value, wanted) and (
        isinstance(value, bool) == (wanted is bool)), f"{where}: {value!r}"
    if "enum" in schema:
        assert value in schema["enum"], f"{where}: {value!r}"
    if schema["type"] == "array":
        for one in value:
            check(one, schema["items"], f"{where}[]")
    if schema["type"] == "object" and "properties" in schema:
        assert set(value) == set(schema["properties"]), where
        for key, one in value.items():
            check(one, schema["properties"][key], f"{where}.{key}")


def told(path: str, method: str, status: int) -> dict:
    response = DOC["paths"][path][method]["responses"][str(status)]
    return response["content"]["application/json"]["schema"]


def test_every_path_answers_as_it_is_described(lab):
    outer, api = admin(lab)
    inner = lab.inner(outer, lab.echo(), InnerId="home", MaxFreeConn=3,
                      AllowTargets=["127.0.0.1:*"])
    outer.wait_joined(3)
    assert inner.running()
    client = lab.add(connect(outer.clients))
    client.sendall(b"x")
    assert client.recv(1) == b"x"
    session = api.get("/api/sessions")["sessions"][0]["id"]
    port = free_port()
    asked = {
        "/health": None,
        "/api/mapping/create": {"port": port, "allow_from": ["10.0.0.0/8"]},
        "/api/mapping/list": None,
        "/api/inners": None,
        "/api/inners/{id}/drain": {"drain": False},
        "/api/services": None,
        "/api/sessions": None,
        "/api/sessions/{id}/kill": None,
        "/api/reload": None,
        "/api/mapping/remove": {"port": port},
    }
    assert set(asked) == set(DOC["paths"])
    for path, body in asked.items():
        (method,) = DOC["paths"][path]
        real = path.replace("{id}", str(session) if "sessions" in path
                            else "home")
        answer = api.ask(method.upper(), real, body)
        assert answer.status == 200, (path, answer)
        check(dict(success=answer.success, message=answer.message,
                   data=answer.data), told(path, method, 200), path)
    assert api.get("/api/inners")["inners"][0]["instances"]


@pytest.mark.parametrize("path", sorted(DOC["paths"]))
def test_a_path_takes_no_other_method(lab, path):
    _, api = admin(lab)
    real = path.replace("{id}", "1")
    for method in METHODS:
        answer = api.ask(method.upper(), real)
        if method in DOC["paths"][path]:
            assert answer.status != 405
            assert str(answer.status) in \
                DOC["paths"][path][method]["responses"]
        else:
            assert answer.status == 405
            assert answer.headers["Allow"].split(", ")[0].lower() in \
                DOC["paths"][path]


def test_every_route_is_described():
    """The table of the code against the page."""
    code = (REPO / "outer/api.c").read_text()
    routes = re.findall(r'\{ "(/[^"]*)", HTTPD_(\w+), (true|false)', code)
    assert {(path, method.lower()) for path, method, _ in routes} == \
        {(path, method) for path, methods in DOC["paths"].items()
         for method in methods}
    for path, method, is_open in routes:
        security = DOC["paths"][path][method.lower()].get("security")
        assert (security == []) is (is_open == "true")


def test_what_create_takes_is_described():
    code = (REPO / "outer/api_wish.c").read_text()
    table = code[code.index("read_create("):]
    table = table[:table.index("api_read(")]
    keys = set(re.findall(r'\{ "(\w+)", API_', table))
    assert keys == set(DOC["components"]["schemas"]["Create"]["properties"])
