"""Recommendations over HTTP: from a published file and the latest items in Redis."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from app.cli import main as cli
from app.events.message import instant_ms
from app.recommendations.model import FORMAT, Recommendations, SegmentItems, version_of, write_recommendations
from app.recommendations.redis_store import KEPT_S, RecommendationStore
from app.segments.definitions.catalog import load_catalog
from app.segments.review.scenario import Scenario
from tests.service.projection import Projection
from tests.service.running import BASIC, BEARER, Running, serving
from tools.docs_pages import ROOT, definitions
from tools.openapi_document import document

SINCE = "2026-01-05T10:30:00.000Z"
LEARNT = Recommendations(
    format=FORMAT,
    events=("Product Viewed",),
    item="product_id",
    trained_from="2026-01-01T00:00:00.000Z",
    trained_until="2026-01-04T00:00:00.000Z",
    users=9,
    neighbours={"A": (("B", 0.5), ("C", 0.4)), "D": (("C", 0.45), ("E", 0.3)), "ä b": (("F", 0.2),)},
    popular=("P", "Q", "A"),
    segments=(SegmentItems(segment="viewers", users=60, items=("V", "W")),),
)


@pytest.fixture
async def projection(service: Running) -> AsyncIterator[Projection]:
    made = Projection(service.settings)
    await made.begin()
    yield made
    await made.redis.aclose()


@pytest.fixture
async def store(service: Running, projection: Projection) -> RecommendationStore:
    """One with recommendations that are served."""
    made = RecommendationStore(projection.redis, prefix=service.settings.redis_prefix)
    await made.publish(LEARNT, recent="recent-items")
    return made


async def ask(service: Running, user: str, **params: Any) -> Any:
    answer = await service.http.get(f"/v1/users/{user}/recommendations", headers=BEARER, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def items(said: Any) -> list[tuple[str, str | None]]:
    return [(each["item"], each["because"]) for each in said["items"]]


@pytest.mark.usefixtures("store")
async def test_items_follow_from_the_latest_ones(service: Running, projection: Projection) -> None:
    attach = {"item_2": "A", "item_10": "x", "item_1": "D", "item_3": None, "in_cart": ["E", "Q"]}
    await projection.enter("ann", "recent-items", SINCE, **attach)
    said = await ask(service, "ann")
    assert said["history"] == ["D", "A", "x"]
    assert items(said) == [("C", "D"), ("B", "A"), ("P", None)]
    assert (said["version"], said["trained_until"]) == (version_of(LEARNT), LEARNT.trained_until)
    assert (said["user"], said["asked"], said["segment"]) == ("ann", "ann", None)
    assert items(await ask(service, "ann", n=1)) == [("C", "D")]


@pytest.mark.usefixtures("store")
async def test_the_definition_of_the_page_attaches_what_the_service_reads(
    service: Running, projection: Projection
) -> None:
    scenario = Scenario(load_catalog(definitions(ROOT / "docs" / "recommendations.md")))
    at_ms = instant_ms(SINCE)
    viewed = {"type": "track", "event": "Product Viewed", "userId": "ann"}
    for minute, item in enumerate(("x", "A", "A", "D")):
        scenario.pipe(viewed | {"properties": {"product_id": item}}, at_ms=at_ms + 60_000 * minute)
    added = viewed | {"event": "Product Added", "properties": {"product_id": "B", "price": 5}}
    scenario.pipe(added, at_ms=at_ms + 240_000)
    assert scenario.inside("ann", "recent-items")
    await projection.enter("ann", "recent-items", SINCE, **scenario.sent("ann", "recent-items"))
    said = await ask(service, "ann")
    assert said["history"] == ["D", "A", "x"]
    assert items(said) == [("C", "D"), ("E", "D"), ("P", None), ("Q", None)]  # B is in the cart


@pytest.mark.usefixtures("store")
async def test_items_of_now_come_first(service: Running, projection: Projection) -> None:
    await projection.enter("ann", "recent-items", SINCE, item_1="A")
    said = await ask(service, "ann", item=["ä b", "A"])
    assert said["history"] == ["ä b", "A"]
    assert items(said)[0] == ("B", "A")
    assert ("F", "ä b") in items(said)


@pytest.mark.usefixtures("store")
async def test_nobody_knows_gets_what_is_popular_in_their_segment(service: Running, projection: Projection) -> None:
    assert items(await ask(service, "nobody")) == [("P", None), ("Q", None), ("A", None)]
    await projection.enter("ann", "viewers", SINCE)
    said = await ask(service, "ann")
    assert said["segment"] == "viewers"
    assert items(said) == [("V", None), ("W", None), ("P", None), ("Q", None), ("A", None)]


@pytest.mark.usefixtures("store")
async def test_after_a_login_the_items_are_the_users(service: Running, projection: Projection) -> None:
    await projection.enter("ann", "recent-items", SINCE, item_1="A")
    await projection.move("a-1", "ann")
    said = await ask(service, "a-1")
    assert (said["asked"], said["user"], said["history"]) == ("a-1", "ann", ["A"])


@pytest.mark.usefixtures("store")
async def test_a_visitors_token_gets_that_visitors_items_alone(service: Running, projection: Projection) -> None:
    await projection.enter("ann", "recent-items", SINCE, item_1="A")
    await projection.move("a-1", "ann")
    made = await service.http.post("/v1/tokens", json={"user": "a-1", "ttl": 60}, headers=BEARER)
    bearer = {"Authorization": f"Bearer {made.json()['token']}"}
    answer = await service.http.get("/v1/users/a-1/recommendations", headers=bearer)
    assert (answer.json()["user"], answer.json()["history"]) == ("a-1", [])
    other = await service.http.get("/v1/users/ann/recommendations", headers=bearer)
    assert (other.status_code, other.json()["code"]) == (403, "other-user")
    assert (await service.http.get("/v1/users/ann/recommendations")).status_code == 401
    assert (await service.http.get("/v1/users/ann/recommendations", headers=BASIC)).status_code == 401


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"n": 0}, "n"),
        ({"n": 51}, "n"),
        ({"item": ["x"] * 21}, "item"),
        ({"item": "x" * 257}, "item"),
        ({"item": " "}, "item"),
    ],
)
async def test_what_cannot_be_asked_is_refused(service: Running, params: dict[str, Any], code: str) -> None:
    answer = await service.http.get("/v1/users/ann/recommendations", headers=BEARER, params=params)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_without_recommendations_there_are_none(service: Running, projection: Projection) -> None:
    answer = await service.http.get("/v1/users/ann/recommendations", headers=BEARER)
    assert (answer.status_code, answer.json()["code"]) == (404, "no-recommendations")
    await projection.forget()
    answer = await service.http.get("/v1/users/ann/recommendations", headers=BEARER)
    assert (answer.status_code, answer.json()["code"]) == (503, "building")


async def test_without_redis_the_answer_says_so(service: Running) -> None:
    async with serving(replace(service.settings, redis_url="")) as without:
        answer = await without.http.get("/v1/users/ann/recommendations", headers=BEARER)
    assert (answer.status_code, answer.json()["code"]) == (503, "no-redis")


async def test_an_answer_is_as_the_document_says(service: Running, store: RecommendationStore) -> None:
    whole = json.loads(document())
    responses = whole["paths"]["/v1/users/{user}/recommendations"]["get"]["responses"]
    schema = {**responses["200"]["content"]["application/json"]["schema"], "components": whole["components"]}
    jsonschema.Draft202012Validator(schema).validate(await ask(service, "ann"))


async def test_a_version_is_whole_or_not_there(
    service: Running, projection: Projection, store: RecommendationStore
) -> None:
    first = await store.served()
    assert first is not None
    newer = Recommendations(**{field: getattr(LEARNT, field) for field in LEARNT.__struct_fields__} | {"users": 10})
    await store.publish(newer, recent="recent-items")
    assert (await ask(service, "ann"))["version"] == version_of(newer) != first.version
    prefix = service.settings.redis_prefix
    for kind in ("", ":popular"):
        assert 0 < await projection.redis.ttl(f"{prefix}recommendations:{first.version}{kind}") <= KEPT_S
        assert await projection.redis.ttl(f"{prefix}recommendations:{version_of(newer)}{kind}") == -1
    assert await store.neighbours(first, ["A"], "viewers") is not None  # a request that has begun with it
    await store.publish(LEARNT, recent="recent-items")
    assert await projection.redis.ttl(f"{prefix}recommendations:{first.version}") == -1


async def test_of_publishers_at_once_one_is_served_and_the_others_go_away(
    service: Running, projection: Projection, store: RecommendationStore
) -> None:
    versions = [
        Recommendations(**{field: getattr(LEARNT, field) for field in LEARNT.__struct_fields__} | {"users": users})
        for users in range(20, 28)
    ]
    await asyncio.gather(*(store.publish(each, recent="recent-items") for each in versions))
    served = await store.served()
    assert served is not None
    for each in versions:
        ttl = await projection.redis.ttl(f"{service.settings.redis_prefix}recommendations:{version_of(each)}")
        assert (ttl == -1) == (version_of(each) == served.version)


async def test_the_command_publishes_and_withdraws(
    service: Running, projection: Projection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "recommendations.json"
    file.write_bytes(write_recommendations(LEARNT))
    set_ = ["--set", f"redis_url={service.settings.redis_url}", f"redis_prefix={service.settings.redis_prefix}"]
    publish = ["recommend", "publish", str(file), "--recent", "viewed", *set_]
    assert await asyncio.to_thread(cli.main, publish) == 0
    assert "3 items" in capsys.readouterr().out
    await projection.enter("ann", "viewed", SINCE, item_1="A")
    assert (await ask(service, "ann"))["history"] == ["A"]
    assert await asyncio.to_thread(cli.main, ["recommend", "withdraw", *set_]) == 0
    answer = await service.http.get("/v1/users/ann/recommendations", headers=BEARER)
    assert answer.status_code == 404
    assert await asyncio.to_thread(cli.main, ["recommend", "withdraw", *set_]) == 0
    assert "none were served" in capsys.readouterr().out
