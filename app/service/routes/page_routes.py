"""Pages for people at `/` and `/docs`."""

from typing import Any, Final

from litestar import Controller, MediaType, Request, Router, get
from litestar.datastructures import ResponseHeader
from litestar.openapi.plugins import OpenAPIRenderPlugin

from app.service.routes.pages import HEADERS, documentation, front_page

_HEADERS: Final = [ResponseHeader(name=name, value=value) for name, value in HEADERS.items()]


class PageRoutes(Controller):
    """The front page."""

    include_in_schema = False

    @get("/", media_type=MediaType.HTML, response_headers=_HEADERS, sync_to_thread=False)
    def front(self, request: Request[Any, Any, Any]) -> str:
        """For people who open the address of the service in a browser."""
        return front_page(request.app.openapi_schema.to_schema())


class DocumentPage(OpenAPIRenderPlugin):
    """The OpenAPI document as a page that needs nothing from anywhere else."""

    def __init__(self) -> None:
        super().__init__(path="/", media_type=MediaType.HTML)

    def render(self, _: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """See `OpenAPIRenderPlugin`."""
        return documentation(openapi_schema).encode()


def document_router() -> Router:
    """The router of `/docs`, with the headers of pages."""
    return Router("/docs", route_handlers=[], include_in_schema=False, response_headers=_HEADERS)
