"""The published document of the console is that of the program."""

import json

from tools.openapi_document import CONSOLE_DOCUMENT, console_document

OPEN = {
    ("/console/v1/session", "post"),
    ("/console/v1/login", "get"),
    ("/console/v1/oidc/begin", "get"),
    ("/console/v1/oidc/callback", "get"),
}
"""Ways in."""


def test_the_document_is_that_of_the_program() -> None:
    assert CONSOLE_DOCUMENT.read_text(encoding="utf-8") == console_document(), "python -m tools.openapi_document"


def test_every_path_says_what_it_answers_and_that_it_wants_a_session() -> None:
    for path, methods in json.loads(console_document())["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"]
            assert operation["description"]
            assert operation.get("security") or (path, method) in OPEN, path
