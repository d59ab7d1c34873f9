"""`shoal intake` is killed at each point of a batch while a stream is split and merged: no loss, no repetition."""

import asyncio
import json
import os
import random
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from app.settings import Settings
from tests.intake.doomed import EXIT_CODE, WHENS
from tests.intake.kinesis_server import FakeKinesis, kinesis
from tests.support.broker import Broker, session_timeout
from tests.support.deployment import deployment
from tests.support.records import read_topic
from tests.support.role_process import RoleProcess
from tests.support.shop import soon

EVENTS = int(os.environ.get("INTAKE_EVENTS", "4000"))
SEED = 7
AWS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}


def environment(settings: Settings, stream: FakeKinesis, *, transactions: bool) -> dict[str, str]:
    return AWS | {
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "SHOAL_APP_ID": settings.app_id,
        "SHOAL_TOPIC_PREFIX": settings.topic_prefix,
        "SHOAL_PARTITIONS": str(settings.partitions),
        "SHOAL_SESSION_TIMEOUT": str(session_timeout(transactions=transactions)),
        "SHOAL_SOURCES": f"kinesis:{stream.name}",
        "SHOAL_KINESIS_ENDPOINT": stream.url,
        "SHOAL_KINESIS_PAUSE": "200ms",
        "SHOAL_KINESIS_SHARDS_EVERY": "1s",
        "SHOAL_KINESIS_RECORDS_MAX": str(max(50, EVENTS // 100)),
    }


def fill(stream: FakeKinesis, begin: int, end: int) -> None:
    for number in range(begin, end):
        user = f"u-{number % 97}"
        stream.put(user, {"type": "page", "userId": user, "messageId": f"m-{number:07}"})


@pytest.mark.long
@pytest.mark.parametrize("broker", [pytest.param("kafka", marks=pytest.mark.kafka)], indirect=True)
@pytest.mark.timeout(600)
async def test_kills_at_every_point_of_a_batch_lose_and_repeat_nothing(
    broker: Broker, unique: str, tmp_path: Path
) -> None:
    settings = deployment(broker.bootstrap_servers, unique, transactions=True)
    chance = random.Random(SEED)
    kills = [(number, when) for when in WHENS for number in (1, chance.randrange(2, 5))]
    chance.shuffle(kills)
    with kinesis("clicks", shards=2) as stream:
        variables = environment(settings, stream, transactions=True)
        inherited = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": "."} | variables
        step = EVENTS // len(kills)
        for round_, (number, when) in enumerate(kills):
            fill(stream, round_ * step, (round_ + 1) * step)
            (stream.merge if round_ % 3 == 2 else lambda: stream.split(0))()
            command = [sys.executable, "-m", "tests.intake.doomed", str(number), when, "intake"]
            ended = await asyncio.to_thread(
                subprocess.run, command, env=inherited, capture_output=True, check=False, timeout=120
            )
            assert ended.returncode == EXIT_CODE, f"{kills[round_]}, seed {SEED}: {ended.stderr.decode()}"
        with (
            RoleProcess(["intake"], variables, tmp_path / "one.log"),
            RoleProcess(["intake"], variables, tmp_path / "two.log") as two,
        ):
            await soon(lambda: read_topic(settings, settings.topics.clickstream, at_least=EVENTS // 2), within_s=200)
            two.kill()
            two.start()
            await soon(lambda: read_topic(settings, settings.topics.clickstream, at_least=EVENTS), within_s=200)
    records = await read_topic(settings, settings.topics.clickstream)
    by_user: dict[str, list[str]] = defaultdict(list)
    for each in records:
        message = json.loads(each.value)
        by_user[message["userId"]].append(message["messageId"])
    assert len(records) == EVENTS
    assert len({name for names in by_user.values() for name in names}) == EVENTS
    assert all(names == sorted(names) for names in by_user.values())
