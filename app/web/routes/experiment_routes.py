"""The path of experiments."""

from litestar import Controller, get
from litestar.di import NamedDependency

from app.service.http.openapi import problems, security
from app.settings import Settings
from app.web.access.gate import Asked, Gate
from app.web.experiments import ExperimentViews, views_of
from app.web.routes.definition_routes import Drafts


class ExperimentRoutes(Controller):
    """Experiments. The dependencies are the process's."""

    tags = ("experiments",)

    @get(
        "/console/v1/experiments",
        summary="All experiments",
        responses=problems(401, 403, 503),
        security=security("session"),
    )
    async def rows(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        settings: NamedDependency[Settings],
        drafts: NamedDependency[Drafts],
    ) -> ExperimentViews:
        """As the definitions say. Jobs count the users of the groups (`counts`), and compare these (`uplift`)."""
        gate.need(request, "see")
        return ExperimentViews(views_of(drafts.catalog), bool(settings.warehouse))
