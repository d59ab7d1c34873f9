"""Control records: room for the largest profile, and nothing from outside."""

from typing import Any

import pytest
from msgspec.structs import replace

from app.events.collected import collected
from app.events.control_record import CONTROL_MARK, Control, read_control, write_control
from app.events.link_record import LINK_BYTES_MAX
from app.events.message import USER_BYTES_MAX, MessageError
from app.segments.review.footprint import PROFILE_BYTES_MAX


def test_the_largest_profile_can_be_replaced() -> None:
    one, other = "ü" * (USER_BYTES_MAX // 2), "ö" * (USER_BYTES_MAX // 2)
    told = Control(deed="replace", app="shoal", id="0" * 24, source=one, to=other, n=2**50, at_ms=2**50)
    given = replace(told, version="0" * 12, profile=bytes(PROFILE_BYTES_MAX))
    value = write_control(given)
    assert len(value) <= LINK_BYTES_MAX
    assert value.startswith(CONTROL_MARK)
    assert read_control(value) == given


@pytest.mark.parametrize(
    "value",
    [
        b'{"type":"control","deed":"merge"}',
        b'{"type":"control","deed":"cut","app":"shoal","id":"x","from":"a","to":"u","n":1,"at_ms":1}',
        b'{"type":"control","deed":"merge","app":"shoal","id":"x","from":"u","to":"u","n":1,"at_ms":1}',
        b'{"type":"link","step":"ask","app":"shoal","id":"x","from":"a","to":"u"}',
    ],
)
def test_what_is_no_control_record_is_refused(value: bytes) -> None:
    with pytest.raises(MessageError) as refused:
        read_control(value)
    assert refused.value.reason == "invalid-control"


@pytest.mark.parametrize("kind", ["control", "link", "watermark"])
def test_no_sender_can_write_what_workers_and_commands_write(kind: str) -> None:
    sent: dict[str, Any] = {"type": kind, "userId": "ann", "timestamp": "2026-01-05T10:00:00.000Z"}
    with pytest.raises(MessageError) as refused:
        collected(sent, received_ms=1_767_607_200_000, skew_max_ms=300_000, new_id=str)
    assert refused.value.reason == "invalid-message"
