"""Input that nobody should send, while workers die: it stops nobody, and the rest comes out as it should."""

import json
import random
from typing import Any

import pytest

from app.events.instants import iso
from app.simulation.record import Homes, Record
from app.verification.topic_contents import Cluster
from tests.faults.deployment import DAY_MS, PARTITIONS, START_MS, Deployment, tell, visits
from tests.faults.verdict import compare_changes, problems_of, wrong_profiles
from tests.support.poison import MARK

EVENTS = 1_200
KEYS = 1_000
TOO_LARGE = 40_000


def track(user: str, at_ms: int, event: str = "Product Viewed", *, number: int = 0, **properties: Any) -> Record:
    """A message as it should be."""
    message = {
        "type": "track",
        "event": event,
        "anonymousId": user,
        "messageId": f"{user}-{at_ms}-{number}",
        "timestamp": iso(at_ms),
        "receivedAt": iso(at_ms),
        "properties": properties,
    }
    key = user.encode()
    return Record(Homes(PARTITIONS)[key], key, json.dumps(message).encode(), at_ms)


def bad_records(at_ms: int, chance: random.Random) -> list[Record]:
    """One of each kind, around an instant."""
    good = track(f"odd-{chance.randrange(50)}", at_ms)
    assert good.value is not None
    text = good.value.decode()
    message = json.loads(text)
    future = {**message, "timestamp": iso(at_ms + 300 * DAY_MS)}
    past = {**message, "timestamp": "1970-01-01T00:00:00Z"}
    ancient = {**message, "timestamp": iso(at_ms - 40 * DAY_MS)}
    values = [
        None,
        b"",
        good.value[: len(good.value) // 2],
        good.value + b"}",
        text.encode("utf-16"),
        good.value[:-4] + b"\xff\xfe}}",
        b"\x00" * 300,
        b"[" * 5_000,
        json.dumps({**message, "properties": {"much": "x" * TOO_LARGE}}).encode(),
        json.dumps(future).encode(),
        json.dumps(past).encode(),
        json.dumps(ancient).encode(),
        json.dumps({**message, "anonymousId": None}).encode(),
        json.dumps({**message, "anonymousId": "somebody else"}).encode(),
        json.dumps({**message, "timestamp": "yesterday"}).encode(),
        json.dumps({**message, "type": "tracked"}).encode(),
        b'{"type": "track", "event": "Order Completed", "anonymousId": 7}',
        b"17",
        b"null",
    ]
    return [good._replace(value=value) for value in values] + [good._replace(key=None), good]


def poison(at_ms: int, number: int) -> Record:
    """One that the worker of these tests cannot process."""
    return track(f"poisoned-{number}", at_ms, MARK.decode())


async def dead_letters(deployment: Deployment) -> dict[str, int]:
    """Number of dead letters by reason."""
    found: dict[str, int] = {}
    async with Cluster(deployment.settings) as cluster:
        for partition in range(cluster.partitions):
            async for records in cluster.read(cluster.topics.dead_letters, partition):
                for record in records:
                    reason = dict(record.headers)["shoal-reason"].decode()
                    found[reason] = found.get(reason, 0) + 1
    return found


@pytest.mark.timeout(180)
async def test_odd_records_and_poison_stop_nobody(on_kafka: Deployment, seed: int) -> None:
    deployment = on_kafka
    chance = random.Random(seed)
    tell(f"seed {seed}; FAULTS_SEED={seed} repeats the choices")
    records = visits(EVENTS, seed=seed)
    times = 12
    for number in range(times):
        place = chance.randrange(len(records))
        some = bad_records(records[place].timestamp_ms, chance)
        if number < 2:
            some.append(poison(records[place].timestamp_ms, number))
        chance.shuffle(some)
        records[place:place] = some
        for _ in some:
            deployment.tally.count("odd record")
    await deployment.send(records[: len(records) // 2])
    deployment.start("first", static=True, poison=True)
    await deployment.until_done(EVENTS // 4)
    deployment.kill("first")
    deployment.start("first", static=True, poison=True)
    await deployment.send(records[len(records) // 2 :])
    assert problems_of(await compare_changes(deployment), repeats=False) == []
    deployment.end("first")
    dead = await dead_letters(deployment)
    tell(f"dead letters: {dead}")
    assert dead["poison"] == 2
    assert {"empty", "invalid-json", "invalid-message", "invalid-time", "no-user", "too-large", "future"} <= set(dead)


@pytest.mark.faults
@pytest.mark.timeout(300)
async def test_users_with_very_much(on_kafka: Deployment, seed: int) -> None:
    """A thousand properties in a message, a thousand products of one user, and one user with most of the traffic."""
    deployment = on_kafka
    chance = random.Random(seed)
    records = visits(EVENTS, seed=seed)
    at_ms = START_MS + DAY_MS
    many: dict[str, Any] = {f"key-{number}": number for number in range(KEYS)}
    records += [track("wide", at_ms + number, number=number, **many) for number in range(20)]
    for number in range(5 * KEYS):
        at_ms += chance.randrange(2_000)
        product = f"p-{number % KEYS}"
        event = chance.choice(("Product Viewed", "Product Added", "Product Removed"))
        records.append(track("busy", at_ms, event, number=number, product_id=product, price=5, category=product))
    await deployment.send(records)
    deployment.start("first", static=True)
    for share in (0.3, 0.6, 0.9):
        await deployment.until_done(int(share * len(records)))
        deployment.kill("first")
        deployment.start("first", static=True)
    deployment.tally.count("user with a thousand keys")
    assert problems_of(await compare_changes(deployment), repeats=False) == []
    deployment.end("first")
    assert await wrong_profiles(deployment) == []


@pytest.mark.faults
@pytest.mark.timeout(300)
async def test_all_timers_due_at_one_instant_and_a_death_in_between(on_kafka: Deployment) -> None:
    """Three thousand carts, filled in the same millisecond; their half hour is over in the same one, and the worker
    dies while it says so. The next one has the others' timers."""
    deployment = on_kafka
    at_ms = START_MS
    records = [
        track(f"cart-{number}", at_ms, "Product Added", product_id="p-1", price=10, quantity=1)
        for number in range(3_000)
    ]
    # The clock of each partition passes the instant by one later record.
    late = [track(f"late-{number}", at_ms + DAY_MS // 12) for number in range(60)]
    await deployment.send(records)
    deployment.start("first", static=True, given={"idle_clock": "off"})
    await deployment.until_done(len(records))
    deployment.kill("first")
    await deployment.send(late)
    deployment.start("first", static=True, doom="written:2", given={"idle_clock": "off"})
    await deployment.until_dead("first")
    deployment.tally.count("kill with timers pending")
    deployment.start("first", static=True)
    result = await compare_changes(deployment)
    assert problems_of(result, repeats=False) == []
    assert result.expected >= 3_000
    deployment.end("first")
    assert await wrong_profiles(deployment) == []
