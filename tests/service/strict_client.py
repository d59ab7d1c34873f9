"""A strict client: every answer is compared with the OpenAPI document, as a generated client in a typed language would.

An answer of a path of the document must have a status and a media type that the document names there, and its
JSON exactly the fields and types; that true is the integer 1 is refused, as is a field that nothing describes.
"""

import copy
import json
import re
from functools import cache
from typing import Any

import httpx
import jsonschema

from tools.openapi_document import document

#: Messages of the framework for requests that reach no operation; they have the shape of every problem.
ANYWHERE = {405, 404}
PAGES = {"/", "/docs"}
"""For people: no part of the document."""


class UndescribedAnswerError(AssertionError):
    """An answer that the document does not describe."""


@cache
def described() -> Any:
    """The document; objects with named fields have no others."""
    whole = json.loads(document())
    _close(whole["components"]["schemas"])
    _close(whole["paths"])
    return whole


def _close(node: Any) -> None:
    if isinstance(node, dict):
        if "properties" in node and node.get("type") == "object" and "additionalProperties" not in node:
            node["additionalProperties"] = False
        for each in node.values():
            _close(each)
    elif isinstance(node, list):
        for each in node:
            _close(each)


@cache
def templates() -> list[tuple[str, "re.Pattern[str]"]]:
    """The paths of the document, the fixed ones first."""
    paths = sorted(described()["paths"], key=lambda path: path.count("{"))
    return [(path, re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path)) + "/?")) for path in paths]


def operation_of(method: str, path: str) -> Any:
    """The operation that a request asks for; None: the document has none."""
    for template, pattern in templates():
        if pattern.fullmatch(path):
            return described()["paths"][template].get(method.lower())
    return None


def check_answer(method: str, path: str, status: int, content_type: str | None, body: bytes) -> None:
    """UndescribedAnswerError for an answer that the document does not describe. `path` as it was sent."""
    where = f"{method} {path} -> {status}"
    operation = operation_of(method, path)
    if operation is None or (status in ANYWHERE and str(status) not in operation["responses"]):
        if status not in ANYWHERE and status < 500 and method != "OPTIONS":
            raise UndescribedAnswerError(f"{where}: no operation of the document")
        return
    answer = operation["responses"].get(str(status))
    if answer is None:
        raise UndescribedAnswerError(f"{where}: a status that is not described: {body[:300]!r}")
    media = answer.get("content", {})
    if not media:
        if body:
            raise UndescribedAnswerError(f"{where}: a body that is not described: {body[:300]!r}")
        return
    given = (content_type or "").partition(";")[0].strip()
    if given not in media:
        raise UndescribedAnswerError(f"{where}: {given!r} is not among {list(media)}")
    if given != "application/json":
        return
    schema = {**copy.deepcopy(media[given]["schema"]), "components": described()["components"]}
    errors = [
        f"{'/'.join(map(str, each.absolute_path))}: {each.message}"
        for each in jsonschema.Draft202012Validator(schema).iter_errors(json.loads(body))
    ]
    if errors:
        raise UndescribedAnswerError(f"{where}: " + "; ".join(errors)[:2_000])


async def check_response(response: httpx.Response) -> None:
    """For `event_hooks` of a client. Live streams have no end, and are left alone."""
    content_type = response.headers.get("content-type")
    if content_type is not None and content_type.startswith("text/event-stream"):
        return
    body = await response.aread()
    path = response.request.url.raw_path.decode().partition("?")[0]
    if path.startswith("/docs/") or path in PAGES:
        return
    check_answer(response.request.method, path, response.status_code, content_type, body)


STRICT: Any = {"response": [check_response]}
