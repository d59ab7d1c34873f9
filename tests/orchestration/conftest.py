"""A shop for the examples: a folder of definitions, past events, a broker and memberships that are a week old."""

import json
import os
import random
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from app.cli.init import first_files
from app.embedded import EmbeddedBroker, EmbeddedRedis
from app.events.instants import iso_text
from app.runtime.kafka.clients import connect
from app.runtime.kafka.topics import ensure_topics, topic_specs
from app.settings import Settings
from tests.population.filled import Filled, people
from tests.support.deployment import deployment
from tests.support.records import write_topic
from tests.warehouse.making import START_MS, change

EXAMPLES: Final = Path(__file__).parents[2] / "examples" / "orchestration"
SEED: Final = 20_261_129
WEEK_MS: Final = 7 * 86_400_000
FEATURES: Final = """\
features: viewers
moments: exists('Product Viewed')
values: {plan: traits.plan, views: count('Product Viewed' within 7d)}
labels: {ordered: exists('Order Completed' within next 2h)}
"""


@dataclass(frozen=True)
class Shop:
    """`environment`: for the commands of the examples. `root`: the folder with all files."""

    root: Path
    settings: Settings
    environment: dict[str, str]
    filled: Filled


def first_folder(root: Path) -> None:
    """Writes definitions and a sample of past events."""
    for name, text in first_files().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    chance = random.Random(SEED)
    lines = []
    for number in range(400):
        user, at_ms = f"u-{number}", START_MS + number * 3_600_000
        plan = chance.choice(("gold", "free"))
        ordered = chance.random() < (0.7 if plan == "gold" else 0.1)
        context = {"traits": {"plan": plan}}
        lines.append(_event(user, "Product Viewed", at_ms, context=context))
        if ordered:
            lines.append(_event(user, "Order Completed", at_ms + 60_000, properties={"revenue": 30}))
    (root / "events.jsonl").write_text("\n".join(lines))


def _event(user: str, name: str, at_ms: int, **others: object) -> str:
    event = {"type": "track", "event": name, "userId": user, "timestamp": iso_text(at_ms), "messageId": f"{user}{name}"}
    return json.dumps(event | others)


@pytest.fixture
async def shop(
    embedded_broker: EmbeddedBroker, embedded_redis: EmbeddedRedis, unique: str, tmp_path: Path
) -> AsyncIterator[Shop]:
    """Nothing is published yet; events of each kind that the definitions read have come just now."""
    first_folder(tmp_path)
    (tmp_path / "features.yaml").write_text(FEATURES)
    (tmp_path / "out").mkdir()
    redis = {"redis_url": embedded_redis.url, "redis_prefix": f"{unique}:"}
    settings = deployment(embedded_broker.bootstrap_servers, unique, transactions=False, **redis)
    client = await connect(settings)
    try:
        await ensure_topics(settings, client, topic_specs(settings, ()))
    finally:
        await client.close()
    now_ms = time.time_ns() // 1_000_000
    kinds = ("Product Added", "Product Viewed", "Product Removed", "Order Completed")
    await write_topic(
        settings, settings.topics.clickstream, [("u-1", _event("u-1", kind, now_ms).encode()) for kind in kinds]
    )
    changes = [change(number, START_MS, user="u-1", segment="high-value") for number in range(2)]
    await write_topic(settings, settings.topics.changes, [("u-1", each.value) for each in changes])
    filled = Filled(settings)
    await filled.begin()
    for segment in ("cart-abandoned", "high-value"):
        await filled.enter(segment, people(0, 300))
        await filled.counted(segment, (now_ms - WEEK_MS, 300))
    yield Shop(tmp_path, settings, _environment(settings, tmp_path), filled)
    await filled.redis.aclose()


def _environment(settings: Settings, root: Path) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(root),
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "REDIS_URL": settings.redis_url,
        "SHOAL_REDIS_PREFIX": settings.redis_prefix,
        "SHOAL_TOPIC_PREFIX": settings.topic_prefix,
        "SHOAL_APP_ID": settings.app_id,
        "SHOAL_PARTITIONS": str(settings.partitions),
        "SHOAL_CATALOG": "topic",
        "SHOP_SEGMENTS": str(root / "segments"),
        "SHOP_EVENTS": str(root / "events.jsonl"),
        "SHOP_FEATURES": str(root / "features.yaml"),
        "SHOAL_WAREHOUSE": str(root / "warehouse"),
        "SHOP_OUT": str(root / "out"),
        "SHOP_EXAMPLES": str(EXAMPLES),
    }
