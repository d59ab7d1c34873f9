"""Number of were in each segment, over time."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from agents.memberships import create_app
from app.events.instants import iso
from app.memberships.counts import Counts
from app.memberships.membership_view import View
from app.service.access.access_keys import hash_of
from app.settings import Settings, load_settings
from tests.memberships.changes import ChangesOnKafka
from tests.memberships.looking import memberships
from tests.service.running import BEARER, READ_KEY, serving
from tests.support.shop import running, soon

EMBEDDED = pytest.mark.parametrize("broker", ["embedded"], indirect=True)
HOUR_MS = 3_600_000
NOON_MS = 1_767_268_800_000


@EMBEDDED
async def test_each_instant_is_counted_once_and_kept_for_a_while(
    settings: Settings, changes: ChangesOnKafka, view: View
) -> None:
    kept = load_settings({}, redis_url=settings.redis_url, counts_kept_ms=2 * HOUR_MS)
    counts = Counts(view, kept)
    assert not await counts.count(NOON_MS), "nothing is there to be counted"
    await changes.write([changes.change(user, "entered") for user in ("ann", "ben")])
    async with running(create_app(settings)):
        await soon(lambda: memberships(view, "ben"))
        await soon(lambda: counts.count(NOON_MS))
        await changes.write([changes.change("ann", "exited"), changes.change("ben", "exited")])

        async def left() -> bool:
            return not await memberships(view, "ben") and not await memberships(view, "ann")

        await soon(left)
    assert await counts.count(NOON_MS)
    assert await noted(view) == [(NOON_MS, 2)], "who comes second changes nothing"
    for hours in (1, 2):
        assert await counts.count(NOON_MS + hours * HOUR_MS)
    assert await noted(view) == [(NOON_MS, 2), (NOON_MS + HOUR_MS, 0), (NOON_MS + 2 * HOUR_MS, 0)]
    await counts.count(NOON_MS + 3 * HOUR_MS)
    assert [at_ms for at_ms, _ in await noted(view)] == [NOON_MS + hours * HOUR_MS for hours in (1, 2, 3)]


async def noted(view: View) -> list[tuple[int, int]]:
    found: list[Any] = await view.redis.zrange(view.keys.counts("viewers"), 0, -1)
    pairs = (each.decode().split(":") for each in found)
    return [(int(at_ms), int(users)) for at_ms, users in pairs]


@EMBEDDED
async def test_a_running_process_counts_and_the_service_tells(
    settings: Settings, changes: ChangesOnKafka, view: View, tmp_path: Path
) -> None:
    (tmp_path / "viewers.yaml").write_text("segment: viewers\nwhen: count('Product Viewed' within 1h) >= 2\n")
    served = replace(
        settings, read_keys=f"mail:{hash_of(READ_KEY)}", serve_port=0, counts_every_ms=1_000, segments=tmp_path
    )
    await changes.write([changes.change("ann", "entered")])
    async with running(create_app(served)), serving(served) as service:

        async def counted() -> list[dict[str, object]]:
            answer = await ask(service.http, "viewers")
            return answer.json()["counts"] if answer.status_code == 200 else []

        first = (await soon(counted))[0]
        assert (first["users"], str(first["at"])[-5:]) == (1, ".000Z")
        assert not (await ask(service.http, "viewers", until=iso(NOON_MS))).json()["counts"]
        assert (await ask(service.http, "others")).status_code == 404
        assert (await ask(service.http, "viewers", since="yesterday")).status_code == 400


async def ask(http: httpx.AsyncClient, segment: str, **params: str) -> httpx.Response:
    return await http.get(f"/v1/segments/{segment}/counts", params=params, headers=BEARER)


@EMBEDDED
async def test_what_is_begun_anew_while_it_is_counted_is_not_counted(
    settings: Settings, changes: ChangesOnKafka, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = Counts(view, settings)
    names = counts._names

    async def begun_anew() -> set[str]:
        found = await names()
        await view.forget()
        await view.redis.delete(view.keys.segment("viewers"))
        return found

    await changes.write([changes.change("ann", "entered")])
    async with running(create_app(settings)):
        await soon(lambda: memberships(view, "ann"))
        await soon(lambda: counts.count(NOON_MS))
    before = await noted(view)
    monkeypatch.setattr(counts, "_names", begun_anew)
    await counts.count(NOON_MS + HOUR_MS)
    assert before
    assert await noted(view) == before
