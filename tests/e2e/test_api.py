"""The HTTP API: mappings are made, kept, listed and removed."""
from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import sqlite3
import statistics
import threading
import time

import pytest

from admin import API, Api, admin
from harness import SCALE, run_once, use_key, wait_until
from sockets import (address_of, connect, free_port, free_ports, listen,
                     recv_exactly, request)
from test_services import answers, change, who

TOKEN = "a-token-of-the-tests-0123456789"


def public(port: int):
    return ("127.0.0.1", port)


def lasting(mapping: dict) -> dict:
    """What does not change while it lives."""
    return {key: value for key, value in mapping.items() if key != "sessions"}


def refused(port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as sock:
        return sock.connect_ex(public(port)) != 0


def test_a_mapping_from_the_first_to_the_last(lab):
    """Made, used, listed, there again after kill -9, removed."""
    target = lab.target(answers("hello"))
    file = lab.outer_file(AdminAddress=API)
    outer = lab.start_outer(file).wait_ready()
    api = Api(outer)
    lab.inner(outer, target, InnerId="home", MaxFreeConn=2)
    outer.wait_joined(2)
    port = free_port()
    made = api.create(port, inner="home", target_port=target.address[1])
    assert made["id"] == 1 and made["name"] == f"port-{port}"
    assert made["target_ip"] == "127.0.0.1" and made["tunnel"] is True
    assert who(public(port)) == "hello"
    assert lasting(api.mappings()[port]) == lasting(made)
    outer.kill()

    outer = lab.start_outer(file).wait_ready()
    api = Api(outer)
    lab.inner(outer, target, InnerId="home", MaxFreeConn=2)
    outer.wait_joined(2)
    assert lasting(api.mappings()[port]) == lasting(made)
    assert who(public(port)) == "hello"
    api.remove(port)
    assert refused(port)
    assert api.mappings() == {}
    outer.kill()

    outer = lab.start_outer(file).wait_ready()
    assert Api(outer).mappings() == {}
    assert refused(port)
