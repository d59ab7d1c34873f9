"""Parts of the OpenAPI document that the handlers' types do not say."""

from dataclasses import dataclass
from typing import Any, Final

from litestar import Request
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema

from app.service.http.http_problem import ProblemBody

_TEXT: Final = Schema(type=OpenAPIType.STRING)
_OBJECT: Final = Schema(type=OpenAPIType.OBJECT)
_INSTANT: Final = Schema(type=OpenAPIType.STRING, description="ISO 8601, such as 2026-01-05T00:00:00.000Z")
_EVENT_FIELDS: Final = {
    "type": _TEXT,
    "event": Schema(type=OpenAPIType.STRING, description="The name of what was done, of a track"),
    "userId": _TEXT,
    "anonymousId": Schema(type=OpenAPIType.STRING, description="The visitor, where there is no userId"),
    "messageId": Schema(type=OpenAPIType.STRING, description="Sent again, an event counts once; made if missing"),
    "timestamp": _INSTANT,
    "sentAt": _INSTANT,
    "properties": _OBJECT,
    "traits": _OBJECT,
    "context": _OBJECT,
}
EVENT: Final = Schema(
    type=OpenAPIType.OBJECT,
    description="An event of the Segment specification, at most 32 KB",
    properties=dict(_EVENT_FIELDS),
)
KEYED_EVENT: Final = Schema(
    type=OpenAPIType.OBJECT,
    description="An event of the Segment specification, at most 32 KB",
    properties={**_EVENT_FIELDS, "writeKey": _TEXT},
)
BATCH: Final = Schema(
    type=OpenAPIType.OBJECT,
    description="At most 500 KB",
    required=["batch"],
    properties={
        "batch": Schema(type=OpenAPIType.ARRAY, items=EVENT),
        "sentAt": _INSTANT,
        "context": _OBJECT,
        "writeKey": _TEXT,
    },
)
ANYTHING: Final = Schema(description="Not looked at")
GA4: Final = Schema(
    type=OpenAPIType.OBJECT,
    description="A payload of the GA4 Measurement Protocol",
    properties={
        "client_id": _TEXT,
        "user_id": _TEXT,
        "timestamp_micros": Schema(type=OpenAPIType.INTEGER),
        "user_properties": _OBJECT,
        "events": Schema(
            type=OpenAPIType.ARRAY,
            items=Schema(type=OpenAPIType.OBJECT, required=["name"], properties={"name": _TEXT, "params": _OBJECT}),
        ),
    },
)
PUBSUB: Final = Schema(
    description="The wrapper of a message of Pub/Sub, or the message alone; at most 14 MB",
    properties={
        "message": Schema(
            type=OpenAPIType.OBJECT,
            properties={
                "data": Schema(type=OpenAPIType.STRING, description="An event of the Segment specification, in base64"),
                "attributes": _OBJECT,
                "messageId": Schema(type=OpenAPIType.STRING, description="Becomes the id of an event that has none"),
                "publishTime": _INSTANT,
                "orderingKey": _TEXT,
            },
        ),
        "subscription": _TEXT,
    },
)
FIREHOSE: Final = Schema(
    type=OpenAPIType.OBJECT,
    description="At most 14 MB and 50,000 records",
    required=["requestId", "records"],
    properties={
        "requestId": _TEXT,
        "timestamp": Schema(type=OpenAPIType.INTEGER, description="In milliseconds"),
        "records": Schema(
            type=OpenAPIType.ARRAY,
            items=Schema(
                type=OpenAPIType.OBJECT,
                required=["data"],
                properties={
                    "data": Schema(
                        type=OpenAPIType.STRING, description="An event of the Segment specification, in base64"
                    )
                },
            ),
        ),
    },
)

MEANINGS: Final = {
    400: "Something in it cannot be used; what and why",
    401: "No key, or a wrong one",
    403: "This service does not do that: a setting is missing, or the token is another user's",
    404: "There is no such thing",
    409: "The key is in another state; which one",
    413: "Too large: more than 500 KB, or than 14 MB where records are pushed",
    415: "Content-Encoding is neither gzip nor none",
    429: "Too many events for this key: again after Retry-After seconds",
    503: "What this needs does not answer, or is not there: again after Retry-After seconds",
}
COLLECTING: Final = (400, 401, 403, 413, 415, 429, 503)


class JsonDocument(JsonRenderPlugin):
    """The document as JSON."""

    def __init__(self) -> None:
        super().__init__(path="/openapi.json")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """See `OpenAPIRenderPlugin`."""
        return self.render_json(request, numbers_once(openapi_schema))


def numbers_once(node: Any) -> Any:
    """A document in which a type with whole and other numbers names numbers alone.

    `oneOf` refuses what two of its parts take, as 5 is an integer and a number.

    >>> numbers_once({"oneOf": [{"type": "integer"}, {"type": "number"}]})
    {'oneOf': [{'type': 'number'}]}
    """
    if isinstance(node, dict):
        return {name: numbers_once(each) for name, each in node.items()}
    if isinstance(node, list):
        both = [{"type": "integer"}, {"type": "number"}]
        left_out = both[:1] if all(each in node for each in both) else []
        return [numbers_once(each) for each in node if each not in left_out]
    return node


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """The answers that are no success, for a handler's `responses`."""
    return {
        status: ResponseSpec(ProblemBody, description=MEANINGS[status], generate_examples=False) for status in statuses
    }


def with_body(schema: Schema, *, required: bool = True) -> type[Operation]:
    """For a handler that reads its body itself: what the body is."""
    body = RequestBody(
        content={"application/json": OpenAPIMediaType(schema=schema)},
        description="Any Content-Type is read as JSON; Content-Encoding may be gzip",
        required=required,
    )

    @dataclass
    class WithBody(Operation):
        def __post_init__(self) -> None:
            self.request_body = body

    return WithBody


def security(*names: str) -> list[dict[str, list[str]]]:
    """Any one of these ways to say who asks."""
    return [{name: []} for name in names]


EVALUATE: Final = Schema(
    type=OpenAPIType.OBJECT,
    required=["events"],
    properties={
        "events": Schema(type=OpenAPIType.ARRAY, items=EVENT, description="Of one user, in order; at most 1000"),
        "at": Schema(type=OpenAPIType.STRING, description="The instant asked for; else that of the last event"),
    },
)
USERS: Final = Schema(
    type=OpenAPIType.OBJECT,
    required=["users"],
    properties={"users": Schema(type=OpenAPIType.ARRAY, items=_TEXT, description="At most 100")},
)
LISTED: Final = Schema(
    type=OpenAPIType.OBJECT,
    properties={
        "add": Schema(type=OpenAPIType.ARRAY, items=_TEXT, description="Users to put on the list"),
        "remove": Schema(type=OpenAPIType.ARRAY, items=_TEXT, description="Users to take off the list"),
    },
)
ERASURE: Final = Schema(
    type=OpenAPIType.OBJECT,
    properties={
        "suppress": Schema(type=OpenAPIType.BOOLEAN, description="Drop later events of the user, too; false if absent"),
    },
)
TOKEN: Final = Schema(
    type=OpenAPIType.OBJECT,
    required=["user"],
    properties={
        "user": _TEXT,
        "ttl": Schema(type=OpenAPIType.INTEGER, description="Seconds, at most a week; an hour if nothing is said"),
        "follow": Schema(
            type=OpenAPIType.BOOLEAN,
            description="The token of an anonymousId shows after a login what the user is in; false if nothing is said",
        ),
    },
)
