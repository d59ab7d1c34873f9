"""The paths of jobs: the tests of a text, the text over the latest events, and sizes that nothing keeps."""

import msgspec
from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.service.http.body import body_of
from app.service.http.http_problem import Problem
from app.service.http.openapi import problems, security, with_body
from app.web.access.gate import Asked, Gate
from app.web.jobs.job_process import JobKind
from app.web.jobs.jobs import Jobs, JobView
from app.web.jobs.report_job import ReportWish
from app.web.jobs.uplift_job import UpliftWish
from app.web.routes.definition_routes import Draft, Drafts
from app.web.routes.openapi import JOB
from app.web.texts import say


class JobAsked(msgspec.Struct):
    """As `Draft`. `kind`: what is to be done with the text. `lists`: to be counted, too. `uplift`: the
    comparison of an experiment. `report`: the report that is wanted."""

    kind: JobKind
    text: str = ""
    name: str = ""
    lists: list[str] = []
    uplift: UpliftWish | None = None
    report: ReportWish | None = None


class JobRoutes(Controller):
    """Jobs. The dependencies are the process's."""

    tags = ("definitions",)

    @post(
        "/console/v1/jobs",
        status_code=200,
        summary="Try a text, or count",
        operation_class=with_body(JOB),
        responses=problems(400, 401, 403, 413, 415, 503),
        security=security("session"),
    )
    async def start(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        drafts: NamedDependency[Drafts],
        jobs: NamedDependency[Jobs],
    ) -> JobView:
        """Starts to run the tests of a text, or to play the latest events with it: nothing of it is published. Or it
        counts the users of lists and of groups of experiments, over all profiles, or makes a report."""
        visitor = gate.need(request, "edit")
        asked: JobAsked = await body_of(request, JobAsked)
        if asked.kind == "counts":
            return jobs.start(drafts.count_task(asked.lists), visitor.name)
        if asked.kind == "uplift":
            if asked.uplift is None:
                raise Problem(400, "uplift", say("refused_uplift"))
            return jobs.start(drafts.uplift_task(asked.uplift), visitor.name)
        if asked.kind == "report":
            if asked.report is None:
                raise Problem(400, "report", say("refused_report"))
            return jobs.start(drafts.report_task(asked.report), visitor.name)
        return jobs.start(await drafts.task(asked.kind, Draft(asked.text, asked.name)), visitor.name)

    @get(
        "/console/v1/jobs/{job_id:str}",
        summary="How far a job is",
        responses=problems(401, 403, 404),
        security=security("session"),
    )
    async def look(
        self, request: Asked, gate: NamedDependency[Gate], jobs: NamedDependency[Jobs], job_id: FromPath[str]
    ) -> JobView:
        """Its progress, or its result. Only for who started it; forgotten after a quarter of an hour."""
        visitor = gate.need(request, "edit")
        return jobs.job(job_id, visitor.name).view

    @delete(
        "/console/v1/jobs/{job_id:str}",
        status_code=200,
        summary="Cancel a job",
        responses=problems(401, 403, 404, 415),
        security=security("session"),
    )
    async def cancel(
        self, request: Asked, gate: NamedDependency[Gate], jobs: NamedDependency[Jobs], job_id: FromPath[str]
    ) -> JobView:
        """Ends its process."""
        visitor = gate.need(request, "edit")
        job = jobs.job(job_id, visitor.name)
        await job.cancel()
        return job.view
