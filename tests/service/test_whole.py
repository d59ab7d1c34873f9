"""Everything together: an event over HTTP, a worker, and the change in a stream; and why, from the worker's profile."""

import time
from dataclasses import replace
from pathlib import Path
from shutil import copy
from typing import Any

from agents import memberships
from app.main import create_app
from app.settings import Settings
from tests.service.running import BASIC, BEARER, serving
from tests.service.test_live import next_change, raw_stream, said, stream
from tests.support.shop import running, soon

QUICK_S = 1.0


async def test_an_event_is_a_change_in_a_stream_within_a_second(own_settings: Settings) -> None:
    async with serving(own_settings) as service, running(create_app(own_settings)):
        async with stream(service, user="ann") as told:
            assert (await service.track("ann", "Product Viewed")).status_code == 200
            delays_s = []
            for number in range(5):
                user = "ann" if number == 0 else f"ann-{number}"
                async with stream(service, user=user) as own:
                    if number:
                        await service.track(user, "Product Viewed")
                    began_s = time.perf_counter()
                    await service.track(user, "Product Viewed")
                    change = await next_change(own)
                    delays_s.append(time.perf_counter() - began_s)
                    assert said(change) == (user, "viewers", "entered")
            assert said(await next_change(told)) == ("ann", "viewers", "entered")
        assert min(delays_s) < QUICK_S, delays_s

        answer = await service.http.get("/v1/users/ann/explain", params={"segment": "viewers"}, headers=BEARER)
        assert answer.status_code == 200, answer.text
        why = answer.json()
        assert (why["known"], why["segment"]["in"], why["segment"]["times"]) == (True, True, 1)
        assert why["segment"]["because"] == [{"expression": "count('Product Viewed' within 1h) >= 2", "value": "2+"}]
        assert why["segment"]["next"]["change"] == "exited"
        nobody = await service.http.get("/v1/users/nobody/explain", params={"segment": "viewers"}, headers=BEARER)
        assert (nobody.json()["known"], nobody.json()["segment"]["in"]) == (False, False)
        missing = await service.http.get("/v1/users/ann/explain", params={"segment": "other"}, headers=BEARER)
        assert missing.status_code == 404
        unsaid = await service.http.get("/v1/users/ann/explain", headers=BEARER)
        assert unsaid.status_code == 400


async def test_a_key_that_has_moved_is_explained_as_its_user_and_its_token_shows_nothing_of_them(
    own_settings: Settings, tmp_path: Path
) -> None:
    for name in ("viewers.yaml", "cart-abandoned.yaml"):
        copy(own_settings.segments / name, tmp_path / name)
    (tmp_path / "identity.yaml").touch()
    settings = replace(own_settings, segments=tmp_path)
    keeper = memberships.create_app(settings)
    async with serving(settings) as service, running(create_app(settings)), running(keeper):
        token = (await service.http.post("/v1/tokens", json={"user": "a-1"}, headers=BEARER)).json()["token"]
        await service.http.post("/v1/track", json={"anonymousId": "a-1", "event": "Product Viewed"}, headers=BASIC)
        await service.track("ann", "Product Viewed", anonymousId="a-1")

        async def explained() -> dict[str, Any]:
            asked = {"segment": "viewers"}
            answer = await service.http.get("/v1/users/a-1/explain", params=asked, headers=BEARER)
            found: dict[str, Any] = answer.json()
            return found if found.get("segment", {}).get("in") else {}

        why = await soon(explained)
        assert (why["asked"], why["moved_to"], why["user"]) == ("a-1", "ann", "ann")
        assert [(key["id"], key["state"], key["why"]) for key in why["keys"]] == [("a-1", "given", "seen")]
        ann = await service.http.get("/v1/users/ann/explain", params={"segment": "viewers"}, headers=BEARER)
        assert (ann.json()["asked"], ann.json()["moved_to"], ann.json()["user"]) == ("ann", None, "ann")

        async def ann_is_in() -> bool:
            answer = await service.http.get("/v1/users/ann/segments", headers=BEARER)
            return answer.status_code == 200 and bool(answer.json()["segments"])

        await soon(ann_is_in)
        moved = (await service.http.get("/v1/users/a-1/segments", headers=BEARER)).json()
        assert (moved["asked"], moved["moved_to"], len(moved["segments"])) == ("a-1", "ann", 1)
        wish = {"user": "a-1", "follow": True}
        following = (await service.http.post("/v1/tokens", json=wish, headers=BEARER)).json()["token"]
        async with raw_stream(service, token=following) as told:
            assert [each["segment"] for each in (await next_change(told)).data["segments"]] == ["viewers"]
        own = await service.http.get("/v1/users/a-1/segments", params={"token": token})
        assert (own.status_code, own.json()["segments"]) == (200, [])
        other = await service.http.get("/v1/users/ann/segments", params={"token": token})
        assert other.status_code == 403


async def test_memberships_that_the_program_keeps_are_told(own_settings: Settings) -> None:
    """`shoal memberships` writes what is read here; a stream begins with it and misses nothing."""
    keeper = memberships.create_app(own_settings)
    async with serving(own_settings) as service, running(create_app(own_settings)), running(keeper):
        for _ in range(2):
            await service.track("ann", "Product Viewed")

        async def is_in() -> bool:
            answer = await service.http.get("/v1/users/ann/segments", headers=BEARER)
            return answer.status_code == 200 and [each["segment"] for each in answer.json()["segments"]] == ["viewers"]

        await soon(is_in)
        page = (await service.http.get("/v1/segments/viewers/users", headers=BEARER)).json()
        assert ([each["user"] for each in page["users"]], page["total"], page["complete"]) == (["ann"], 1, True)
        async with raw_stream(service, user="ann") as told:
            first = await next_change(told)
            assert (first.event, [each["segment"] for each in first.data["segments"]]) == ("segments", ["viewers"])
