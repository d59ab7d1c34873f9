"""Events of people with several keys, made from a seed: visits, logins, logouts, shared devices, repeats."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from app.events.instants import iso

START_MS = 1_767_571_200_000
NAMES = ("Product Viewed", "Product Viewed", "Product Viewed", "Product Added", "Page Liked", "Order Completed")


@dataclass(frozen=True, slots=True)
class PeopleSettings:
    """`logged_in_share`: of the events, those with both ids. `shared_share`: of the devices, those of two people."""

    seed: int
    people: int = 40
    events: int = 2_000
    step_ms: int = 2_000
    devices_each: int = 2
    logged_in_share: float = 0.5
    shared_share: float = 0.1
    disorder_ms: int = 3_000
    repeated_share: float = 0.02


def events_of_people(settings: PeopleSettings) -> Iterator[dict[str, Any]]:
    """The events, in order of arrival."""
    chance = Random(settings.seed)
    owners: dict[str, list[str]] = {}
    for person in range(settings.people):
        for number in range(settings.devices_each):
            owners[f"a{person}-{number}"] = [f"u{person}"]
    for people in owners.values():
        if chance.random() < settings.shared_share:
            people.append(f"u{chance.randrange(settings.people)}")
    devices = sorted(owners)
    on: dict[str, str | None] = dict.fromkeys(devices)
    before: dict[str, Any] | None = None
    for number in range(settings.events):
        if before is not None and chance.random() < settings.repeated_share:
            yield before
            continue
        device = chance.choice(devices)
        event = chance.choice(NAMES)
        if on[device] is None and chance.random() < settings.logged_in_share:
            on[device] = chance.choice(owners[device])
        elif on[device] is not None and chance.random() < 0.03:
            event = "Signed Out"
        t_ms = START_MS + number * settings.step_ms - chance.randrange(settings.disorder_ms + 1)
        message: dict[str, Any] = {
            "type": "track",
            "event": event,
            "anonymousId": device,
            "messageId": f"m{settings.seed}-{number}",
            "timestamp": iso(t_ms),
            "receivedAt": iso(t_ms),
            "properties": {"product_id": f"p{chance.randrange(5)}", "price": chance.randrange(1, 50), "quantity": 1},
        }
        if on[device] is not None and chance.random() < 0.9:
            message["userId"] = on[device]
        if event == "Signed Out":
            on[device] = None
        before = message
        yield message


def lines_of_people(settings: PeopleSettings) -> bytes:
    """The events as a file of JSON lines."""
    return b"\n".join(json.dumps(event).encode() for event in events_of_people(settings)) + b"\n"
