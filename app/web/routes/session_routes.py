"""The paths of logging in and out."""

from importlib.metadata import version
from typing import Any

import msgspec
from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency

from app.service.http.body import body_of
from app.service.http.openapi import problems, security, with_body
from app.settings import Settings
from app.web.access.gate import Asked, Gate, Visitor
from app.web.access.roles import Right, Role
from app.web.routes.openapi import LOGIN


class Me(msgspec.Struct, kw_only=True, frozen=True):
    """The person who asks. `csrf`: to be sent back as X-Shoal-CSRF with each write. `features`: what is configured."""

    login: str
    name: str
    roles: list[Role]
    rights: list[Right]
    csrf: str
    version: str
    features: dict[str, bool]


class LoginWay(msgspec.Struct, frozen=True):
    """The way to log in here: none, password, proxy or oidc."""

    login: str


class Login(msgspec.Struct):
    """A name and a password."""

    name: str
    password: str


class SessionRoutes(Controller):
    """Sessions. The dependency `gate` is the process's."""

    tags = ("session",)

    @get("/console/v1/me", summary="Who asks", responses=problems(401), security=security("session"))
    async def me(self, request: Asked, gate: NamedDependency[Gate], settings: NamedDependency[Settings]) -> Me:
        """The visitor's name, roles and rights."""
        return _me(gate, gate.visitor(request), settings)

    @get("/console/v1/login", summary="How to log in")
    async def way(self, gate: NamedDependency[Gate]) -> LoginWay:
        """Says which way of logging in the page has to offer. Nobody has to be logged in for it."""
        return LoginWay(gate.login)

    @post(
        "/console/v1/session",
        status_code=200,
        summary="Log in",
        operation_class=with_body(LOGIN),
        responses=problems(400, 401, 403, 413, 415, 429, 503),
    )
    async def log_in(
        self, request: Asked, gate: NamedDependency[Gate], settings: NamedDependency[Settings]
    ) -> Response[Me]:
        """Begins a session; its cookie is kept from scripts. Five attempts a minute for each name and address."""
        given: Login = await body_of(request, Login)
        visitor, cookie = await gate.log_in(request, given.name, given.password)
        return Response(_me(gate, visitor, settings), headers={"Set-Cookie": cookie})

    @delete(
        "/console/v1/session",
        status_code=200,
        summary="Log out",
        responses=problems(401, 403, 415),
        security=security("session"),
    )
    async def log_out(self, request: Asked, gate: NamedDependency[Gate]) -> Response[dict[str, Any]]:
        """Ends the session: its cookie is worth nothing from now on. `url`: where the provider's own session ends."""
        cookie, url = await gate.log_out(request)
        return Response({"url": url} if url else {}, headers={"Set-Cookie": cookie})


def _me(gate: Gate, visitor: Visitor, settings: Settings) -> Me:
    return Me(
        login=gate.login,
        name=visitor.name,
        roles=list(visitor.roles),
        rights=sorted(visitor.rights),
        csrf=gate.csrf(visitor),
        version=version("shoal"),
        features={
            "memberships": bool(settings.redis_url),
            "published": settings.catalog == "topic",
            "review": settings.console_review,
            "logout": gate.can_log_out(),
            "warehouse": bool(settings.warehouse),
        },
    )
