"""Certificates for this machine, signed by an authority of their own; made by openssl, and thrown away."""

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Certificates:
    """`authority`: what clients trust; `server`: the key and the certificate of 127.0.0.1, in one file."""

    authority: Path
    server: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server)
        return context


def make_certificates(folder: Path) -> Certificates:
    """Skips the test where there is no openssl."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl on the path")

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], cwd=folder, check=True, capture_output=True)

    new = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2")
    run(*new, "-keyout", "authority.key", "-out", "authority.pem", "-subj", "/CN=test authority")
    run(
        *new,
        *("-keyout", "server.key", "-out", "server.crt", "-subj", "/CN=127.0.0.1"),
        *("-CA", "authority.pem", "-CAkey", "authority.key"),
        *("-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"),
    )
    (folder / "server.pem").write_text((folder / "server.key").read_text() + (folder / "server.crt").read_text())
    return Certificates(folder / "authority.pem", folder / "server.pem")
