"""`shoal serve` as the endpoint of push subscriptions of Google's emulator: every message is an event, once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings
from tests.intake.pubsub_emulator import PROJECT, Subscription, emulator
from tests.service.running import FORWARD_KEY, serving
from tests.support.records import read_topic
from tests.support.shop import soon

MESSAGES = 20


@pytest.fixture
def clicks(tmp_path: Path) -> Iterator[Subscription]:
    """A topic of the emulator."""
    with emulator(tmp_path / "log") as address:
        made = Subscription(address, "clicks")
        yield made
        made.close()


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("unwrapped", [False, True], ids=["wrapped", "unwrapped"])
async def test_the_emulator_pushes_events_and_is_answered(
    own_settings: Settings, clicks: Subscription, unwrapped: bool
) -> None:
    async with serving(own_settings) as service:
        pushing: dict[str, Any] = {"push_endpoint": f"{service.url}/v1/pubsub?writeKey={FORWARD_KEY}"}
        if unwrapped:
            pushing["no_wrapper"] = {"write_metadata": True}
        name = f"projects/{PROJECT}/subscriptions/to-shoal"
        made = {"name": name, "topic": clicks.topic, "push_config": pushing, "enable_message_ordering": True}
        clicks.subscriber.create_subscription(request=made)
        events = [("u", {"type": "track", "event": f"E{n}", "userId": "u"}) for n in range(MESSAGES)]
        clicks.publish([*events, ("u", b"no event")])
        found = await service.written(MESSAGES)
        letters = own_settings.topics.dead_letters
        (letter,) = await soon(lambda: read_topic(own_settings, letters, at_least=1), within_s=60)
    assert [each["event"] for each in found] == [event["event"] for _, event in events]  # in the order of the key
    source = f"pubsub:{PROJECT}/to-shoal"
    assert all(each["messageId"].startswith(f"{source}-message-") for each in found)
    assert all(each["receivedAt"] == each["timestamp"] for each in found)
    headers = {key: value.decode() for key, value in letter.headers}
    assert (letter.value, headers["shoal-source-topic"]) == (b"no event", source)
