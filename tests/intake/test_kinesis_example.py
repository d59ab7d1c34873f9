"""The example of the docs, against the server of moto."""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from agents.intake import create_app
from tests.support.broker import Broker
from tests.support.deployment import deployment
from tests.support.records import read_topic
from tests.support.shop import running, soon

PRODUCE = Path(__file__).parents[2] / "examples" / "kinesis" / "produce.py"
AWS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a server of its own."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
async def test_what_the_example_puts_into_a_stream_comes_in(broker: Broker, unique: str, moto: str) -> None:
    command = [sys.executable, str(PRODUCE), unique, "30"]
    variables = {"PATH": os.environ["PATH"], "SHOAL_KINESIS_ENDPOINT": moto} | AWS
    await asyncio.to_thread(subprocess.run, command, env=variables, check=True)
    settings = deployment(
        broker.bootstrap_servers,
        unique,
        transactions=broker.transactions,
        sources=f"kinesis:{unique}",
        kinesis_endpoint=moto,
        kinesis_region="us-east-1",
    )
    async with running(create_app(settings)):
        records = await soon(lambda: read_topic(settings, settings.topics.clickstream, at_least=30))
    assert len(records) == 30
