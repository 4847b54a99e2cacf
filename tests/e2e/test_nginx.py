"""nginx in front of a unix:// public address, as the Go README has it."""
from __future__ import annotations

import hashlib
import os
import pwd

import pytest

from harness import SCALE, wait_until
from sockets import curl
from targets import NGINX, DigestHandler

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

# What the sample of the Go version says, for the socket of the test.
LOCATION = """
    server_name www.abc.com;
    client_max_body_size 20m;
    location / {
        proxy_pass http://unix:%s:/;
        proxy_redirect off;
        proxy_set_header Host $host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_connect_timeout 90;
        proxy_send_timeout 90;
        proxy_read_timeout 90;
    }"""


@pytest.fixture
def front(lab):
    """The path of nginx's own socket, before both programs, before Python."""
    public = lab.path("public.sock")
    lab.tunnel(lab.web(lab.dir, handler=DigestHandler), standbys=10,
               outer={"OuterServerAddress": f"unix://{public}"})
    nginx = lab.nginx(LOCATION % public, str(lab.path("nginx.sock")))
    if os.geteuid() == 0:
        user = pwd.getpwnam("www-data").pw_uid
        wait_until(lambda: nginx.worker_users() == {user}, "workers' user")
    return nginx.address


def test_page_through_nginx(lab, front):
    """nginx's user gets into the socket, and the path arrives unchanged."""
    assert curl("http://www.abc.com/some/path?x=1", unix_socket=front) == \
        b"/some/path?x=1"


@pytest.mark.heavy
def test_200_requests_in_parallel(lab, front, machine):
    """curl asks for 200 pages at once and gets each of them right."""
    place = lab.new_dir("pages")
    wanted = lab.path("urls")
    wanted.write_text("".join(
        f'url = "http://www.abc.com/page/{number}"\n'
        f'output = "{place}/{number}"\n' for number in range(200)))
    curl("http://www.abc.com/last", "--parallel", "--parallel-immediate",
         "--parallel-max", "200", "--config", str(wanted),
         "--output", str(place / "last"), unix_socket=front,
         timeout=30 * SCALE)
    for number in range(200):
        assert (place / str(number)).read_text() == f"/page/{number}"
    assert (place / "last").read_text() == "/last"


@pytest.mark.parametrize("size", [0, 1, 5 << 20])
def test_posted_bodies(lab, front, size):
    """Bodies up to 5 MiB arrive whole."""
    body = os.urandom(size)
    file = lab.path("body")
    file.write_bytes(body)
    answer = curl("http://www.abc.com/post", "--data-binary", f"@{file}",
                  unix_socket=front)
    assert answer.decode() == hashlib.sha256(body).hexdigest()
