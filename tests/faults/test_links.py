"""Workers that die while keys of one person talk: every change, link record and profile is there once, in order."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.runtime.kafka.partitioner import partition_of
from app.simulation.record import Record
from tests.faults.deployment import Deployment, tell
from tests.faults.verdict import compare_changes, problems_of, wrong_profiles
from tests.support.broker import Broker
from tests.support.people import START_MS, PeopleSettings, events_of_people
from tests.support.written_links import link_steps

PARTITIONS = 24
EVENTS_A_POINT = 800
NAMED_POINTS = ("fenced:2", "begun:10", "written:10", "ended:10", "written:20")
SEGMENTS = {
    "identity.yaml": "switches_max: 2\n",
    "viewers.yaml": "segment: viewers\nwhen: count('Product Viewed' within 1d) >= 3\n",
    "carts.yaml": "segment: carts\nwhen: cart.items > 0 and cart.idle >= 10m and cart.idle < 2h\n",
    "buyers.yaml": "segment: buyers\nwhen: exists('Order Completed' within 1d)\nfor: 1m\ncooldown: 10m\n",
}


@pytest.fixture
async def with_people(kafka_broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    """A deployment of many partitions in which users have several keys."""
    segments = tmp_path / "segments"
    segments.mkdir()
    for name, text in SEGMENTS.items():
        (segments / name).write_text(text)
    async with Deployment(kafka_broker, unique, tmp_path, partitions=PARTITIONS, segments=segments) as made:
        yield made


def records_of_people(events: int, *, seed: int) -> list[Record]:
    """Events of people with several keys, as input records."""
    settings = PeopleSettings(seed=seed, events=events, people=events // 40, shared_share=0.3, step_ms=200)
    found = []
    for number, event in enumerate(events_of_people(settings)):
        key = str(event.get("userId") or event["anonymousId"]).encode()
        home = partition_of(key, PARTITIONS)
        found.append(Record(home, key, json.dumps(event).encode(), START_MS + number * settings.step_ms))
    return found


@pytest.mark.faults
@pytest.mark.timeout(400)
async def test_death_at_every_named_point_loses_and_doubles_no_link(with_people: Deployment, seed: int) -> None:
    tell(f"seed {seed}")
    records = records_of_people(EVENTS_A_POINT * len(NAMED_POINTS), seed=seed)
    for name in ("second", "third"):
        with_people.start(name)
    for number, point in enumerate(NAMED_POINTS):
        tell(f"dies at {point}, {with_people.done} records are done, {with_people.sent} were sent")
        with_people.start("first", doom=point)
        if not point.startswith("fenced"):
            await with_people.until_member("first")
        await with_people.send(records[number * EVENTS_A_POINT : (number + 1) * EVENTS_A_POINT])
        await with_people.until_dead("first")
    with_people.start("first")
    result = await compare_changes(with_people)
    assert problems_of(result, repeats=False) == []
    written = await link_steps(with_people.settings)
    tell(f"{result.expected} changes, link records: {written}")
    assert min(written[step] for step in ("ask", "give", "forward", "release")) > 0
    for name in with_people.running():
        with_people.end(name)
    assert await wrong_profiles(with_people) == []
