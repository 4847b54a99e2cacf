"""inner_server without a file: what it does is on its command line."""
from __future__ import annotations

import signal

import pytest

import peers
from harness import KEY, run_once
from peers import json_frame
from sockets import address_of, address_text
from test_services_inner import R_NO_SERVICE, Roles, refuses, serves

KEY_FILE = "--auth-key-file"


def start(lab, fake, target, *more: str):
    """An inner that logs as it does by default."""
    file = lab.key_file("key", KEY)
    return lab.track(lab.inner_type("inner_server", [
        "--register", fake.url, "--proxy", address_text(address_of(target)),
        KEY_FILE, str(file), *more], lab.dir))


@pytest.mark.short
def test_a_public_address_is_asked_for(lab, fake, target):
    """--remote: the service remote, with an address to listen on; no other."""
    inner = start(lab, fake, target, "--remote", "tcp://:8080")
    roles = Roles(fake)
    control, standby = roles.control(), roles.standby()
    assert control.expect(peers.REGISTER).json()["services"] == [
        {"name": "remote-8080", "target": address_text(address_of(target)),
         "listen": "tcp://:8080"}]
    control.send(json_frame(peers.REGISTERED, services=[
        {"name": "remote-8080", "id": 7, "address": "tcp://0.0.0.0:8080"}]))
    refuses(standby, R_NO_SERVICE)
    serves(standby, target, service=7)
    inner.signal(signal.SIGHUP)     # there is a key file to be read anew
    inner.wait_log(says="configuration read anew.*command line")


def test_without_remote_it_is_a_plain_inner(lab, fake, target):
    start(lab, fake, target, "--inner-id", "box")
    link = fake.accept()
    assert "registers" not in link.hello.json()
    assert link.hello.json()["inner"] == "box"
    serves(link, target)


@pytest.mark.parametrize("args, says", [
    (["--register", "x"], "--proxy: missing"),
    (["--proxy", "tcp://:1"], "--register: missing"),
    (["--register", "ftp://x", "--proxy", "tcp://:1"],
     "--register: found \"ftp://x\": an address starts with"),
    (["--register", "tcp://:1", "--proxy", "tcp://:0"],
     "--proxy: found \"tcp://:0\": nobody can be reached at port 0"),
    (["--register", "tcp://:1", "--proxy", "tcp://:1-2",
      "--remote", "tcp://:1-3", KEY_FILE, "key"], "RemoteListen: found 3 ports"),
    (["--register", "tcp://:1", "--proxy", "a\nb"], "found \"a?b\""),
    (["--register", "tcp://:1", "--proxy", "tcp://:1", "--remote", "80"],
     "--remote: found \"80\""),
    (["--register", "tcp://:1", "--proxy", "tcp://:1"], "AuthKey: missing"),
    (["--register", "tcp://:1", "--proxy", "tcp://:1", KEY_FILE, "none"],
     "none: no such file"),
    (["--register", "tcp://:1", "-c", "inner.config.json"],
     "--register: found it with --config"),
    (["--register", "tcp://:1", "--proxy", "tcp://:1", "--inner-id", "a b"],
     "--inner-id: found \"a b\""),
    (["--proxy"], "requires an argument")])
def test_what_is_wrong_is_said(lab, args, says):
    """One line, and status 2."""
    lab.key_file("key", KEY)
    result = run_once("inner_server", *args, cwd=lab.dir)
    assert result.returncode == 2 and says in result.stderr, result.stderr
    assert len(result.stderr.splitlines()) == 1 + ("Try" in result.stderr)


def test_check_prints_what_it_says(lab):
    file = lab.key_file("key", KEY)
    result = run_once("inner_server", "--check", "--register", "tls://h:1",
                      "--proxy", "tcp://:80-81", "--remote", "tcp://:90-91",
                      KEY_FILE, file.name, cwd=lab.dir)
    assert result.returncode == 0, result.stderr
    assert "RegisterAddress = tls://h:1\n" in result.stdout
    assert "RemoteListen = tcp://:90-91" in result.stdout
    assert KEY not in result.stdout
