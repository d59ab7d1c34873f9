"""The paths of experiments. All want a read key."""

from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from app.service.http.framework import Asked
from app.service.http.openapi import problems, security
from app.service.questions.experiments import Comparing, ExperimentList, ExperimentReport, Experiments
from app.service.questions.queries import READING


class ExperimentRoutes(Controller):
    """Experiments. The dependency `experiments` is the process's."""

    tags = ("ask",)

    @get(
        "/v1/experiments",
        summary="All experiments",
        responses=problems(401, 403, 429, 503),
        security=security("readKey"),
    )
    async def all_experiments(self, request: Asked, experiments: NamedDependency[Experiments]) -> ExperimentList:
        """Groups with shares and places, layers, and segments of each experiment, and the holdout of the catalog."""
        experiments.access.may_read(request.headers)
        return experiments.all()

    @get(
        "/v1/experiments/{experiment:str}",
        summary="One experiment, and its groups compared",
        responses=problems(*READING, 404, 413),
        security=security("readKey"),
    )
    async def experiment_report(
        self,
        request: Asked,
        experiments: NamedDependency[Experiments],
        experiment: FromPath[str],
        goal: Annotated[str | None, QueryParameter(name="goal", description="The name of outcome events")] = None,
        within: Annotated[str | None, QueryParameter(name="within", description="A duration, such as 7d")] = None,
        value: Annotated[str | None, QueryParameter(name="value", description="The property with the value")] = None,
        control: Annotated[str | None, QueryParameter(name="control", description="The group to compare with")] = None,
    ) -> ExperimentReport:
        """The exposed users by group, out of the warehouse. With `goal` and `within` the groups are compared as by
        `shoal uplift`; with `value` by the sum of that property. Only users whose window is over count."""
        experiments.access.may_read(request.headers)
        question = None if goal is None else Comparing(goal=goal, within=within, value=value, control=control)
        return await experiments.report(experiment, question)
