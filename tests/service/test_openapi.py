"""The published document is that of the program, and answers are as it says."""

import json
from typing import Any

import jsonschema

from tests.service.running import BASIC, BEARER, Running
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
        open_to_all = path in ("/live", "/ready", "/metrics", "/mp/collect") or path.startswith("/v1/projects/")
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
