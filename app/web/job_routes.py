"""The paths of jobs: the tests of a text, and the text over the latest events."""

import msgspec
from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.service.body import body_of
from app.service.openapi import problems, security, with_body
from app.web.definition_routes import Draft, Drafts
from app.web.gate import Asked, Gate
from app.web.job_process import JobKind
from app.web.jobs import Jobs, JobView
from app.web.openapi import JOB


class JobAsked(msgspec.Struct):
    """As `Draft`. `kind`: what is to be done with the text."""

    kind: JobKind
    text: str
    name: str = ""


class JobRoutes(Controller):
    """Jobs. The dependencies are the process's."""

    tags = ("definitions",)

    @post(
        "/console/v1/jobs",
        status_code=200,
        summary="Try a text",
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
        """Starts to run the tests of a text, or to play the latest events with it. Nothing of it is published."""
        visitor = gate.need(request, "edit")
        asked: JobAsked = await body_of(request, JobAsked)
        task = await drafts.task(asked.kind, Draft(asked.text, asked.name))
        return jobs.start(task, visitor.name)

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
