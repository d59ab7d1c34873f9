"""The published document is that of the program, and answers are as it says."""

import json
from typing import Any

import jsonschema
import pytest

from tests.service.running import BASIC, BEARER, Running
from tests.service.strict_client import UndescribedAnswerError, check_answer
from tools.openapi_document import DOCUMENT, document


def test_the_document_is_that_of_the_program() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(), "make it anew: python -m tools.openapi_document"


def test_every_path_says_what_it_answers_and_who_may_ask() -> None:
    paths = json.loads(document())["paths"]
    operations = {(path, method): each for path, methods in paths.items() for method, each in methods.items()}
    assert ("/v1/batch", "post") in operations
    for (path, _), operation in operations.items():
        assert operation["summary"]
        assert operation["description"]
        open_to_all = path in ("/live", "/ready", "/metrics", "/mp/collect", "/v1/m") or path.startswith(
            "/v1/projects/"
        )
        assert open_to_all or operation["security"], path


async def test_answers_are_as_the_document_says(service: Running) -> None:
    whole = json.loads(document())
    asked: list[tuple[str, str, str, Any, dict[str, str]]] = [
        ("/v1/track", "post", "/v1/track", {"event": "A", "userId": "u"}, BASIC),
        ("/v1/track", "post", "/v1/track", {"event": "A"}, BASIC),
        ("/v1/track", "post", "/v1/track", {"event": "A"}, {}),
        ("/v1/segments", "get", "/v1/segments", None, BEARER),
        ("/v1/users/{user}/segments", "get", "/v1/users/u/segments", None, BEARER),
        ("/v1/evaluate", "post", "/v1/evaluate", {"events": [{"type": "page", "userId": "u"}]}, BEARER),
        ("/v1/tokens", "post", "/v1/tokens", {"user": "u"}, BEARER),
        ("/v1/tokens", "post", "/v1/tokens", {"user": ""}, BEARER),
    ]
    for template, method, path, body, headers in asked:
        answer = await service.http.request(method, path, json=body, headers=headers)
        responses = whole["paths"][template][method]["responses"]
        described = responses[str(answer.status_code)]["content"]["application/json"]["schema"]
        schema = {**described, "components": whole["components"]}
        jsonschema.Draft202012Validator(schema).validate(answer.json())


async def test_the_document_is_served(service: Running) -> None:
    answer = await service.http.get("/docs/openapi.json")
    assert answer.status_code == 200
    assert answer.json()["openapi"].startswith("3.1")


EVALUATION = {"user": "u", "at": "2026-01-05T00:00:00.000Z", "version": "1", "changes": [], "refused": []}
STANDING = {
    "segment": "s",
    "in": True,
    "since": None,
    "times": 1,
    "attach": {},
    "group": None,
    "because": [],
    "next": None,
}


@pytest.mark.parametrize(
    ("method", "path", "status", "content_type", "said"),
    [
        ("POST", "/v1/evaluate", 200, "application/json", {**EVALUATION, "segments": [{**STANDING, "in": 1}]}),
        ("POST", "/v1/evaluate", 200, "application/json", {**EVALUATION, "segments": [{**STANDING, "times": True}]}),
        ("POST", "/v1/evaluate", 200, "application/json", {**EVALUATION, "segments": [], "more": 1}),
        ("POST", "/v1/evaluate", 200, "text/plain", {**EVALUATION, "segments": []}),
        ("POST", "/v1/evaluate", 202, "application/json", {**EVALUATION, "segments": []}),
        ("POST", "/v1/track", 400, "application/json", {"success": False, "code": "x"}),
        ("GET", "/v1/unknown", 200, "application/json", {}),
    ],
    ids=["integer for true", "true for an integer", "a field more", "media type", "status", "a field less", "path"],
)
def test_the_client_of_these_tests_refuses_what_the_document_does_not_say(
    method: str, path: str, status: int, content_type: str, said: Any
) -> None:
    with pytest.raises(UndescribedAnswerError):
        check_answer(method, path, status, content_type, json.dumps(said).encode())


def test_the_client_of_these_tests_takes_what_the_document_says() -> None:
    said = {**EVALUATION, "segments": [STANDING]}
    check_answer("POST", "/v1/evaluate", 200, "application/json", json.dumps(said).encode())
    check_answer(
        "GET", "/v1/users/a%2Fb/segments", 503, "application/json", b'{"success":false,"code":"","message":""}'
    )
