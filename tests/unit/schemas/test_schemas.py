"""The schemas say what is written and read; what they said once they go on to accept."""

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from app.events.message import MessageDecoder, MessageError, checked_value, user_of
from app.events.user_ids import UserIds
from app.runtime.records.audit_record import (
    Result,
    decode_audit,
    encode_audit,
    made_record,
    new_deed_id,
    subject_of,
)
from app.runtime.records.erasure_events import encode_erasure
from app.runtime.records.identity_events import encode_identity
from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.batch import ErasureStep, Linked
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.settings import load_settings
from tests.support.shop import DEFINITIONS, history, watermark
from tests.unit.schemas.compatibility import narrower
from tools.docs_pages import ROOT, blocks

SCHEMAS = ROOT / "deploy" / "schemas"
OURS = ("change", "change-headers", "message", "dead-letter-headers", "identity", "erasure", "audit", "person")
KEPT = sorted((SCHEMAS / "kept").glob("*.json"))


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text())
    return found


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(schema(name))


def kept_validator(path: Path) -> Draft202012Validator:
    return Draft202012Validator(json.loads(path.read_text()))


class Record:
    def __init__(self, offset: int, key: bytes | None, value: bytes | None) -> None:
        self.offset = offset
        self.key = key
        self.value = value
        self.timestamp = -1


@pytest.fixture(scope="module")
def changes() -> list[Any]:
    """Of a history with views and carts."""
    partition = Partition(compile_catalog(load_catalog(DEFINITIONS), TimeRules()), TimeRules())
    rows = [*history(users=20, events=1_000), watermark(1_000 * 20_000 + 72 * 3_600_000)]
    records = [Record(offset, key, value) for offset, (key, value, _) in enumerate(rows)]
    found = list(partition.process(records).changes)
    assert len(found) > 100
    return found


@pytest.mark.parametrize("name", OURS)
def test_each_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))


def test_every_change_is_what_the_schema_says_and_what_earlier_readers_know(changes: list[Any]) -> None:
    known = [validator("change"), *(kept_validator(path) for path in KEPT if re.match(r"change\.\d+", path.name))]
    assert len(known) > 1
    for change in changes:
        for each in known:
            each.validate(json.loads(change.encode()))


def test_every_header_is_what_the_schema_says_and_what_earlier_readers_know(changes: list[Any]) -> None:
    known = [validator("change-headers")]
    known += [kept_validator(path) for path in KEPT if path.name.startswith("change-headers.")]
    for change in changes:
        headers = {name: value.decode() for name, value in change.headers("/shoal/test")}
        for each in known:
            each.validate(headers)


def test_every_field_of_a_change_is_in_the_schema(changes: list[Any]) -> None:
    of_none, of_one = changes[0], grouped_change()
    assert set(json.loads(of_none.encode())) == set(schema("change")["properties"]) - {"experiments"}
    assert set(json.loads(of_one.encode())) == set(schema("change")["properties"])


def test_a_change_with_a_group_is_what_the_schema_says_and_what_earlier_readers_know() -> None:
    for each in [validator("change"), *(kept_validator(path) for path in KEPT if path.name == "change.1.json")]:
        each.validate(json.loads(grouped_change().encode()))


def grouped_change() -> Any:
    """A change of a user in an experiment."""
    text = "segment: s\nwhen: exists(page)\nexperiment: {name: e, groups: {mail: 100}}\n"
    partition = Partition(compile_catalog(load_catalog({"s.yaml": text}), TimeRules()), TimeRules())
    value = b'{"type": "page", "userId": "u", "timestamp": "2026-01-05T00:00:00Z"}'
    return partition.process([Record(0, b"u", value)]).changes[0]


def test_the_change_that_is_explained_is_valid() -> None:
    (shown,) = [json.loads(block.text) for block in blocks(ROOT / "docs" / "changes.md") if block.info == "json"]
    validator("change").validate(shown)


def test_every_message_of_a_history_is_valid() -> None:
    for _, value, _ in history(users=20, events=200):
        validator("message").validate(json.loads(value or b""))


MESSAGES: list[dict[str, Any]] = [
    {"type": "track", "event": "x", "userId": "ann"},
    {"type": "track", "userId": 7},
    {"type": "page", "anonymousId": "a", "name": {"odd": 1}},
    {"type": "identify", "userId": "", "anonymousId": "a", "traits": []},
    {"type": "screen", "userId": None, "anonymousId": "a", "timestamp": None},
    {"type": "group", "userId": "ann", "unknown": {"x": 1}, "properties": "odd"},
    {"type": "track", "event": "x"},
    {"type": "track", "event": "x", "userId": ""},
    {"type": "track", "event": "x", "userId": None, "anonymousId": None},
    {"type": "dance", "userId": "ann"},
    {"userId": "ann"},
    {"type": "track", "userId": True},
    {"type": "track", "userId": ["ann"]},
    {"type": "track", "userId": "a\u0000b"},
    {"type": "track", "userId": "u" * 300},
    {"type": "track", "userId": "ann", "event": 7},
    {"type": "track", "userId": "ann", "messageId": 1.5},
    {"type": "track", "userId": "ann", "timestamp": 7},
]


@pytest.mark.parametrize("message", MESSAGES, ids=json.dumps)
def test_the_schema_of_messages_and_the_worker_agree(message: dict[str, Any]) -> None:
    assert validator("message").is_valid(message) == taken_by_worker(message)


def taken_by_worker(message: dict[str, Any]) -> bool:
    try:
        decoded = MessageDecoder().decode(checked_value(json.dumps(message).encode()))
        user_of(decoded, UserIds())
    except MessageError:
        return False
    return decoded.type in schema("message")["properties"]["type"]["enum"]


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.name)
def test_what_an_earlier_schema_accepted_is_accepted_now(path: Path) -> None:
    now = schema(path.name.split(".")[0])
    assert list(narrower(json.loads(path.read_text()), now)) == []


def test_every_schema_has_a_kept_version_with_its_number() -> None:
    assert {path.name.split(".")[0] for path in KEPT} == set(OURS)
    for path in KEPT:
        number = path.name.split(".")[1]
        assert json.loads(path.read_text())["$id"].endswith(f":{number}")


def broken_schemas() -> Iterator[tuple[str, Any]]:
    def edited(name: str, edit: Any) -> tuple[str, Any]:
        now = copy.deepcopy(schema(name))
        edit(now)
        return name, now

    yield edited("message", lambda now: now["required"].append("messageId"))
    yield edited("message", lambda now: now["properties"]["type"]["enum"].remove("alias"))
    yield edited("message", lambda now: now["properties"]["userId"].update(type="string"))
    yield edited("message", lambda now: now["properties"]["event"].update(maxLength=10))
    yield edited("message", lambda now: now.update(additionalProperties=False))
    yield edited("message", lambda now: now["$defs"]["time"].update(type="string"))
    yield edited("change", lambda now: now["properties"]["times"].update(minimum=2))
    yield edited("change", lambda now: now["properties"]["evidence"]["items"]["required"].append("at"))


@pytest.mark.parametrize("broken", list(broken_schemas()), ids=map(str, range(8)))
def test_a_schema_that_accepts_less_is_found(broken: tuple[str, Any]) -> None:
    name, now = broken
    assert list(narrower(schema(name), now))


def test_the_asyncapi_document_names_every_topic_that_others_use_and_refers_to_what_is_there() -> None:
    path = ROOT / "deploy" / "asyncapi.yaml"
    document = yaml.safe_load(path.read_text())
    topics = load_settings({}).topics
    assert {channel["address"] for channel in document["channels"].values()} == {
        topics.clickstream,
        topics.changes,
        topics.segment("{segment}"),
        topics.dead_letters,
        topics.late,
        topics.identity,
        topics.erasures,
        topics.audit,
        f"{topics.destinations}.dead-letter",
    }
    used = {operation["channel"]["$ref"] for operation in document["operations"].values()}
    assert used == {f"#/channels/{name}" for name in document["channels"]}
    for reference in references(document):
        if reference.startswith("#/"):
            found = document
            for name in reference.removeprefix("#/").split("/"):
                found = found[name]
        else:
            assert (path.parent / reference).is_file(), reference


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


@pytest.mark.parametrize("result", ["given", "empty", "refused:shared", "lost", "released", "ended"])
def test_every_identity_event_is_what_the_schema_says(result: str) -> None:
    linked = Linked("41f187c2ef8352d998ffac9c", "a-1", "u-1", 1_767_571_200_000, "identify", result)
    validator("identity").validate(json.loads(encode_identity(linked)))


@pytest.mark.parametrize(
    "step",
    [
        {"result": "requested", "keys": ("u-1", "a-1"), "suppressed": True},
        {"result": "erased", "key": "a-1", "until_ms": 1_767_571_200_000, "left": ("viewers",)},
        {"result": "elsewhere", "key": "a-1"},
        {"result": "finished", "keys": ("u-1",)},
        {"result": "unsuppressed", "key": "u-1"},
    ],
    ids=lambda step: step["result"],
)
def test_every_step_of_an_erasure_is_what_the_schema_says(step: dict[str, Any]) -> None:
    value = encode_erasure(ErasureStep(id="41f187c2ef8352d998ffac9c", user="u-1", at_ms=1_767_571_200_000, **step))
    validator("erasure").validate(json.loads(value))


@pytest.mark.parametrize("result", ["begun", "done", "failed", "refused"])
def test_every_audit_record_is_what_the_schema_says(result: Result) -> None:
    """With a user and without, with a known actor and without."""
    for secret, actor in (("s", "ops"), ("", None)):
        record = made_record(
            deed_id=new_deed_id(),
            at_ms=1_767_571_200_000,
            app="shoal",
            actor=actor,
            way="http",
            deed="users.show",
            result=result,
            subject=subject_of("u-1", secret=secret),
            reason="wrong-key" if result == "refused" else None,
            details={"version": "1"},
        )
        validator("audit").validate(json.loads(encode_audit(record)))
        assert decode_audit(encode_audit(record)) == record
