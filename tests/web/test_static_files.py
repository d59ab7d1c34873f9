"""The files of the pages: all there, found, kept, and nothing of anybody else's."""

import re
from pathlib import Path

import httpx
import pytest

from app.web.access.security_headers import POLICY
from app.web.static_files import TYPES, StaticFiles
from tests.web.texts import FOLDER, texts_of

FILES_MIN = 20
KINDS = {"entered", "exited", "updated"}
HTML = {"Accept": "text/html"}
OWN = [path for path in FOLDER.rglob("*") if path.suffix in (".js", ".css", ".html") and path.parent.name != "vendor"]


def test_every_file_of_the_pages_is_served() -> None:
    static = StaticFiles()
    there = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.suffix[1:] in TYPES}
    assert {name.removeprefix(static.prefix) for name in static.files} == there - {"index.html"}
    assert len(static.files) >= FILES_MIN
    assert {"vendor/core.js", "vendor/uplot.js", "vendor/uplot.css"} <= there
    assert (FOLDER / "vendor" / "LICENSES").read_text().count("Copyright") >= 3


def test_every_import_names_a_file_that_is_there() -> None:
    for path in (each for each in OWN if each.suffix == ".js"):
        for name in re.findall(r"from '([^']+)'", path.read_text()):
            assert (path.parent / name).is_file(), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_pages_use_nothing_that_the_policy_forbids(path: Path) -> None:
    text = path.read_text()
    forbidden = (
        "dangerouslySetInnerHTML",
        "innerHTML",
        "eval(",
        "new Function",
        " style=",
        "<style",
        "onclick=",
        "://",
    )
    allowed = text.replace("http://www.w3.org/2000/svg", "")
    assert not [each for each in forbidden if each in allowed]


def test_every_text_is_used_and_every_used_text_is_there() -> None:
    keys = set(texts_of("en"))
    pages = "".join(path.read_text() for path in OWN if path.parent.name != "words")
    used = set(re.findall(r"\bt\('(\w+)'", pages))
    assert used <= keys, used - keys
    begun = tuple(re.findall(r"t\(`(\w+_)\$", pages))
    server = "".join(path.read_text() for path in (FOLDER.parent).glob("*.py"))
    begun += tuple(re.findall(r'say\(\s*f"(\w+_)\{', server))
    begun += ("error_",)  # test_languages.py finds those by the messages of the program
    said = pages + server.replace('"', "'")
    idle = {key for key in keys if f"'{key}'" not in said and not key.startswith(begun) and key not in KINDS}
    assert not idle


async def test_a_page_is_the_document_and_a_missing_file_is_missing(http: httpx.AsyncClient) -> None:
    for path in ("/", "/segments", "/segments/cart-abandoned", "/people?user=a%40b.example"):
        answer = await http.get(path, headers=HTML)
        assert answer.status_code == 200
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["cache-control"] == "no-cache"
        assert "main.js" in answer.text
    prefix = StaticFiles().prefix
    for path in ("/missing.js", f"{prefix}missing.js", "/s/0/main.js", f"{prefix}../gate.py", "/segments", "/console"):
        headers = HTML if path.endswith((".js", ".py")) else {"Accept": "*/*"}
        answer = await http.get(path, headers=headers)
        assert answer.status_code == 404, path
        assert "<" not in answer.text
    assert (await http.post("/segments", headers=HTML)).status_code == 405
    assert (await http.get("/console/v1/nothing")).json()["code"] == "no-such-path"


async def test_files_are_kept_and_packed(http: httpx.AsyncClient) -> None:
    answer = await http.get(f"{StaticFiles().prefix}main.js")
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    again = await http.get(f"{StaticFiles().prefix}main.js", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_answers_are_packed_and_live_changes_are_not(http: httpx.AsyncClient) -> None:
    answer = await http.get("/console/v1/docs/openapi.json")
    assert answer.headers["content-encoding"] == "gzip"
    async with http.stream("GET", "/console/v1/changes") as live:
        assert "content-encoding" not in live.headers
        assert (await anext(live.aiter_lines())).startswith("retry:")
