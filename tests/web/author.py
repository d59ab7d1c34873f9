"""Somebody who publishes with the console, in a shop of their own."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any, Final

import httpx

from app.catalogs.publishing import publish_catalog
from app.catalogs.terms import Terms
from app.segments.definitions.catalog import load_catalog
from app.settings import Settings
from tests.web.conftest import console_served

SAME_ORIGIN: Final = {"Sec-Fetch-Site": "same-origin"}


class Author:
    """A client of a console that writes. `cookie`: of a session; empty: nobody logs in there."""

    def __init__(self, url: str, settings: Settings, cookie: str = "") -> None:
        self.settings = settings
        self.url = url
        self.cookie = cookie
        given = {"Cookie": cookie} if cookie else {}
        self.http = httpx.Client(base_url=f"{url}/console/v1", timeout=60, headers=given)
        self.headers = SAME_ORIGIN | {"X-Shoal-CSRF": self.http.get("/me").json()["csrf"]}

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.http.post(path, json=body, headers=self.headers)

    def publish(self, text: str, **body: Any) -> httpx.Response:
        given = {"message": "as planned", "if_version": self.latest()} | body
        return self.post("/publications", text=text, **given)

    def latest(self) -> str:
        return str(self.http.get("/publications/latest").json()["publication"])

    def history(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.http.get("/publications", params=query).json()["publications"]
        return found

    def publish_from(self, source: str, name: str, text: str) -> None:
        files = {f"{name}.yaml": text}
        terms = Terms(by="Bea", message="from there", source=source, keep_others=True)
        work = publish_catalog(
            self.settings, load_catalog(files), files, published_ms=int(time.time() * 1000), write=True, terms=terms
        )
        asyncio.run(work)


@contextmanager
def author_of_own_shop(settings: Settings, name: str) -> Iterator[Author]:
    """A console whose definitions are published, with topics of its own and nothing in them."""
    own = replace(
        settings, topic_prefix=f"{settings.topic_prefix}{name}.", catalog="topic", app_id=f"{settings.app_id}-{name}"
    )
    with console_served(own) as url:
        made = Author(url, own)
        with closing(made.http):
            yield made
