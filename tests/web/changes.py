"""Changes that a worker might have written, some of them by users who mean harm."""

import json
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from app.runtime.kafka.clients import start, wait_for_broker
from app.runtime.kafka.topics import ensure_topics, topic_specs
from app.settings import Settings

SEGMENTS: Final = Path(__file__).parents[1] / "service" / "segments"
HOSTILE: Final = "<img src=x onerror=alert(1)>\u202e"


def change(user: str, segment: str, kind: str = "entered", *, sequence: int = 1, **more: Any) -> dict[str, Any]:
    """A change as in the topic."""
    return {
        "id": f"{sequence:024x}",
        "user": user,
        "segment": segment,
        "version": "1",
        "value": None,
        "change": kind,
        "times": 1,
        "at": f"2026-01-05T10:30:{sequence:02d}.000Z",
        "sequence": sequence,
        "cause": {"kind": "event", "message_id": "m-1"},
        "evidence": [{"expression": "cart.items > 0", "value": 2}],
        "attach": {"value": 12},
        "valid_until": None,
        "group": None,
        **more,
    }


async def write_changes(settings: Settings) -> None:
    """Makes the topics, and writes a few events and changes."""
    client = await wait_for_broker(settings)
    await ensure_topics(settings, client, topic_specs(settings, ()))
    await client.close()
    topics = settings.topics
    event: dict[str, object] = {"type": "track", "event": "<script>alert(2)</script>", "userId": HOSTILE}
    event |= {"timestamp": "2026-01-05T10:29:00.000Z", "properties": {"name": "</pre><b onclick=alert(3)>"}}
    changes = [
        change("ann", "cart-abandoned"),
        change("ann", "viewers", "exited", sequence=2),
        change("ann", "cart-abandoned", sequence=2),
        change(HOSTILE, "cart-abandoned", sequence=3, attach={"value": "<b>12</b>"}, value="<u>A1</u>"),
    ]
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await start(producer)
    try:
        await producer.send_and_wait(topics.clickstream, json.dumps(event).encode(), HOSTILE.encode())
        letter = [("shoal-reason", b"wrong-key"), ("shoal-detail", b"<i>no</i>")]
        await producer.send_and_wait(topics.dead_letters, b"{}", HOSTILE.encode(), headers=letter)
        for each in changes:
            await producer.send_and_wait(topics.changes, json.dumps(each).encode(), each["user"].encode())
    finally:
        await producer.stop()


async def write_change(settings: Settings, made: dict[str, Any]) -> None:
    """One change more."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await start(producer)
    try:
        await producer.send_and_wait(settings.topics.changes, json.dumps(made).encode(), made["user"].encode())
    finally:
        await producer.stop()
