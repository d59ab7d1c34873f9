"""Every path of every library, with a request such as the library sends; docs/http.md has the list."""

import json
import re
from pathlib import Path

import pytest

from app.service.routes.collector_routes import BATCH_PATHS, COLLECT_PATHS, TELEMETRY_PATH
from tests.service.library_requests import BASIC, BASIC_WITHOUT_COLON, LIBRARIES, Library
from tests.service.running import WRITE_KEY, Running

PAGE = "https://shop.example"
REQUESTS = [(library, path) for library in LIBRARIES for path in library.paths]
DOCS = Path(__file__).parents[2] / "docs" / "http.md"


@pytest.mark.parametrize(("library", "path"), REQUESTS, ids=[f"{each.name} {path}" for each, path in REQUESTS])
async def test_what_a_library_sends_is_in_kafka(service: Running, library: Library, path: str) -> None:
    body = b'{"series":[]}' if path == TELEMETRY_PATH else library.body(path)
    headers = library.all_headers() if path != TELEMETRY_PATH else library.headers
    answer = await service.http.post(library.url(path), content=body, headers=headers)
    # PHP and Android treat only 200 as a success.
    assert answer.status_code == 200, answer.text
    assert answer.json()["success"] is True
    if path == TELEMETRY_PATH:
        return
    (message,) = await service.written()
    assert message["messageId"] == f"{library.name} {path}"
    assert message["_key"] == (b"1234" if "Java" in library.name else b"u-1")
    # Sent at once: the time of the event is its receipt.
    assert message["timestamp"] == message["receivedAt"]
    assert WRITE_KEY not in json.dumps(message, default=str)


@pytest.mark.parametrize("library", [each for each in LIBRARIES if each.settings], ids=lambda each: each.name)
async def test_a_library_gets_the_settings_that_it_asks_for(service: Running, library: Library) -> None:
    path = library.settings.replace("KEY", WRITE_KEY)
    answer = await service.http.get(path, headers=BASIC_WITHOUT_COLON if library.settings == "/sourceConfig" else {})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/json")


async def test_segments_libraries_for_apps_are_told_where_to_send(service: Running) -> None:
    said = (await service.http.get(f"/v1/projects/{WRITE_KEY}/settings")).json()
    assert said["integrations"]["Segment.io"]["apiHost"].endswith("/v1")


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("by", ["basic", "query"])
async def test_rudderstacks_libraries_are_told_that_there_are_no_destinations(
    service: Running, slash: str, by: str
) -> None:
    """All that they read without a default: what is missing ends them."""
    query = f"&writeKey={WRITE_KEY}" if by == "query" else ""
    headers = BASIC if by == "basic" else {}
    answer = await service.http.get(f"/sourceConfig{slash}?p=android&v=1.0{query}", headers=headers)
    source = answer.json()["source"]
    assert (source["enabled"], source["destinations"], source["writeKey"]) == (True, [], WRITE_KEY)
    assert isinstance(source["config"]["statsCollection"]["errors"]["enabled"], bool)
    assert {"id", "name", "workspaceId", "updatedAt"} <= source.keys()
    assert (await service.http.get("/sourceConfig")).status_code == 401


@pytest.mark.parametrize("path", sorted(COLLECT_PATHS))
async def test_a_page_may_send_json_with_its_credentials(service: Running, path: str) -> None:
    """As beacons do, which browsers ask for before: the origin must be named, and credentials allowed."""
    asked = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,authorization",
    }
    preflight = await service.http.options(path, headers=asked)
    sent = await service.http.post(path, content=b"{}", headers={**BASIC, "Origin": PAGE, "Cookie": "a=b"})
    for answer in (preflight, sent):
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert "Origin" in answer.headers["Vary"]
    assert preflight.status_code == 204
    assert "authorization" in preflight.headers["Access-Control-Allow-Headers"].lower()


@pytest.mark.parametrize("path", ["/v1/segments", "/v1/users/u/segments", "/v1/changes", "/v1/tokens", "/sourceConfig"])
async def test_where_something_can_be_read_credentials_are_not_allowed(service: Running, path: str) -> None:
    preflight = await service.http.options(path, headers={"Origin": PAGE, "Access-Control-Request-Method": "GET"})
    assert preflight.headers["Access-Control-Allow-Origin"] == PAGE
    assert "Access-Control-Allow-Credentials" not in preflight.headers


def test_the_docs_list_each_library_with_its_paths() -> None:
    row = re.compile(r"^\| ((?:Segment|RudderStack) [^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
    rows = row.findall(DOCS.read_text(encoding="utf-8"))
    listed = {name: (paths, settings, on_400) for name, paths, settings, on_400 in rows}
    assert listed == {
        each.name: (
            ", ".join(f"`{path}`" for path in each.paths),
            f"`{each.settings}`" if each.settings else "none",
            each.on_400,
        )
        for each in LIBRARIES
    }
    assert set(BATCH_PATHS) <= {path for each in LIBRARIES for path in each.paths}
