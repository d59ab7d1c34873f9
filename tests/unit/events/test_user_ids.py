"""Values of `userId` and `anonymousId` name a user, or not, the same by every way in."""

import json
from typing import Any

import pytest

from app.events.user_ids import BLOCKED_IDS, UserIds, blocked_ids
from app.intake.transform import transform
from app.offline.backtest import FileRecord
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.definition import Catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.segments.partition.position import CATALOG_KEY
from app.service.incoming.event_batch import read_batch, read_ga4, validate_events
from app.settings import load_settings

NOW_MS = 1_767_225_600_000
RULES = TimeRules()
NOBODY: tuple[Any, ...] = (
    *BLOCKED_IDS,
    "UNDEFINED",
    "[object Object]",
    '"null"',
    "'None'",
    " ",
    "\t\n",
    '""',
    "00000000-0000-0000-0000-000000000000",
    "----",
    0,
    -1,
    0.0,
    1.5,
    True,
    False,
    {},
    {"id": 7},
    [],
    ["ann"],
)
SOMEBODY: tuple[tuple[Any, str], ...] = (
    ("ann", "ann"),
    (" ann ", "ann"),
    ("\tann\n", "ann"),
    (1234, "1234"),
    (1234.0, "1234"),
    (-2, "-2"),
    ("0x", "0x"),
    ("10", "10"),
    ("nullable", "nullable"),
    ("id-7", "id-7"),
    ('"ann"', '"ann"'),
)
OTHERS: tuple[tuple[Any, str | None], ...] = ((None, None), ("dev-1", "dev-1"), (" dev-1 ", "dev-1"), ("null", None))


def by_http(event: dict[str, Any]) -> str | None:
    return only(validate_events(read_batch(json.dumps({"batch": [event]}).encode()), received_ms=NOW_MS, rules=RULES))


def by_ga4(event: dict[str, Any]) -> str | None:
    payload = {"user_id": event.get("userId"), "client_id": event.get("anonymousId"), "events": [{"name": "x"}]}
    return only(validate_events(read_ga4(json.dumps(payload).encode()), received_ms=NOW_MS, rules=RULES))


def only(found: Any) -> str | None:
    """The user of the one event; None if it was refused as of nobody."""
    if found.rows:
        return str(found.rows[0].user.decode())
    assert [each.reason for each in found.refused] == ["no-user"]
    return None


def by_intake(event: dict[str, Any]) -> str | None:
    found = transform(
        [FileRecord(0, NOW_MS, None, json.dumps(event).encode())],
        topic="t", partition=0, shape="segment", partitions=1, skew_max_ms=0, now_ms=NOW_MS, user_ids=RULES.user_ids,
    )  # fmt: skip
    if found.rows:
        return (found.rows[0][0][0] or b"").decode()
    assert [reason for _, reason, _ in found.dead] == ["no-user"]
    return None


def by_kafka(event: dict[str, Any], *, fast: bool = True) -> str | None:
    return in_partition(event, key=wanted(event), fast=fast)


def by_kafka_without_fast_path(event: dict[str, Any]) -> str | None:
    return by_kafka(event, fast=False)


def by_file(event: dict[str, Any]) -> str | None:
    return in_partition(event, key=None, fast=True)


def in_partition(event: dict[str, Any], *, key: str | None, fast: bool) -> str | None:
    partition = Partition(compile_catalog(Catalog((), (), ""), RULES), RULES, keyed=key is not None, fast=fast)
    batch = partition.process(
        [FileRecord(0, NOW_MS, None if key is None else key.encode(), json.dumps(event).encode())]
    )
    if batch.dead:
        assert [each.reason for each in batch.dead] == ["no-user"]
        return None
    (user,) = batch.profiles.keys() - {CATALOG_KEY}
    return user


def wanted(event: dict[str, Any]) -> str:
    """The user as the lists of this file say."""
    for name in ("userId", "anonymousId"):
        value = event.get(name)
        if value is None or any(value is each or (value == each and type(value) is type(each)) for each in NOBODY):
            continue
        return next((user for given, user in SOMEBODY if given == value), str(value).strip())
    return ""


WAYS = [by_http, by_ga4, by_intake, by_kafka, by_kafka_without_fast_path, by_file]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", NOBODY, ids=repr)
def test_an_id_that_names_nobody_leaves_the_event_to_the_other_id_by_every_way_in(value: Any, way: Any) -> None:
    for other, user in OTHERS:
        assert way({"type": "track", "event": "x", "userId": value, "anonymousId": other}) == user, other


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("value", "user"), SOMEBODY, ids=repr)
def test_an_id_that_names_somebody_is_kept_without_blanks_by_every_way_in(value: Any, user: str, way: Any) -> None:
    assert way({"type": "track", "event": "x", "userId": value, "anonymousId": "dev-1"}) == user
    assert way({"type": "track", "event": "x", "anonymousId": value}) == user


def test_what_is_blocked_is_a_setting() -> None:
    ids = load_settings({}, blocked_ids="Tester, 'n/a'").user_ids
    assert ids.id_of("TESTER") is ids.id_of("n/a") is None
    assert (ids.id_of("null"), ids.id_of("0")) == ("null", "0")
    assert load_settings({}).user_ids == UserIds()
    assert blocked_ids(",") == frozenset()


def test_the_reason_names_the_ids_that_were_given() -> None:
    event = {"type": "track", "event": "x", "userId": "undefined", "anonymousId": 0}
    found = validate_events(read_batch(json.dumps({"batch": [event]}).encode()), received_ms=NOW_MS, rules=RULES)
    assert found.refused[0].detail == "userId 'undefined' and anonymousId 0: no id of a user"
