"""`/live`, `/ready` and `/metrics` of the service."""

from collections.abc import Callable

from litestar import Controller, MediaType, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from prometheus_client import CONTENT_TYPE_LATEST

from app.service.service_metrics import ServiceMetrics


class Health:
    """Health of this process."""

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


class HealthRoutes(Controller):
    """Probes and metrics. The dependency `health` is the process's."""

    tags = ("operations",)

    @get("/live", summary="Is it alive", media_type=MediaType.TEXT)
    async def live(self) -> str:
        """Answers while the process is alive."""
        return "ok\n"

    @get(
        "/ready",
        summary="Can it take events",
        media_type=MediaType.TEXT,
        responses={
            503: ResponseSpec(str, description="It cannot, and why", media_type=MediaType.TEXT, generate_examples=False)
        },
    )
    async def ready(self, health: NamedDependency[Health]) -> Response[str]:
        """200 when events can be taken, else 503 with the reason."""
        why_not = health.why_not_ready()
        return Response(f"{why_not or 'ok'}\n", status_code=503 if why_not else 200, media_type=MediaType.TEXT)

    @get("/metrics", summary="Metrics for Prometheus", media_type=MediaType.TEXT)
    async def metrics(self, health: NamedDependency[Health]) -> Response[bytes]:
        """In Prometheus' text format."""
        return Response(health.metrics.render(), media_type=CONTENT_TYPE_LATEST)
