"""Problem of a request that cannot be served: one shape for all."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from app.events.visible_text import visible


class Refused(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event of a request that was not taken.

    `index` counts from 0; `reason` is a short code, as of dead letters.
    """

    index: int
    reason: str
    detail: str
    message_id: str | None = msgspec.field(default=None, name="messageId")

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "detail", visible(self.detail))


class LateEvent(msgspec.Struct, frozen=True):
    """One event of a request that is in Kafka, and so old that it goes to the late topic and changes nothing.

    `index` counts from 0; `age_ms`: from the event to its receipt.
    """

    index: int
    age_ms: int


class ProblemBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of every answer that is not a success.

    `code` is short, `message` says what is wrong and what to do; the Segment libraries show both.
    `accepted`: how many events of the request are in Kafka all the same; `refused`: those that are not; `late`: those
    of the accepted that are too old to change anything. `values`: of the console, what its message is about.
    """

    code: str
    message: str
    success: bool = False
    accepted: int | None = None
    refused: tuple[Refused, ...] = ()
    late: tuple[LateEvent, ...] = ()
    values: dict[str, str | int | list[str]] = {}

    def __post_init__(self) -> None:
        assert self.success is False
        msgspec.structs.force_setattr(self, "message", visible(self.message))
        if self.values:
            shown = {name: _visible(value) for name, value in self.values.items()}
            msgspec.structs.force_setattr(self, "values", shown)


def _visible(value: str | int | list[str]) -> str | int | list[str]:
    if isinstance(value, list):
        return [visible(each) for each in value]
    return visible(value) if isinstance(value, str) else value


class Problem(Exception):
    """A request that cannot be served. `retry_after_s`: when to try again. `also`: what a client demands beside it."""

    also: Mapping[str, Any] = MappingProxyType({})

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        retry_after_s: int | None = None,
        accepted: int | None = None,
        refused: tuple[Refused, ...] = (),
        late: tuple[LateEvent, ...] = (),
        headers: Mapping[str, str] | None = None,
        values: Mapping[str, str | int | list[str]] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = ProblemBody(
            code=code,
            message=message,
            accepted=accepted,
            refused=refused,
            late=late,
            values=dict(values or {}),
        )
        self.headers = dict(headers or {})
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(max(1, retry_after_s))

    def encode(self) -> bytes:
        """The body, as JSON."""
        said: dict[str, Any] = {"success": False, **msgspec.to_builtins(self.body), **self.also}
        return msgspec.json.encode(said)
