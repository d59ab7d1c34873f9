"""People with several keys: devices, logins, logouts, shared devices; and what must hold of link records then."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from random import Random

from app.events.link_record import LINK_MARK
from app.runtime.kafka.partitioner import partition_of
from app.settings import Topics
from tests.simulation.broker import Log
from tests.simulation.scenario import Event, Scenario

Logs = Callable[[str, int], Log]


def with_people(scenario: Scenario, chance: Random, *, always: bool = False) -> Scenario:
    """The scenario, now and then with visitors who log in on devices, some of which they share."""
    if not always and chance.random() < 0.7:
        return scenario
    partitions = scenario.settings.partitions
    devices = [f"a{number}" for number in range(chance.choice((1, 2, 3)))]
    users = [f"u{number}" for number in range(chance.choice((1, 2, 3)))]
    if chance.random() < 0.2:
        devices.append(users[0])
    on: dict[str, str | None] = dict.fromkeys(devices)
    shared = chance.random() < 0.4
    events = [_of_somebody(event, chance, on, users, partitions, shared=shared) for event in scenario.events]
    return replace(scenario, events=tuple(events), identity=True)


def _of_somebody(
    event: Event, chance: Random, on: dict[str, str | None], users: list[str], partitions: int, *, shared: bool
) -> Event:
    """The event, of a device with whoever is logged in there; a broken record stays as it is."""
    device = chance.choice(list(on))
    if chance.random() < 0.2:
        on[device] = chance.choice(users) if shared else users[list(on).index(device) % len(users)]
    user = on[device] if chance.random() < 0.8 else None
    try:
        message = json.loads(event.value)
    except ValueError:
        key = event.key
        return replace(event, partition=partition_of(key, partitions))
    message.pop("userId")
    message["anonymousId"] = device
    if user is not None:
        message["userId"] = user
        if chance.random() < 0.1:
            message["event"] = "Signed Out"
            on[device] = None
    key = (user or device).encode()
    return replace(event, key=key, value=json.dumps(message).encode(), partition=partition_of(key, partitions))


def judge_links(logs: Logs, scenario: Scenario, topics: Topics, sent: Iterable[bytes]) -> Iterator[str]:
    """Problems with link records. `sent`: those that the records and the journals of all partitions demand."""
    partitions = scenario.settings.partitions
    found: Counter[bytes] = Counter()
    for number in range(partitions):
        for record in logs(topics.clickstream, number).committed():
            if record.value.startswith(LINK_MARK):
                found[record.value] += 1
                if partition_of(record.key, partitions) != number:
                    yield f"a link record for {record.key!r} stands in partition {number}"
    wanted = Counter(sent)
    yield from (f"link record missing: {value!r:.300}" for value in (wanted - found))
    if scenario.transactions:
        yield from (f"link record too often: {value!r:.300}" for value in (found - wanted))
    else:
        yield from (f"link record that nobody sent: {value!r:.300}" for value in found.keys() - wanted.keys())
