"""Parts of every Litestar application of ours: dependencies of handlers, and answers to what the framework refuses."""

from typing import Any, Final

from litestar import Request
from litestar.di import Provide
from litestar.exceptions import HTTPException

from app.service.http.http_problem import Problem

DETAIL_MAX: Final = 500
Asked = Request[Any, Any, Any]
CODES: Final = {404: "no-such-path", 405: "wrong-method", 413: "too-large"}


def given(value: object) -> Provide:
    """A dependency of handlers: the one of the process."""

    def provide() -> Any:
        return value

    return Provide(provide, sync_to_thread=False)


def refusal_of(error: HTTPException) -> Problem:
    """The problem of a request that the framework refuses: an unknown path, a wrong method, an unreadable parameter."""
    detail = error.detail or "this cannot be served"
    if isinstance(error.extra, list) and error.extra:
        detail = "; ".join(f"{each.get('key', '')}: {each.get('message', '')}" for each in error.extra)
    code = CODES.get(error.status_code, "invalid-request")
    return Problem(error.status_code, code, detail[:DETAIL_MAX], headers=error.headers or {})
