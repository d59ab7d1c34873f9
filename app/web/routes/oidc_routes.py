"""The paths of a login at an OpenID provider. Both are opened by a browser, and lead it to another page."""

import logging
import time
from typing import Annotated, Final
from urllib.parse import urlencode

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from litestar.response.base import ASGIResponse

from app.service.http.http_problem import Problem
from app.service.http.openapi import problems
from app.web.access.cookies import LOGIN
from app.web.access.gate import Asked, Gate
from app.web.access.oidc_login import CALLBACK, PENDING_S, OidcLogin
from app.web.access.oidc_provider import OidcError
from app.web.texts import say

LEADS_ON: Final = {303: ResponseSpec(None, description="Leads to another page")}

log = logging.getLogger(__name__)


class OidcRoutes(Controller):
    """Logins at an OpenID provider. The dependency `gate` is the process's."""

    tags = ("session",)

    @get(
        "/console/v1/oidc/begin",
        status_code=303,
        summary="Log in at the OpenID provider",
        responses=LEADS_ON | problems(404),
    )
    async def begin(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        to: Annotated[str, QueryParameter(name="to", description="The page of the console to show then")] = "/",
    ) -> ASGIResponse:
        """Leads to the provider, with a cookie that the same browser has to bring back."""
        try:
            begun = await _login(gate).begin(to, now_s=time.time())
        except OidcError as error:
            return _failed(error, "")
        kept = gate.cookies.made(LOGIN, begun.cookie, request, age_s=PENDING_S, same_site="Lax")
        return _leading(begun.url, kept)

    @get(CALLBACK, status_code=303, summary="Back from the OpenID provider", responses=LEADS_ON | problems(404))
    async def callback(self, request: Asked, gate: NamedDependency[Gate]) -> ASGIResponse:
        """Ends a login that this browser has begun: a new session, and the page from which it came."""
        login = _login(gate)
        done = gate.cookies.made(LOGIN, "", request, age_s=0, same_site="Lax")
        query = dict(request.query_params.multi_items())
        try:
            person, to = await login.end(gate.cookies.read(LOGIN, request), query, now_s=time.time())
        except OidcError as error:
            return _failed(error, done)
        return _leading(to, gate.let_in(request, person), done)


def _login(gate: Gate) -> OidcLogin:
    if gate.oidc is None:
        raise Problem(404, "no-login", say("refused_no_provider"))
    return gate.oidc


def _failed(error: OidcError, done: str) -> ASGIResponse:
    log.warning("a login at the OpenID provider failed: %s", error)
    return _leading(f"/?{urlencode({'login': error.code})}", *([done] if done else []))


def _leading(to: str, *cookies: str) -> ASGIResponse:
    headers = [("Location", to), *(("Set-Cookie", each) for each in cookies)]
    return ASGIResponse(status_code=303, headers=headers, media_type="text/plain")
