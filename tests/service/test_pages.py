"""Pages for people: complete, escaped, and without anything that a browser would load, run or send."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest

from app.service.routes.pages import documentation, front_page
from tests.service.running import Running
from tools.openapi_document import document

DOCUMENT = json.loads(document())
EVIL = "<script>alert('1')</script>\"><img src=x onerror=alert(1)>&"
VOID = {"meta", "br"}


class Page(HTMLParser):
    """Elements of a page; AssertionError if they are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, self.getpos()

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, attribute: str) -> list[str]:
        return [value for _, attributes in self.elements if (value := attributes.get(attribute)) is not None]


@pytest.mark.parametrize("show", [front_page, documentation])
def test_a_page_names_every_operation(show: Any) -> None:
    page = Page(show(DOCUMENT))
    for path, methods in DOCUMENT["paths"].items():
        assert path in page.text
        for operation in methods.values():
            assert operation["summary"] in page.text


def test_the_documentation_has_every_description_and_schema() -> None:
    page = Page(documentation(DOCUMENT))
    for methods in DOCUMENT["paths"].values():
        for operation in methods.values():
            assert operation["description"] in page.text
            for answer in operation["responses"].values():
                assert answer["description"] in page.text
    for name in DOCUMENT["components"]["schemas"]:
        assert f"schema-{name}" in page.values("id")


def test_every_link_leads_somewhere_on_the_same_service() -> None:
    front, docs = Page(front_page(DOCUMENT)), Page(documentation(DOCUMENT))
    identities = docs.values("id")
    assert len(set(identities)) == len(identities)
    for link in (*front.values("href"), *docs.values("href")):
        path, _, fragment = link.partition("#")
        assert path in ("", "/", "/docs", "/docs/openapi.json"), link
        assert not fragment or fragment in identities, link


def evil(node: Any) -> Any:
    """The document with hostile text wherever a text may be that is no word of the specification."""
    if isinstance(node, dict):
        return {key: _evil(key, value) for key, value in node.items()}
    return [evil(each) for each in node] if isinstance(node, list) else node


def _evil(key: str, value: Any) -> Any:
    if key in ("description", "summary", "title", "version") and isinstance(value, str):
        return f"{value}{EVIL}"
    if key == "required" and isinstance(value, list):
        return [f"{name}{EVIL}" for name in value]
    if key in ("properties", "schemas", "paths", "securitySchemes"):
        return {f"{name}{EVIL}": evil(each) for name, each in value.items()}
    return evil(value)


@pytest.mark.parametrize("show", [front_page, documentation])
def test_what_is_hostile_is_shown_as_text(show: Any) -> None:
    usual, hostile = Page(show(DOCUMENT)), Page(show(evil(DOCUMENT)))
    assert EVIL in hostile.text
    assert [tag for tag, _ in hostile.elements if tag in ("script", "img")] == []
    assert len(hostile.elements) == len(usual.elements)
    assert {name for _, each in hostile.elements for name in each} == {
        name for _, each in usual.elements for name in each
    }


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_a_page_is_served_and_loads_nothing(service: Running, path: str) -> None:
    answer = await service.http.get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    page = Page(answer.text)
    assert {tag for tag, _ in page.elements} <= {
        *("html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "p", "a", "b", "br", "code", "span"),
        *("table", "tr", "td", "th"),
    }
    assert not page.values("src") + page.values("style")
    assert not [name for _, each in page.elements for name in each if name.startswith("on")]


async def test_the_document_stays_as_it_was(service: Running) -> None:
    assert (await service.http.get("/docs/openapi.json")).json() == DOCUMENT
