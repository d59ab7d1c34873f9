"""Requests of pages of other origins: browsers ask before they let a page send them, or read the answer."""

from collections.abc import Collection

from litestar.config.cors import CORSConfig
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from app.settings import Settings

PREFLIGHT_S = 86_400
_ALLOWED_ORIGIN = b"access-control-allow-origin"
_CREDENTIALS = (b"access-control-allow-credentials", b"true")


def cross_origin(settings: Settings) -> CORSConfig:
    """The origins of the setting. With all of them allowed each is named in the answer to it, as a request with
    credentials wants it."""
    origins = [origin.strip() for origin in settings.cors_origins.split(",") if origin.strip()]
    every = "*" in origins
    return CORSConfig(
        allow_origins=[] if every else origins,
        allow_origin_regex=".*" if every else None,
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        expose_headers=["Retry-After"],
        max_age=PREFLIGHT_S,
    )


class CredentialsAllowed:
    """Around an application: on some paths a page may send its browser's credentials along.

    Beacons always do, and some libraries. They count for nothing there: those who send are known by their write key.
    Where something can be read they are not allowed.
    """

    def __init__(self, app: ASGIApp, paths: Collection[str]) -> None:
        self._app = app
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI way."""
        if scope["type"] != ScopeType.HTTP or scope["path"].rstrip("/") not in self._paths:
            await self._app(scope, receive, send)
            return

        async def allowing(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                if any(name.lower() == _ALLOWED_ORIGIN for name, _ in headers):
                    message["headers"] = [*headers, _CREDENTIALS]
            await send(message)

        await self._app(scope, receive, allowing)
