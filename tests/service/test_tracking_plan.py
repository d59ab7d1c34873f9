"""The tracking plan at the collector: counted, or refused with the reason; never with a value."""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.errors import UserError
from app.service.service import create_service
from app.settings import Settings
from tests.service.running import BASIC, FORWARDING, Running, serving

PLAN = {
    "track": {
        "Order Completed": {
            "type": "object",
            "properties": {"revenue": {"type": "number", "minimum": 0}, "order_id": {"type": "string"}},
            "required": ["order_id", "revenue"],
        }
    },
    "identify": {"type": "object", "properties": {"plan": {"enum": ["free", "paid"]}}},
}
RIGHT = {"order_id": "o-1", "revenue": 20}
Planned = Callable[..., Settings]


@pytest.fixture
def planned(own_settings: Settings, tmp_path: Path) -> Planned:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(PLAN))

    def settings(**given: Any) -> Settings:
        return replace(own_settings, tracking_plan=str(file), **given)

    return settings


async def counts(service: Running) -> dict[tuple[str, ...], float]:
    """(event, property, problem) -> how often."""
    found: dict[tuple[str, ...], float] = {}
    for line in (await service.http.get("/metrics")).text.splitlines():
        if line.startswith("shoal_collected_against_plan_total{"):
            labels, _, value = line.partition("{")[2].rpartition("} ")
            said = dict(each.split("=", 1) for each in labels.split('",'))
            found[tuple(said[name].strip('"') for name in ("event", "property", "problem"))] = float(value)
    return found


async def test_what_is_wrong_is_counted_and_taken(planned: Planned) -> None:
    async with serving(planned()) as service:
        assert (await service.track("u", "Order Completed", properties=RIGHT)).status_code == 200
        assert (await service.track("u", "Order Completed", properties={"revenue": "canary"})).status_code == 200
        assert (await service.track("u", "Canary\n{}", properties={"canary": 1})).status_code == 200
        assert (await service.track("u", "Order Completed", properties=RIGHT | {"canary": ""})).status_code == 200
        identify = {"userId": "u", "traits": {"plan": "canary"}}
        assert (await service.http.post("/v1/identify", json=identify, headers=BASIC)).status_code == 200
        assert len(await service.written(5)) == 5
        assert await counts(service) == {
            ("Order Completed", "order_id", "missing"): 1,
            ("Order Completed", "revenue", "string in place of number"): 1,
            ("Order Completed", "", "blank"): 1,
            ("", "", "not in the plan"): 1,
            ("identify", "plan", "not among the values"): 1,
        }
        assert "anary" not in (await service.http.get("/metrics")).text


async def test_wrong_events_of_a_batch_are_refused_by_their_index(planned: Planned) -> None:
    async with serving(planned(tracking_plan_refuses="wrong")) as service:
        orders = [RIGHT, {"order_id": "canary", "revenue": -1}, RIGHT | {"order_id": " "}]
        batch = [
            {"type": "track", "event": "Order Completed", "userId": "u", "properties": each} for each in orders
        ] + [{"type": "track", "event": "Other", "userId": "u"}]
        answer = await service.http.post("/v1/batch", json={"batch": batch}, headers=BASIC)
        assert (answer.status_code, answer.json()["code"], answer.json()["accepted"]) == (400, "against-plan", 3)
        (refused,) = answer.json()["refused"]
        assert (refused["index"], refused["reason"]) == (1, "against-plan")
        assert refused["detail"] == "Order Completed: revenue too small"
        assert len(await service.written(3)) == 3
        assert set(await counts(service)) == {("Order Completed", "order_id", "blank"), ("", "", "not in the plan")}


async def test_unplanned_events_can_be_refused_as_well(planned: Planned) -> None:
    async with serving(planned(tracking_plan_refuses="unplanned")) as service:
        answer = await service.track("u", "Canary")
        assert (answer.status_code, answer.json()["code"]) == (400, "against-plan")
        assert answer.json()["message"] == "the event: not in the plan"
        assert (await service.track("u", "Order Completed", properties=RIGHT)).status_code == 200


async def test_an_event_is_judged_as_it_was_sent(planned: Planned, tmp_path: Path) -> None:
    folder = tmp_path / "segments"
    folder.mkdir()
    (folder / "consent.yaml").write_text("purposes:\n  analytics: {default: granted, collect: true}\n")
    (folder / "buyers.yaml").write_text("segment: buyers\nwhen: exists('Order Completed')\n")
    async with serving(planned(tracking_plan_refuses="wrong", keep="catalog", segments=folder)) as service:
        assert (await service.track("u", "Order Completed", properties=RIGHT)).status_code == 200
        denied = {"consent": {"categoryPreferences": {"analytics": False}}}
        answer = await service.track("u", "Order Completed", properties={"revenue": "x"}, context=denied)
        assert answer.status_code == 200  # only the answer about consent is taken
        first, second = sorted(await service.written(2), key=lambda each: each["event"])
    assert (first["event"], second["event"]) == ("Order Completed", "Segment Consent Preference Updated")


async def test_a_pushed_event_that_is_refused_becomes_a_dead_letter(planned: Planned) -> None:
    async with serving(planned(tracking_plan_refuses="wrong")) as service:
        event = {"type": "track", "event": "Order Completed", "userId": "u", "properties": {}}
        data = b64encode(json.dumps(event).encode()).decode()
        answer = await service.http.post("/v1/pubsub", json={"message": {"data": data}}, headers=FORWARDING)
        assert answer.status_code in (200, 204), answer.text
        metrics = (await service.http.get("/metrics")).text
    assert 'shoal_collected_refused_total{key="mirror",reason="against-plan"} 1.0' in metrics


@pytest.mark.parametrize(
    ("text", "message"), [(None, "cannot read the tracking plan"), ("[]", "is no tracking plan"), ("{", "is not JSON")]
)
def test_a_plan_that_cannot_be_used_is_said_at_the_start(
    own_settings: Settings, tmp_path: Path, text: str | None, message: str
) -> None:
    file = tmp_path / "plan.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UserError, match=message):
        create_service(replace(own_settings, tracking_plan=str(file)))
