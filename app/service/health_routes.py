"""`/live`, `/ready` and `/metrics` of the service."""

from collections.abc import Callable

from litestar import MediaType, Response, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ControllerRouterHandler
from prometheus_client import CONTENT_TYPE_LATEST

from app.service.service_metrics import ServiceMetrics


class Health:
    """Whether this process can do its work."""

    def __init__(self, metrics: ServiceMetrics, *reasons: Callable[[], str | None]) -> None:
        """Each of the `reasons` says why not, or None."""
        self._reasons = reasons
        self.metrics = metrics
        self.draining = False

    def why_not_ready(self) -> str | None:
        """A reason; None: all is well."""
        if self.draining:
            return "it is about to end"
        return next((why for reason in self._reasons if (why := reason())), None)


def health_routes(health: Health) -> list[ControllerRouterHandler]:
    """The handlers, in the order of the document."""

    @get("/live", tags=["operations"], summary="Is it alive", media_type=MediaType.TEXT)
    async def live() -> str:
        """Answers while the process is alive."""
        return "ok\n"

    @get(
        "/ready",
        tags=["operations"],
        summary="Can it take events",
        media_type=MediaType.TEXT,
        responses={
            503: ResponseSpec(str, description="It cannot, and why", media_type=MediaType.TEXT, generate_examples=False)
        },
    )
    async def ready() -> Response[str]:
        """200 when events can be taken, else 503 with the reason."""
        why_not = health.why_not_ready()
        return Response(f"{why_not or 'ok'}\n", status_code=503 if why_not else 200, media_type=MediaType.TEXT)

    @get("/metrics", tags=["operations"], summary="Metrics for Prometheus", media_type=MediaType.TEXT)
    async def metrics() -> Response[bytes]:
        """In Prometheus' text format."""
        return Response(health.metrics.render(), media_type=CONTENT_TYPE_LATEST)

    return [live, ready, metrics]
