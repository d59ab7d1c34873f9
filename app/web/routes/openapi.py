"""Parts of the console's OpenAPI document that the handlers' types do not say."""

from typing import Final

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIType, Schema

from app.service.http.http_problem import ProblemBody
from app.web.jobs.report_job import KINDS

_TEXT: Final = Schema(type=OpenAPIType.STRING)
_NAME: Final = Schema(
    type=OpenAPIType.STRING, description="The definition that the text replaces; empty or absent: it is new"
)
_SOURCE: Final = Schema(type=OpenAPIType.STRING, description="The text of a definition file")
_BASE: Final = Schema(
    type=OpenAPIType.STRING, description="The publication that the author has seen; none: nothing was published"
)
_REVISION: Final = Schema(type=OpenAPIType.INTEGER, description="The revision of the draft that the author has seen")
_MESSAGE: Final = Schema(type=OpenAPIType.STRING, description="What changes, and why")
LOGIN: Final = Schema(
    type=OpenAPIType.OBJECT,
    required=["name", "password"],
    properties={"name": Schema(type=OpenAPIType.STRING), "password": Schema(type=OpenAPIType.STRING)},
)
DRAFT: Final = Schema(type=OpenAPIType.OBJECT, required=["text"], properties={"text": _SOURCE, "name": _NAME})
NEW_DRAFT: Final = Schema(
    type=OpenAPIType.OBJECT,
    required=["text", "base"],
    properties={
        "text": _SOURCE,
        "name": _NAME,
        "base": _BASE,
        "deed": Schema(
            type=OpenAPIType.STRING,
            enum=["publish", "removal", "rename", "rollback"],
            description="What the draft proposes; publish if absent. The text of all others is empty",
        ),
        "to": Schema(
            type=OpenAPIType.STRING, description="Of a rollback: the earlier publication; of a rename: the new name"
        ),
    },
)
DRAFT_CHANGE: Final = Schema(
    type=OpenAPIType.OBJECT,
    required=["text", "base", "revision"],
    properties={"text": _SOURCE, "base": _BASE, "revision": _REVISION},
)
DRAFT_REVIEW: Final = Schema(
    type=OpenAPIType.OBJECT,
    required=["revision"],
    properties={
        "revision": _REVISION,
        "message": Schema(type=OpenAPIType.STRING, description="What is asked for, or said; an approval needs none"),
    },
)
_APPROVED: Final = Schema(
    type=OpenAPIType.STRING,
    description="The id of the approved draft that says exactly this; needed where SHOAL_CONSOLE_REVIEW is set",
)
DRAFT_REVISION: Final = Schema(type=OpenAPIType.OBJECT, required=["revision"], properties={"revision": _REVISION})
CONDITION_EDIT: Final = Schema(
    type=OpenAPIType.OBJECT,
    required=["text"],
    properties={
        "text": _SOURCE,
        "call": Schema(type=OpenAPIType.STRING, description="The title, from which the name is made, too"),
        "role": Schema(type=OpenAPIType.STRING, enum=["when", "enter", "exit"], description="The condition"),
        "add": Schema(type=OpenAPIType.STRING, description="An expression that must hold, too"),
        "remove": Schema(type=OpenAPIType.INTEGER, description="The place of a part to be left out, from 0"),
    },
)
JOB: Final = Schema(
    type=OpenAPIType.OBJECT,
    required=["kind"],
    properties={
        "kind": Schema(
            type=OpenAPIType.STRING,
            enum=["tests", "backtest", "counts", "uplift", "report"],
            description="tests: those of the text; backtest: the text over the latest events; counts: of all lists and "
            "experiments; uplift: the groups of an experiment, compared; report: one of those. They need no text",
        ),
        "uplift": Schema(
            type=OpenAPIType.OBJECT,
            required=["experiment", "goal", "within"],
            properties={
                "experiment": _TEXT,
                "goal": Schema(type=OpenAPIType.STRING, description="The name of the events that it is for"),
                "within": Schema(type=OpenAPIType.STRING, description="So long after the exposure, such as 7d"),
                "value": Schema(type=OpenAPIType.STRING, description="The property whose sum is compared"),
            },
        ),
        "report": Schema(
            type=OpenAPIType.OBJECT,
            required=["kind"],
            properties={
                "kind": Schema(type=OpenAPIType.STRING, enum=list(KINDS)),
                "goal": Schema(type=OpenAPIType.STRING, description="The name of the events that are conversions"),
                "value": Schema(type=OpenAPIType.STRING, description="The property with their value"),
                "once": Schema(type=OpenAPIType.STRING, description="Conversions of a user with the same are one"),
                "windows": Schema(type=OpenAPIType.ARRAY, items=_TEXT, description="Durations, such as 30d"),
                "steps": Schema(type=OpenAPIType.ARRAY, items=_TEXT, description="Of a funnel: names of events"),
                "since": Schema(type=OpenAPIType.STRING, description="ISO 8601; empty: from the first event on"),
                "until": Schema(type=OpenAPIType.STRING, description="ISO 8601, exclusive; empty: to the last event"),
                "limit": Schema(type=OpenAPIType.INTEGER, description="The number of rows of long tables"),
            },
        ),
        "lists": Schema(
            type=OpenAPIType.ARRAY, items=_TEXT, description="Further lists to count, which no definition asks for"
        ),
        "text": _SOURCE,
        "name": _NAME,
    },
)
EDIT: Final = Schema(
    type=OpenAPIType.OBJECT,
    required=["text", "message", "if_version"],
    properties={
        "text": _SOURCE,
        "name": _NAME,
        "message": _MESSAGE,
        "draft": _APPROVED,
        "if_version": Schema(
            type=OpenAPIType.STRING, description="The publication that the author has seen; none: nothing was published"
        ),
        "take_over": Schema(
            type=OpenAPIType.BOOLEAN, description="Also if the definition belongs to another source; false if absent"
        ),
        "untested": Schema(
            type=OpenAPIType.BOOLEAN,
            description="Also if tests of the text fail, which the history then says; false if absent",
        ),
    },
)
REMOVAL: Final = Schema(
    type=OpenAPIType.OBJECT,
    required=["name"],
    properties={
        "name": Schema(type=OpenAPIType.STRING, description="The segment or score that is to be removed"),
        "message": _MESSAGE,
        "draft": _APPROVED,
        "if_version": Schema(
            type=OpenAPIType.STRING, description="The publication that the author has seen; not needed with dry_run"
        ),
        "take_over": Schema(
            type=OpenAPIType.BOOLEAN, description="Also if the definition belongs to another source; false if absent"
        ),
        "dry_run": Schema(type=OpenAPIType.BOOLEAN, description="Only say what would change; false if absent"),
    },
)
RENAME: Final = Schema(
    type=OpenAPIType.OBJECT,
    required=["name", "to"],
    properties={
        "name": Schema(type=OpenAPIType.STRING, description="The segment or score that gets another name"),
        "to": Schema(type=OpenAPIType.STRING, description="Its new name"),
        **{name: each for name, each in (REMOVAL.properties or {}).items() if name != "name"},
    },
)
ROLLBACK: Final = Schema(
    type=OpenAPIType.OBJECT,
    required=["to"],
    properties={
        "to": Schema(type=OpenAPIType.STRING, description="Number or version of an earlier publication"),
        "message": _MESSAGE,
        "draft": _APPROVED,
        "if_version": Schema(type=OpenAPIType.STRING, description="Only if this is the latest publication"),
        "dry_run": Schema(type=OpenAPIType.BOOLEAN, description="Only say what would change; false if absent"),
    },
)


BACKFILL: Final = Schema(
    type=OpenAPIType.OBJECT,
    required=["names"],
    properties={
        "names": Schema(type=OpenAPIType.ARRAY, items=_TEXT, description="The live segments to be filled"),
        "source": Schema(
            type=OpenAPIType.STRING,
            description="Where the history begins: a name of SHOAL_CONSOLE_HISTORIES; topic if absent",
        ),
    },
)
LIST_CHANGE: Final = Schema(
    type=OpenAPIType.OBJECT,
    required=["name", "text"],
    properties={
        "name": Schema(type=OpenAPIType.STRING, description="The list"),
        "text": Schema(type=OpenAPIType.STRING, description="The content of the file, at most some 450 KB"),
        "on": Schema(type=OpenAPIType.BOOLEAN, description="false: take the users off the list; true if absent"),
        "csv": Schema(type=OpenAPIType.BOOLEAN, description="A CSV with a header; else one id a line; false if absent"),
        "column": Schema(
            type=OpenAPIType.STRING, description="The column of the ids; if absent, one with a usual name"
        ),
        "dry_run": Schema(type=OpenAPIType.BOOLEAN, description="Only say how many users; false if absent"),
    },
)


_PERSON: Final = Schema(type=OpenAPIType.STRING, description="Any id of the person")
_CONFIRM: Final = Schema(type=OpenAPIType.STRING, description="The same id again; not needed with dry_run")
PERSON_ERASURE: Final = Schema(
    type=OpenAPIType.OBJECT,
    required=["user"],
    properties={
        "user": _PERSON,
        "confirm": _CONFIRM,
        "suppress": Schema(type=OpenAPIType.BOOLEAN, description="Drop later events, too; false if absent"),
        "dry_run": Schema(type=OpenAPIType.BOOLEAN, description="Only say which keys; false if absent"),
    },
)
PERSON_EXPORT: Final = Schema(
    type=OpenAPIType.OBJECT, required=["user", "confirm"], properties={"user": _PERSON, "confirm": _CONFIRM}
)
RESTRICTION: Final = Schema(
    type=OpenAPIType.OBJECT,
    required=["user"],
    properties={
        "user": _PERSON,
        "on": Schema(type=OpenAPIType.BOOLEAN, description="false: end the restriction; true if absent"),
    },
)


def conflicts() -> dict[int, ResponseSpec]:
    """The answer to a request that what is published forbids, for a handler's `responses`."""
    said = "Something else is published than the request is for, or definitions come from a folder"
    return {409: ResponseSpec(ProblemBody, description=said, generate_examples=False)}
