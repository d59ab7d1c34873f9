"""The paths that Google Pub/Sub and Amazon Data Firehose push records to."""

import time
from typing import Annotated, Final

import msgspec
from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, QueryParameter

from app.service.collect.collector import Receipt, receipt_of
from app.service.collect.pushes import Pushes
from app.service.http.framework import Asked
from app.service.http.http_problem import Problem, ProblemBody
from app.service.http.openapi import COLLECTING, FIREHOSE, MEANINGS, PUBSUB, problems, security, with_body
from app.service.incoming.pushed import PUSHED_BYTES_MAX, read_firehose, read_pubsub, request_id_of

REQUEST_BYTES_MAX: Final = PUSHED_BYTES_MAX * 2  # `read_body` has the limit, and its own error


class FirehoseAnswer(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The answer that Firehose demands. `timestamp` in milliseconds."""

    request_id: str
    timestamp: int


class FirehoseProblem(ProblemBody, frozen=True, rename="camel", omit_defaults=True):
    """The shape of a problem with what Firehose demands of an answer that is no success, and shows in its logs."""

    request_id: str | None = None
    timestamp: int | None = None
    error_message: str | None = None


class PushRoutes(Controller):
    """Records in, pushed by other services. The dependency `pushes` is the process's."""

    tags = ("push",)

    @post(
        "/v1/pubsub",
        status_code=200,
        summary="A message of Google Pub/Sub",
        operation_class=with_body(PUBSUB),
        responses=problems(*COLLECTING),
        security=security("forwardKey"),
        request_max_body_size=REQUEST_BYTES_MAX,
    )
    async def take_pubsub(
        self,
        request: Asked,
        pushes: NamedDependency[Pushes],
        write_key: Annotated[str | None, QueryParameter(name="writeKey", description="A forward key")] = None,
    ) -> Receipt:
        """The endpoint of a push subscription, with or without payload unwrapping. A message is one event; one that
        cannot be used is a dead letter, and acknowledged like the others."""
        return receipt_of(await pushes.take(request, read_pubsub, key=write_key), 1, repeats=True)

    @post(
        "/v1/firehose",
        status_code=200,
        summary="Records of Amazon Data Firehose",
        operation_class=with_body(FIREHOSE),
        responses={
            status: ResponseSpec(FirehoseProblem, description=MEANINGS[status], generate_examples=False)
            for status in COLLECTING
        },
        security=security("firehoseKey"),
        request_max_body_size=REQUEST_BYTES_MAX,
    )
    async def take_firehose(
        self,
        request: Asked,
        pushes: NamedDependency[Pushes],
        key: Annotated[
            str | None, HeaderParameter(name="X-Amz-Firehose-Access-Key", description="A forward key")
        ] = None,
        request_id: Annotated[
            str | None, HeaderParameter(name="X-Amz-Firehose-Request-Id", description="The same when it is sent again")
        ] = None,
    ) -> FirehoseAnswer:
        """The HTTP endpoint of a Firehose stream. A record is one event; those that cannot be used are dead letters,
        as a request is taken or sent again as a whole."""
        named = request_id_of(request.headers)
        try:
            await pushes.take(request, read_firehose, key=key)
        except Problem as problem:
            problem.also = {"timestamp": _now_ms(), "errorMessage": problem.body.message}
            if named is not None:
                problem.also = {"requestId": named, **problem.also}
            raise
        assert named is not None  # without it nothing is taken
        return FirehoseAnswer(named, _now_ms())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
