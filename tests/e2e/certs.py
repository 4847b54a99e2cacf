"""Certificates for tests, by the openssl command: good ones and others."""
from __future__ import annotations

import datetime
import subprocess
from pathlib import Path

NAME = "transponder.internal"

_CA_CONFIG = """
[ca]
default_ca = this
[this]
database = {dir}/index
new_certs_dir = {dir}
serial = {dir}/serial
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
"""


def openssl(*args: object, **options: object) -> str:
    done = subprocess.run(["openssl", *map(str, args)], capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _day(days: float) -> str:
    now = datetime.datetime.now(datetime.timezone.utc)
    return (now + datetime.timedelta(days=days)).strftime("%Y%m%d%H%M%SZ")


def _key(path: Path, kind: str = "ec") -> Path:
    algorithm, _, bits = kind.partition(":")
    openssl("genpkey", "-algorithm", algorithm.upper(), "-pkeyopt",
            f"rsa_keygen_bits:{bits}" if bits else "ec_paramgen_curve:P-256",
            "-out", path)
    path.chmod(0o600)
    return path


def fingerprint(cert: Path) -> str:
    """SHA-256, as openssl prints it: in pairs, with colons."""
    return openssl("x509", "-in", cert, "-noout", "-fingerprint",
                   "-sha256").strip().partition("=")[2]


class Pair:
    """A certificate and its key."""

    def __init__(self, cert: Path, key: Path) -> None:
        self.cert, self.key = cert, key

    @property
    def settings(self) -> dict[str, str]:
        return {"CertFile": str(self.cert), "KeyFile": str(self.key)}


def self_signed(directory: Path, name: str = NAME, kind: str = "ec") -> Pair:
    """kind: "ec", or "rsa:" and how many bits."""
    key = _key(directory / "own.key", kind)
    cert = directory / "own.crt"
    openssl("req", "-x509", "-new", "-key", key, "-subj", f"/CN={name}",
            "-addext", f"subjectAltName=DNS:{name}", "-days", 30,
            "-out", cert)
    return Pair(cert, key)


class CA:
    """Signs what a test asks for."""

    def __init__(self, directory: Path, key: Path | None = None,
                 cert: Path | None = None) -> None:
        self.dir = directory
        self._serial = 0
        self.key = key or _key(directory / "ca.key")
        self.cert = cert or directory / "ca.crt"
        if cert is None:
            openssl("req", "-x509", "-new", "-key", self.key, "-subj",
                    "/CN=Test CA", "-days", 30, "-out", self.cert)
        (directory / "index").write_text("")
        (directory / "serial").write_text("1000\n")
        self.config = directory / "ca.cnf"
        self.config.write_text(_CA_CONFIG.format(dir=directory))

    def sign(self, name: str = NAME, begins: float = -1, ends: float = 30,
             key: Path | None = None, use: str = "") -> Pair:
        """begins, ends: in days from now. use: what alone it is for."""
        self._serial += 1
        key = key or _key(self.dir / f"{self._serial}.key")
        request = self.dir / f"{self._serial}.csr"
        cert = self.dir / f"{self._serial}.crt"
        openssl("req", "-new", "-key", key, "-subj", f"/CN={name}",
                "-addext", f"subjectAltName=DNS:{name}",
                *(["-addext", f"extendedKeyUsage={use}"] if use else []),
                "-out", request)
        openssl("ca", "-batch", "-notext", "-config", self.config, "-cert",
                self.cert, "-keyfile", self.key, "-startdate", _day(begins),
                "-enddate", _day(ends), "-in", request, "-out", cert)
        return Pair(cert, key)
