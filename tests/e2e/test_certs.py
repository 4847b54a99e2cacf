"""What the outer does about certificates: makes, renews, reads them anew."""
from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import ssl
import stat
import subprocess
from pathlib import Path

import pytest

import lab as lab_module
from certs import CA, NAME, fingerprint, openssl, self_signed
from harness import PLAIN, VALGRIND, run_once, use_key, wait_until
from relays import client_context
from sockets import connect, recv_exactly, request

pytestmark = pytest.mark.short
FILES = {"ca.key": 0o600, "ca.crt": 0o644, "server.key": 0o600,
         "server.crt": 0o644}


@pytest.fixture(autouse=True)
def links_are_tls(monkeypatch):
    monkeypatch.setattr(lab_module, "TLS", True)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def hang_up(program) -> int:
    mark = program.mark()
    program.signal(signal.SIGHUP)
    return mark


# --- our own ----------------------------------------------------------------

def test_the_first_start_makes_them(lab):
    """A CA and a certificate, only for this user, and the log says what to
    write into the inner's file; the second start makes nothing."""
    outer = lab.outer()
    folder = lab.path("certs")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode)
            for path in folder.iterdir()} == FILES
    assert not list(lab.dir.glob("certs.*"))
    made = outer.wait_log("tls", "certificates made")
    assert made["ca"] == str(folder / "ca.crt")
    assert made["sha256"] == fingerprint(
        folder / "ca.crt").replace(":", "").lower()
    address = outer.wait_log("tls", "for inner.config.json")
    assert address["RegisterAddress"].startswith("tls://127.0.0.1:")
    print_ = outer.wait_log("tls", "for inner.config.json", count=2)
    assert print_["ServerFingerprint"] == made["sha256"]
    openssl("verify", "-CAfile", folder / "ca.crt", "-purpose", "sslserver",
            "-verify_hostname", NAME, folder / "server.crt")
    for name, days in (("ca.crt", 3650), ("server.crt", 390)):
        openssl("x509", "-in", folder / name, "-noout", "-checkend",
                days * 86400)
        assert "prime256v1" in openssl("x509", "-in", folder / name, "-noout",
                                       "-text")
    before = contents(folder)
    again = lab.outer()
    assert again.wait_log("tls", "certificates")["sha256"] == made["sha256"]
    assert contents(folder) == before


def test_two_that_start_at_once_agree(lab):
    """Whoever is first makes them, and the other takes those."""
    file = lab.outer_file()
    outers = [lab.start_outer(file) for _ in range(6)]
    prints = {outer.wait_ready().wait_log("tls", says="certificates")["sha256"]
              for outer in outers}
    assert len(prints) == 1
    assert not list(lab.dir.glob("certs.*"))


@pytest.mark.parametrize("begins, days", [(-100, -1), (-100, 10), (-100, 59),
                                          (2, 399)])
def test_server_crt_is_renewed_before_it_ends(lab, begins, days):
    """Under the same CA and key: an inner that trusts the CA sees nothing. So
    is one that was made while the clock was ahead."""
    lab.outer().kill()
    folder = lab.path("certs")
    ca = CA(lab.new_dir("ca"), folder / "ca.key", folder / "ca.crt")
    old = ca.sign(begins=begins, ends=days, key=folder / "server.key")
    (folder / "server.crt").write_bytes(old.cert.read_bytes())
    key = (folder / "server.key").read_bytes()
    outer = lab.outer()
    assert outer.wait_log("tls", "certificate renewed")["file"] == \
        str(folder / "server.crt")
    assert (folder / "server.key").read_bytes() == key
    openssl("x509", "-in", folder / "server.crt", "-noout", "-checkend",
            390 * 86400)
    lab.inner(outer, lab.echo(), MaxFreeConn=1, CAFile=str(folder / "ca.crt"))
    outer.wait_joined(1)


@pytest.fixture(scope="session")
def newday(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that lets a day pass, built once."""
    library = tmp_path_factory.mktemp("newday") / "newday.so"
    source = Path(__file__).with_name("newday.c")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, source],
                   check=True)
    return library


def next_day(outer) -> int:
    mark = outer.mark()
    outer.signal(signal.SIGUSR2)
    return mark


def shown(outer) -> bytes:
    """The certificate that a new link meets."""
    with client_context().wrap_socket(connect(outer.links)) as sock:
        return sock.getpeercert(binary_form=True)


def first_of(file: Path) -> bytes:
    """As it is shown: the others are its chain."""
    end = "-----END CERTIFICATE-----\n"
    return ssl.PEM_cert_to_DER_cert(
        file.read_text().partition(end)[0] + end)


@pytest.mark.skipif(not PLAIN, reason="a checker wants to be loaded first")
def test_a_running_outer_renews_server_crt(lab, newday):
    """Day by day: new links meet the new one, and none that is there ends.
    Where it cannot be written one line says so, and the old one stays."""
    # root may write everywhere
    user = {"User": "nobody"} if os.geteuid() == 0 else {}
    outer = lab.outer(**user, options={"env": {"LD_PRELOAD": str(newday)}})
    folder = lab.path("certs")
    file = folder / "server.crt"
    ca = CA(lab.new_dir("ca"), folder / "ca.key", folder / "ca.crt")
    inner = lab.inner(outer, lab.echo(), MaxFreeConn=1, Workers=1,
                      CAFile=str(folder / "ca.crt"))
    outer.wait_joined(1)
    client = connect(outer.clients)
    client.sendall(b"first")
    assert recv_exactly(client, 5) == b"first"
    outer.wait_joined(2)
    assert next_link(outer, inner) == "true"

    def make_old() -> None:
        old = ca.sign(ends=10, key=folder / "server.key")
        file.write_bytes(old.cert.read_bytes())

    for can_write in (True, False, True):
        before = shown(outer)
        make_old()
        folder.chmod(0o700 if can_write else 0o500)
        mark = next_day(outer)
        if can_write:
            line = outer.wait_log("tls", "certificate renewed", after=mark)
            assert line["file"] == str(file)
            wait_until(lambda: shown(outer) != before, "the new one")
            assert shown(outer) == first_of(file)
            openssl("x509", "-in", file, "-noout", "-checkend", 390 * 86400)
        else:
            line = outer.wait_log("tls", level="error", after=mark)
            assert "the old stay" in line["message"]
            assert str(file) in line["why"]
            assert shown(outer) == before
        assert next_link(outer, inner) == ("false" if can_write else "true")
        told = [line["level"] for line in outer.lines[mark:]
                if line["level"] in ("error", "warn")
                and line["part"] != "standby"]      # which tells of shown()
        assert told == ([] if can_write else ["error"])
        client.sendall(b"still")
        assert recv_exactly(client, 5) == b"still"
    assert {line["state"] for line in outer.grep("standby", "closed")
            if line["why"] != "no answer to FORWARD"} <= \
        {"handshake"}       # those of shown()
    assert not inner.grep("keeper", level="error|warn")


def test_what_cannot_be_renewed_serves_on(lab):
    """As long as it is good: after a restart, and at SIGHUP, which takes all
    else."""
    user = {"User": "nobody"} if os.geteuid() == 0 else {}
    lab.outer(**user).kill()
    folder = lab.path("certs")
    ca = CA(lab.new_dir("ca"), folder / "ca.key", folder / "ca.crt")
    (folder / "server.crt").write_bytes(
        ca.sign(ends=10, key=folder / "server.key").cert.read_bytes())
    folder.chmod(0o500)
    file = lab.outer_file(**user)
    prefix = []
    if user:        # root may write everywhere
        group = pwd.getpwnam("nobody").pw_gid
        prefix = ["setpriv", "--reuid=nobody", f"--regid={group}",
                  "--clear-groups"]
        for path in (file, lab.dir):
            shutil.chown(path, "nobody")
    outer = lab.start_outer(file, prefix=prefix).wait_ready()
    assert "the old stay" in outer.wait_log("tls", level="error")["message"]
    assert shown(outer) == first_of(folder / "server.crt")
    key = use_key("another-key-0123456789")
    file.write_text(json.dumps(json.loads(file.read_text()) |
                               {"AuthKey": key}))
    mark = hang_up(outer)
    outer.wait_log("app", "configuration read anew", after=mark)
    assert len(outer.grep("tls", level="error")) == 2
    lab.inner(outer, lab.echo(), MaxFreeConn=1, AuthKey=key)
    outer.wait_joined(1)


def test_a_ca_that_ends_is_warned_of(lab):
    """It is never renewed behind the back of inners that trust it."""
    outer = lab.outer()
    assert not outer.grep("tls", level="warn")
    outer.kill()
    folder = lab.path("certs")
    openssl("req", "-x509", "-new", "-key", folder / "ca.key", "-subj",
            "/CN=Transponder CA", "-days", 59, "-out", folder / "ca.crt")
    before = contents(folder)
    assert lab.outer().wait_log("tls", level="warn")["file"] == \
        str(folder / "ca.crt")
    assert contents(folder) == before


@pytest.mark.parametrize("lost", [["server.crt"], ["server.key"],
                                  ["server.crt", "server.key"]])
def test_what_is_lost_is_made_anew(lab, lost):
    """As long as the CA is there."""
    lab.outer().kill()
    folder = lab.path("certs")
    ca = (folder / "ca.crt").read_bytes()
    for name in lost:
        (folder / name).unlink()
    outer = lab.outer()
    outer.wait_log("tls", "certificate renewed")
    assert (folder / "ca.crt").read_bytes() == ca
    assert set(contents(folder)) == set(FILES)
    lab.inner(outer, lab.echo(), MaxFreeConn=1, CAFile=str(folder / "ca.crt"))
    outer.wait_joined(1)


def test_the_ca_key_may_be_kept_elsewhere(lab):
    """Without it nothing is renewed, and all goes on as long as it is good."""
    lab.outer().kill()
    folder = lab.path("certs")
    (folder / "ca.key").unlink()
    before = contents(folder)
    outer = lab.outer()
    lab.inner(outer, lab.echo(), MaxFreeConn=1)
    outer.wait_joined(1)
    assert contents(folder) == before


@pytest.mark.parametrize("required", [False, True])
def test_where_they_cannot_be_made(lab, required):
    """One line, and plain links only; or no start at all."""
    lab.path("certs").write_text("a file is in the way")
    file = lab.outer_file(RequireTLS=required)
    if required:
        done = run_once("outer_server", "-c", str(file))
        assert done.returncode == 1
        assert str(lab.path("certs")) in done.stderr
        assert done.stderr.count("\n") == 1
        return
    outer = lab.start_outer(file).wait_ready()
    line = outer.wait_log("tls", level="warn")
    assert "without TLS only" in line["message"]
    assert str(lab.path("certs")) in line["why"]
    lab.inner(outer.links_address, lab.echo(), MaxFreeConn=1)
    outer.wait_joined(1)


@pytest.mark.parametrize("given, place", [
    ("{dir}/state", "state/certs"),
    ("{dir}/state:{dir}/other", "state/certs"),
    ("", "certs"),
])
def test_a_service_keeps_them_in_its_own_folder(lab, given, place):
    """Where the service manager gives it one: STATE_DIRECTORY."""
    lab.path("state").mkdir()
    outer = lab.outer(options={
        "env": {"STATE_DIRECTORY": given.format(dir=lab.dir)}})
    made = outer.wait_log("tls", "certificates made")
    assert made["ca"] == str(lab.path(place) / "ca.crt")
    assert set(contents(lab.path(place))) == set(FILES)


@pytest.mark.skipif(os.geteuid() != 0 or VALGRIND,
                    reason="only root can be another")
def test_they_belong_to_the_user_that_it_becomes(lab):
    """Who has to read them at a reload, and to renew them."""
    file = lab.outer_file(User="nobody")
    nobody = pwd.getpwnam("nobody").pw_uid
    os.chown(file, nobody, -1)      # who reads it at a reload, too
    outer = lab.start_outer(file).wait_ready()
    folder = lab.path("certs")
    assert {path.stat().st_uid for path in (folder, *folder.iterdir())} == \
        {nobody}
    (folder / "server.crt").unlink()
    mark = hang_up(outer)
    outer.wait_log("tls", "certificate renewed", after=mark)
    lab.inner(outer, lab.echo(), MaxFreeConn=1, CAFile=str(folder / "ca.crt"))
    outer.wait_joined(1)


@pytest.mark.skipif(os.geteuid() != 0 or VALGRIND,
                    reason="only root can be another")
@pytest.mark.parametrize("lay", [os.link, os.symlink])
def test_nothing_else_is_given_to_that_user(lab, lay):
    """The folder is his: another's file that he lays there stays its."""
    lab.outer(User="nobody").kill()
    secret = lab.path("secret")
    secret.write_text("of root")
    (lab.path("certs") / "ca.key").unlink()
    lay(secret, lab.path("certs") / "ca.key")
    outer = lab.outer(User="nobody")
    assert "cannot be given" in outer.wait_log("tls", level="warn")["message"]
    assert secret.stat().st_uid == 0
    assert secret.read_text() == "of root"


def test_paths_are_beside_the_file(lab):
    """Those that are not absolute, wherever the program was started."""
    own = self_signed(lab.new_dir("own"))
    file = lab.outer_file(CertFile="own.crt", KeyFile="own.key")
    outer = lab.start_outer(
        file.rename(own.cert.parent / "outer.json")).wait_ready()
    file = lab.inner_file(RegisterAddress=outer.links_url, CAFile="own.crt",
                          ProxyAddress=lab.echo().url, MaxFreeConn=1)
    lab.start_inner(file.rename(own.cert.parent / "inner.json"))
    outer.wait_joined(1)


# --- an operator's ------------------------------------------------------------

@pytest.mark.parametrize("case, says", [
    ("key is a folder", "KeyFile {key}: Is a directory"),
    ("key is empty", "KeyFile {key}: it is empty"),
    ("key is no key", "KeyFile {key}: it holds no private key"),
    ("key of another", "KeyFile {key}: it is not the key of CertFile"),
    ("key has a passphrase", "KeyFile {key}: it has a passphrase"),
    ("no such key", "KeyFile {key}: No such file"),
    ("cert is no cert", "CertFile {cert}: it holds no certificate"),
    ("no such cert", "CertFile {cert}: No such file"),
    ("cert of a weak key", "CertFile {cert}: its key is too short to be safe"),
    ("cert is a fifo", "CertFile {cert}: it is no regular file"),
    ("ca is empty", "ClientCAFile {ca}: it is empty"),
    ("ca is no cert", "ClientCAFile {ca}: it holds no certificate"),
])
@pytest.mark.parametrize("side", ["outer", "inner"])
def test_files_that_will_not_do(lab, case, says, side):
    """The program does not start, and says in one line which and why."""
    own = self_signed(lab.new_dir("own"))
    ca = lab.path("some-ca.crt")
    ca.write_bytes(own.cert.read_bytes())
    if case == "key is a folder":
        own.key = lab.new_dir("key")
    elif case == "key is empty":
        own.key.write_text("")
    elif case == "key is no key":
        own.key.write_text("no key")
    elif case == "key of another":
        own.key = self_signed(lab.new_dir("other")).key
    elif case == "key has a passphrase":
        openssl("pkcs8", "-topk8", "-in", own.key, "-out", lab.path("locked"),
                "-passout", "pass:secret")
        own.key = lab.path("locked")
    elif case == "no such key":
        own.key.unlink()
    elif case == "cert is no cert":
        own.cert.write_text("no certificate")
    elif case == "no such cert":
        own.cert.unlink()
    elif case == "cert of a weak key":
        own = self_signed(lab.new_dir("weak"), kind="rsa:1024")
    elif case == "cert is a fifo":
        own.cert.unlink()
        os.mkfifo(own.cert)
    elif case == "ca is empty":
        ca.write_text("")
    elif case == "ca is no cert":
        ca.write_text("no certificate")
    name = "ClientCAFile" if side == "outer" else "CAFile"
    settings = own.settings | {name: str(ca)}
    if side == "outer":
        file = lab.outer_file(**settings)
    else:
        file = lab.inner_file(RegisterAddress="tls://127.0.0.1:1",
                              ProxyAddress="tcp://127.0.0.1:1", **settings)
    done = run_once(f"{side}_server", "-c", str(file))
    assert done.returncode == 1
    assert says.format(key=own.key, cert=own.cert, ca=ca)\
        .replace("ClientCAFile", name) in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o622, 0o620])
def test_a_key_that_is_open_to_others_is_warned_of(lab, mode):
    own = self_signed(lab.new_dir("own"))
    own.key.chmod(mode)
    outer = lab.outer(**own.settings)
    assert outer.wait_log("tls", level="warn")["file"] == str(own.key)
    inner = lab.inner(outer, lab.echo(), **own.settings)
    assert inner.wait_log("tls", level="warn")["file"] == str(own.key)


@pytest.mark.parametrize("mode", [0o644, 0o622])
@pytest.mark.parametrize("name", ["ca.key", "server.key"])
def test_our_own_keys_are_watched(lab, name, mode):
    """At every reading; not while they are ours alone, or taken away."""
    outer = lab.outer()
    assert not outer.grep("tls", level="warn")
    path = lab.path("certs") / name
    path.chmod(mode)
    mark = hang_up(outer)
    outer.wait_log("app", says="configuration read anew", after=mark)
    line, = outer.grep("tls", level="warn")
    assert line["file"] == str(path) and "chmod 600" in line["message"]
    path.chmod(0o600)
    (lab.path("certs") / "ca.key").unlink()
    mark = hang_up(outer)
    outer.wait_log("app", says="configuration read anew", after=mark)
    assert not outer.grep("tls", after=mark, level="warn")


@pytest.mark.parametrize("mode, told", [(0o755, False), (0o775, True),
                                        (0o707, True)])
def test_our_own_folder_is_watched(lab, mode, told):
    """Who may write to it could put another key there."""
    outer = lab.outer()
    folder = lab.path("certs")
    folder.chmod(mode)
    mark = hang_up(outer)
    outer.wait_log("app", says="configuration read anew", after=mark)
    lines = outer.grep("tls", level="warn")
    assert [line["folder"] for line in lines] == [str(folder)] * told
    assert all("chmod 700" in line["message"] for line in lines)


@pytest.mark.parametrize("side, settings, says", [
    ("outer", {"CertFile": "a"}, "KeyFile: found none"),
    ("outer", {"KeyFile": "a"}, "CertFile: found none"),
    ("outer", {"TLS": False, "RequireTLS": True}, "TLS: found false"),
    ("outer", {"OuterServerAddress": "tls://127.0.0.1:0"}, "only"),
    ("outer", {"InnerServerAddress": "tls://127.0.0.1:9",
               "OuterServerAddress": "tcp://127.0.0.1:9"}, "expected another"),
    ("inner", {"RegisterAddress": "tls://127.0.0.1:1", "Protocol": "classic"},
     "not over tls://"),
    ("inner", {"CAFile": "a"}, "there is CAFile"),
    ("inner", {"ServerFingerprint": "a"}, "there is ServerFingerprint"),
    ("inner", {"RegisterAddress": "tls://127.0.0.1:1",
               "ServerFingerprint": "12:34"}, "64 hex digits"),
    ("inner", {"RegisterAddress": "tls://127.0.0.1:1", "CertFile": "a"},
     "KeyFile: found none"),
    ("inner", {"ProxyAddress": "tls://127.0.0.1:1"}, "only"),
])
def test_settings_that_do_not_go_together(lab, side, settings, says):
    """Refused by name before anything starts."""
    if side == "outer":
        file = lab.outer_file(**settings)
    else:
        file = lab.inner_file(**{"RegisterAddress": "tcp://127.0.0.1:1",
                                 "ProxyAddress": "tcp://127.0.0.1:1",
                                 **settings})
    done = run_once(f"{side}_server", "-c", str(file), "--check")
    assert done.returncode == 2
    assert says.replace("not over tls", "there is not over tls") \
        in done.stderr or says in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1


def test_a_wide_port_without_tls_is_warned_of_once(lab):
    outer = lab.outer(InnerServerAddress="tcp://0.0.0.0:0")
    assert len(outer.grep("tls", level="warn")) == 1
    assert "RequireTLS" in outer.wait_log("tls", level="warn")["message"]
    assert not lab.outer(InnerServerAddress="tcp://0.0.0.0:0",
                         RequireTLS=True).grep("tls", level="warn")


# --- SIGHUP -------------------------------------------------------------------

def test_new_files_on_sighup(lab):
    """Links and sessions go on; new links meet the new certificate, and no
    ticket of the old one is good any more. Files that will not do change
    nothing."""
    ca = CA(lab.new_dir("ca"))
    own = ca.sign()
    file = lab.outer_file(**own.settings)
    outer = lab.start_outer(file).wait_ready()
    lab.inner(outer, lab.echo(), MaxFreeConn=2, CAFile=str(ca.cert),
              Workers=1)                # each has tickets of its own
    outer.wait_joined(2)
    client = connect(outer.clients)
    client.sendall(b"before")
    assert recv_exactly(client, 6) == b"before"
    outer.wait_joined(3)

    good = own.cert.read_bytes()
    own.cert.write_text("half a fi")
    mark = hang_up(outer)
    line = outer.wait_log("app", level="error", after=mark)
    assert "CertFile" in line["why"] and "no certificate" in line["why"]
    mark = outer.mark()
    assert request(outer.clients, b"in") == b"in"
    assert outer.wait_log("standby", "secured", after=mark)["resumed"] == \
        "true"

    own.cert.write_bytes(ca.sign(key=own.key).cert.read_bytes())
    assert own.cert.read_bytes() != good
    mark = hang_up(outer)
    outer.wait_log("app", says="read anew", after=mark)
    for wanted in ("false", "true"):
        mark, joined = outer.mark(), outer.joined()
        assert request(outer.clients, b"in") == b"in"
        assert outer.wait_log("standby", "secured",
                              after=mark)["resumed"] == wanted
        outer.wait_joined(joined + 1)   # the next ticket comes with WELCOME
    client.sendall(b"after")
    assert recv_exactly(client, 5) == b"after"
    assert {line["why"] for line in outer.grep("standby", "closed")} <= \
        {"no answer to FORWARD"}        # a busy machine's


def next_link(outer, inner) -> str:
    """A client takes the one standby; whether the next one resumes, as the
    inner says. All links that have joined are this inner's."""
    joined = outer.joined()
    assert request(outer.clients, b"in") == b"in"
    outer.wait_joined(joined + 1)
    return inner.wait_log("spare", "secured", count=joined + 1)["resumed"]


def read_anew(outer, file, **settings) -> int:
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))
    mark = hang_up(outer)
    outer.wait_log("app", says="read anew", after=mark)
    return mark


@pytest.mark.parametrize("change", ["none", "touched", "another"])
def test_client_certificates_are_required_after_sighup(lab, change):
    """Whatever has become of CertFile: who has none stays out, and who was
    let in has to show its own again."""
    ca = CA(lab.new_dir("ca"))
    own = ca.sign()
    file = lab.outer_file(ClientCAFile=str(ca.cert), **own.settings)
    outer = lab.start_outer(file).wait_ready()
    settings = ca.sign("inner").settings
    inner = lab.inner(outer, lab.echo(), MaxFreeConn=1, Workers=1, **settings)
    outer.wait_joined(1)
    assert next_link(outer, inner) == "true"
    if change == "touched":
        own.cert.touch()
    elif change == "another":
        own.cert.write_bytes(ca.sign(key=own.key).cert.read_bytes())
    mark = read_anew(outer, file)
    stranger = lab.inner(outer, lab.echo(), MaxFreeConn=1, InnerId="stranger",
                         MaxRetryInterval=0.2)
    assert "set CertFile and KeyFile" in stranger.wait_log(
        "keeper", says="rejected", level="error")["why"]
    assert "shows no client certificate" in outer.wait_log(
        "standby", "closed", after=mark, state="handshake")["why"]
    assert not outer.grep("standby", "joined", mark)
    stranger.kill()
    assert [next_link(outer, inner) for _ in range(2)] == ["false", "true"]


@pytest.mark.parametrize("how", ["another file", "the same file"])
def test_another_client_ca_file_on_sighup(lab, how):
    """Who has a certificate of the old one is refused, ticket or not; links
    that are there go on."""
    old, new = CA(lab.new_dir("old")), CA(lab.new_dir("new"))
    file = lab.outer_file(ClientCAFile=str(old.cert))
    outer = lab.start_outer(file).wait_ready()
    inner = lab.inner(outer, lab.echo(), MaxFreeConn=1, Workers=1,
                      MaxRetryInterval=0.2, **old.sign("inner").settings)
    outer.wait_joined(1)
    assert next_link(outer, inner) == "true"
    if how == "the same file":
        old.cert.write_bytes(new.cert.read_bytes())
        mark = read_anew(outer, file)
    else:
        mark = read_anew(outer, file, ClientCAFile=str(new.cert))
    client = connect(outer.clients)     # takes the link that is there
    client.sendall(b"x")
    assert recv_exactly(client, 1) == b"x"
    assert "its ClientCAFile does not hold who signed" in inner.wait_log(
        "keeper", says="rejected", level="error")["why"]
    assert "not signed by ClientCAFile" in outer.wait_log(
        "standby", "closed", after=mark, state="handshake")["why"]
    assert not outer.grep("standby", "secured", mark)
    fresh = lab.inner(outer, lab.echo(), MaxFreeConn=1, InnerId="fresh",
                      **new.sign("inner").settings)
    fresh.wait_connected()
    client.sendall(b"y")
    assert recv_exactly(client, 1) == b"y"


def test_no_ticket_outlives_other_keys(lab):
    """Also of an inner whose own key is as it was."""
    file = lab.outer_file(Keys=[])
    outer = lab.start_outer(file).wait_ready()
    inner = lab.inner(outer, lab.echo(), MaxFreeConn=1, Workers=1)
    outer.wait_joined(1)
    assert next_link(outer, inner) == "true"
    read_anew(outer, file, Keys=[{"Inner": "another",
                                  "Key": use_key("another-key-0123456789")}])
    assert [next_link(outer, inner) for _ in range(2)] == ["false", "true"]


def test_the_inner_reads_its_ca_file_anew(lab):
    """With another CA its next links are refused, though it holds a ticket;
    those that are there go on."""
    outer = lab.outer()
    trusted = lab.path("trusted.crt")
    good = lab.path("certs").joinpath("ca.crt").read_bytes()
    trusted.write_bytes(good)
    file = lab.inner_file(
        RegisterAddress=outer.links_url, MaxFreeConn=1, MaxRetryInterval=0.2,
        ProxyAddress=lab.echo().url, CAFile=str(trusted))
    inner = lab.start_inner(file).wait_ready()
    outer.wait_joined(1)
    trusted.write_bytes(CA(lab.new_dir("other")).cert.read_bytes())
    mark = hang_up(inner)
    inner.wait_log("app", says="read anew", after=mark)
    client = connect(outer.clients)     # takes the link that is there
    client.sendall(b"x")
    assert recv_exactly(client, 1) == b"x"
    line = inner.wait_log("keeper", level="error|warn", after=mark)
    assert "CAFile" in line["why"]
    trusted.write_bytes(good)
    joined = outer.joined()
    hang_up(inner)
    outer.wait_joined(joined + 1)
    client.sendall(b"y")
    assert recv_exactly(client, 1) == b"y"


def test_tls_can_be_switched_off_and_on(lab):
    """By a reload: links that are there stay."""
    file = lab.outer_file()
    outer = lab.start_outer(file).wait_ready()
    lab.inner(outer, lab.echo(), MaxFreeConn=1, MaxRetryInterval=0.2)
    outer.wait_joined(1)
    settings = json.loads(file.read_text())
    file.write_text(json.dumps(settings | {"TLS": False}))
    mark = hang_up(outer)
    assert "TLS" in outer.wait_log("app", says="read anew",
                                   after=mark)["taken"]
    assert request(outer.clients, b"in") == b"in"
    assert "not switched on" in outer.wait_log("standby", "closed",
                                               after=mark)["why"]
    file.write_text(json.dumps(settings))
    joined = outer.joined()
    hang_up(outer)
    outer.wait_joined(joined + 1)


@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_an_address_that_becomes_another_kind_needs_a_restart(lab, scheme):
    """Until then all links are as they were, those over TLS too."""
    outer = lab.outer()
    urls = {"tcp": outer.links_address, "tls": outer.links_url}
    file = lab.inner_file(RegisterAddress=urls.pop(scheme), MaxFreeConn=1,
                          ProxyAddress=lab.echo().url)
    inner = lab.start_inner(file).wait_ready()
    outer.wait_joined(1)
    file.write_text(json.dumps(json.loads(file.read_text()) | {
        "RegisterAddress": urls.popitem()[1]}))
    mark = hang_up(inner)
    assert inner.wait_log("app", says="needs a restart", level="warn",
                          after=mark)["keys"] == "RegisterAddress"
    mark = outer.mark()
    assert request(outer.clients, b"in") == b"in"
    outer.wait_joined(2)
    assert bool(outer.grep("standby", "secured", mark)) == (scheme == "tls")


def test_keys_are_taken_though_there_are_no_certificates(lab):
    """Those that could not be made keep no old key alive."""
    lab.path("certs").write_text("a file is in the way")
    file = lab.outer_file()
    outer = lab.start_outer(file).wait_ready()
    lab.inner(outer.links_address, lab.echo(), MaxFreeConn=1)
    outer.wait_joined(1)
    settings = json.loads(file.read_text())
    file.write_text(json.dumps(settings | {"AuthKey": "x" * 20}))
    mark = hang_up(outer)
    assert outer.wait_log("app", says="read anew", level="info",
                          after=mark)["taken"] == "AuthKey"
    assert "without TLS only" in outer.wait_log(
        "tls", level="warn", after=mark)["message"]
    assert "its key was removed" in outer.wait_log("standby", "closed",
                                                   after=mark)["why"]
    lab.path("certs").unlink()      # it is out of the way
    mark = hang_up(outer)
    outer.wait_log("tls", "certificates made", after=mark)
    lab.inner(outer, lab.echo(), MaxFreeConn=1, AuthKey="x" * 20)
    outer.wait_joined(2)


def test_tls_stays_on_while_it_is_required(lab):
    """RequireTLS goes at a restart only, so TLS cannot go before."""
    file = lab.outer_file(RequireTLS=True)
    outer = lab.start_outer(file).wait_ready()
    settings = json.loads(file.read_text())
    file.write_text(json.dumps(settings | {"TLS": False,
                                           "RequireTLS": False}))
    mark = hang_up(outer)
    assert "TLS is required" in outer.wait_log("app", level="error",
                                               after=mark)["why"]
    lab.inner(outer, lab.echo(), MaxFreeConn=1)
    outer.wait_joined(1)
