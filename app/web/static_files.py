"""The files of the pages, read once when the console starts.

Every page is the same document; its script shows the page of the address. Other files have the hash of all of them in
their address, so that browsers may keep them for ever and never mix two versions.
"""

import gzip
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from litestar.types import HTTPScope, Send

from app.web.access.security_headers import HEADERS

INDEX: Final = "index.html"
GZIP_BYTES_MIN: Final = 1_000
TYPES: Final = {
    "html": b"text/html; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "svg": b"image/svg+xml",
}
"""A file of another kind is no file of the pages."""
KEPT: Final = b"public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file. `packed` None: not worth it."""

    body: bytes
    packed: bytes | None
    media_type: bytes
    tag: bytes


class StaticFiles:
    """All files, by their address."""

    def __init__(self) -> None:
        texts = dict(_texts(files("app.web") / "static", ""))
        whole = sha256(b"".join(name.encode() + b"\0" + texts[name] + b"\0" for name in sorted(texts))).hexdigest()[:12]
        self.prefix = f"/s/{whole}/"
        index = texts.pop(INDEX).replace(b"{prefix}", self.prefix.encode())
        self.index = _file(INDEX, index)
        self.files = {self.prefix + name: _file(name, text) for name, text in texts.items()}

    async def answer(self, scope: HTTPScope, send: Send) -> None:
        """Answers a request that is none of the API."""
        headers = {name.lower(): value for name, value in scope["headers"]}
        path = scope["path"]
        if scope["method"] not in ("GET", "HEAD"):
            await _send(send, 405, b"", [(b"allow", b"GET, HEAD")])
        elif (found := self.files.get(path)) is not None:
            await _send_file(send, scope["method"], headers, found, KEPT)
        elif "." not in path.rpartition("/")[2] and b"text/html" in headers.get(b"accept", b""):
            await _send_file(send, scope["method"], headers, self.index, b"no-cache")
        else:
            body = b"there is no such file\n"
            await _send(send, 404, body, [(b"content-type", b"text/plain; charset=utf-8")])


def _texts(folder: Traversable, prefix: str) -> "list[tuple[str, bytes]]":
    found: list[tuple[str, bytes]] = []
    for each in folder.iterdir():
        if each.is_dir():
            found += _texts(each, f"{prefix}{each.name}/")
        elif each.name.rpartition(".")[2] in TYPES:
            found.append((prefix + each.name, each.read_bytes()))
    return found


def _file(name: str, body: bytes) -> StaticFile:
    packed = gzip.compress(body, mtime=0) if len(body) >= GZIP_BYTES_MIN else None
    tag = b'"' + sha256(body).hexdigest()[:16].encode() + b'"'
    return StaticFile(body, packed, TYPES[name.rpartition(".")[2]], tag)


async def _send_file(send: Send, method: str, headers: dict[bytes, bytes], file: StaticFile, cached: bytes) -> None:
    said = [(b"cache-control", cached), (b"etag", file.tag), (b"vary", b"accept-encoding")]
    if headers.get(b"if-none-match") == file.tag:
        await _send(send, 304, b"", said)
        return
    said.append((b"content-type", file.media_type))
    body = file.body
    if file.packed is not None and b"gzip" in headers.get(b"accept-encoding", b""):
        body = file.packed
        said.append((b"content-encoding", b"gzip"))
    await _send(send, 200, body, said, without_body=method == "HEAD")


async def _send(
    send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]], *, without_body: bool = False
) -> None:
    length = [] if status == 304 else [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length, *HEADERS]})
    await send({"type": "http.response.body", "body": b"" if without_body else body, "more_body": False})
