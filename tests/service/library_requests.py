"""Requests of the libraries of Segment and RudderStack: paths, headers and the form of bodies, as in their sources."""

import gzip
import json
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.service.running import WRITE_KEY

BASIC = {"Authorization": "Basic " + b64encode(f"{WRITE_KEY}:".encode()).decode()}
BASIC_WITHOUT_COLON = {"Authorization": "Basic " + b64encode(WRITE_KEY.encode()).decode()}
JSON = {"Content-Type": "application/json"}
JSON_UTF8 = {"Content-Type": "application/json; charset=utf-8"}
TEXT = {"Content-Type": "text/plain"}
Carries = Literal["basic", "body", "query"]

#: Formats of times in languages: milliseconds, seven digits (.NET), nine (Go), seconds (PHP), a zone without colon.
MILLIS = "2026-01-05T00:00:00.000Z"
NET = "2026-01-05T00:00:00.0000000Z"
NET_LOCAL = "2026-01-05T01:00:00.0000000+01:00"
GO = "2026-01-05T00:00:00.123456789Z"
PHP = "2026-01-05T00:00:00+00:00"
MICROS = "2026-01-05T00:00:00.000000+00:00"
NO_FRACTION = "2026-01-05T00:00:00Z"
NO_COLON = "2026-01-05T00:00:00.000+0000"


@dataclass(frozen=True)
class Library:
    """One library: what it posts events to, and what it asks for when it starts."""

    name: str
    paths: tuple[str, ...]
    headers: dict[str, str]
    time: str = MILLIS
    key: Carries = "basic"
    packed: bool = False
    more: dict[str, Any] = field(default_factory=dict)
    settings: str = ""
    on_400: str = "drops the batch, reports it"

    def body(self, path: str) -> bytes:
        """Of one event; paths with the name of a type carry it alone."""
        event = {
            "type": "track",
            "event": "Product Viewed",
            "userId": 1234.0 if "Java" in self.name else "u-1",
            "anonymousId": "d-1",
            "messageId": f"{self.name} {path}",
            "timestamp": self.time,
            "originalTimestamp": self.time,
            "properties": {"product_id": "A1"},
            "context": {"library": {"name": self.name}},
            "integrations": {},
        }
        said: dict[str, Any] = {"batch": [event], "sentAt": self.time, **self.more}
        if path.rstrip("/").rpartition("/")[2] in ("t", "track"):
            said = {**event, "sentAt": self.time}
        if self.key == "body":
            said["writeKey"] = WRITE_KEY
        packed = json.dumps(said).encode()
        return gzip.compress(packed) if self.packed else packed

    def all_headers(self) -> dict[str, str]:
        """With the key and the packing."""
        packing = {"Content-Encoding": "gzip"} if self.packed else {}
        return {**self.headers, **(BASIC if self.key == "basic" else {}), **packing}

    def url(self, path: str) -> str:
        """With the key, where the library puts it into the query."""
        return f"{path}?writeKey={WRITE_KEY}" if self.key == "query" else path


SETTINGS = "/v1/projects/KEY/settings"
CONFIG = "/sourceConfig"
RUDDER_APP = {**JSON, "AnonymousId": "ZC0x"}
FOR_EVER = "would repeat it for ever, so it gets 200"

LIBRARIES = (
    Library("Segment Analytics.js", ("/v1/t", "/v1/b"), {**TEXT, **BASIC}, key="body", settings=SETTINGS),
    Library("Segment Node", ("/v1/batch",), JSON),
    Library("Segment Python", ("/v1/batch",), JSON, MICROS, packed=True, more={"writeKey": WRITE_KEY}),
    Library("Segment Java", ("/v1/import/", "/v1/import"), JSON_UTF8, more={"context": None, "sequence": 1}),
    Library("Segment Android", ("/v1/import",), JSON, key="body", packed=True, settings=SETTINGS),
    Library("Segment Kotlin", ("/v1/b", "/v1/m"), TEXT, key="body", packed=True, settings=SETTINGS),
    Library("Segment iOS", ("/v1/batch",), JSON, packed=True, settings=SETTINGS),
    Library("Segment Swift", ("/v1/b", "/v1/m"), JSON_UTF8, key="body", settings=SETTINGS),
    Library("Segment React Native", ("/v1/b",), JSON_UTF8, key="body", settings=SETTINGS),
    Library("Segment Go", ("/v1/batch",), JSON, GO, more={"messageId": "b-1"}, on_400="tries 10 times, then drops it"),
    Library("Segment .NET", ("/v1/import",), JSON_UTF8, NET_LOCAL, packed=True),
    Library("Segment C#", ("/v1/b",), {}, NET, key="body", packed=True, settings=SETTINGS),
    Library("Segment PHP", ("/v1/batch",), JSON, PHP, packed=True),
    Library("Segment Ruby", ("/v1/import",), JSON, NO_COLON),
    Library("RudderStack JavaScript", ("/v1/track", "/v1/batch"), RUDDER_APP, settings=CONFIG),
    Library("RudderStack JavaScript, beacons", ("/beacon/v1/batch",), TEXT, key="query"),
    Library("RudderStack Android", ("/v1/batch",), RUDDER_APP, packed=True, settings=CONFIG, on_400=FOR_EVER),
    Library("RudderStack iOS", ("/v1/batch",), RUDDER_APP, packed=True, settings=CONFIG, on_400=FOR_EVER),
    Library("RudderStack Kotlin", ("/v1/batch",), RUDDER_APP, packed=True, settings=CONFIG),
    Library("RudderStack Swift", ("/v1/batch",), RUDDER_APP, packed=True, settings=CONFIG),
    Library("RudderStack Java", ("/v1/batch",), JSON_UTF8),
    Library("RudderStack Node", ("/v1/batch",), JSON),
    Library("RudderStack Python", ("/v1/batch",), JSON, MICROS, packed=True),
    Library("RudderStack Ruby", ("/v1/batch",), JSON, NO_FRACTION),
    Library("RudderStack .NET", ("/v1/batch",), JSON_UTF8, NET_LOCAL),
)
