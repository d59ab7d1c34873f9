"""The events of one user out of files of everybody's, with the clock as it went for all."""

from collections.abc import Collection, Iterable, Iterator
from typing import Final

import msgspec

from app.events.instants import iso
from app.events.message import (
    MESSAGE_BYTES_MAX,
    WATERMARK,
    MessageDecoder,
    MessageError,
    times_of,
    user_of,
)
from app.offline.backtest import FileRecord
from app.segments.evaluation.time_rules import TimeRules
from tables.windows import FOREVER

USERS_KEPT_MAX: Final = 1_000_000


class UserHistory:
    """Reads messages once, by `records()`; the rest says what has been seen on the way.

    The events of others are left out; what they do to the clock of the (one) partition is brought by watermarks, and
    the first event of all stays, since it starts the warm-up of windows, as do those that come later with an earlier
    time: where events are put in order, one of these is the first. So a user's changes are those of a backtest over the
    same messages. With several keys the events of all of them are the user's.
    """

    def __init__(
        self,
        messages: Iterable[bytes],
        user: str,
        *,
        until_ms: int | None,
        rules: TimeRules,
        keys: Collection[str] = (),
    ) -> None:
        """Messages that happened after `until_ms` are left out. `keys`: those of the person, where there are more."""
        self._messages = messages
        self._keys = frozenset({user, *keys})
        self._until_ms = until_ms
        self._skew_max_ms = rules.skew_max_ms
        self._user_ids = rules.user_ids
        self._decode = MessageDecoder().decode
        self.count = 0
        self.events = 0
        self.later = 0
        self.first_ms = -1
        self.last_ms = -1
        self.unreadable = 0
        self.first_unreadable = ""
        self.users: set[str] = set()
        self.at_own = False

    def records(self) -> Iterator[FileRecord]:
        """The records of the user, in order, with watermarks in between. `last_ms` is at last the clock's end.

        `at_own` is true while a record is given that is an event of the user.
        """
        offset = 0
        clock_ms = marked_ms = -1
        least_ms = FOREVER
        for message in self._messages:
            self.count += 1
            try:
                user, event_ms, received_ms = self._read(message)
            except (MessageError, UnicodeError) as error:
                self.unreadable += 1
                self.first_unreadable = self.first_unreadable or f"the first: {error}"
                continue
            own = user in self._keys
            happened_ms = min(event_ms, received_ms)
            if own and self.first_ms < 0:
                self.first_ms = event_ms
            if self._until_ms is not None and happened_ms > self._until_ms:
                self.later += own
                continue
            if user is not None and len(self.users) < USERS_KEPT_MAX:
                self.users.add(user)
            believed = event_ms <= received_ms + self._skew_max_ms
            if own or (user is not None and believed and event_ms < least_ms):
                least_ms = min(least_ms, event_ms)
                self.at_own = False
                if marked_ms < clock_ms:
                    yield FileRecord(offset, -1, None, _watermark(clock_ms))
                    marked_ms = clock_ms
                    offset += 1
                self.at_own = own
                yield FileRecord(offset, -1, None, message)
                offset += 1
            self.events += own
            if believed:
                clock_ms = max(clock_ms, happened_ms)
                self.last_ms = clock_ms
        self.at_own = False
        if marked_ms < clock_ms:
            yield FileRecord(offset, -1, None, _watermark(clock_ms))

    def _read(self, message: bytes) -> tuple[str | None, int, int]:
        if len(message) > MESSAGE_BYTES_MAX:
            raise MessageError("too-large", f"{len(message)} bytes")
        if not message.isascii():
            message.decode()
        decoded = self._decode(message)
        event_ms, received_ms = times_of(decoded, -1)
        if decoded.type == WATERMARK:
            return None, event_ms, received_ms
        user = user_of(decoded, self._user_ids)[0]
        user.encode()
        return user, event_ms, received_ms


def _watermark(at_ms: int) -> bytes:
    return msgspec.json.encode({"type": WATERMARK, "timestamp": iso(at_ms)})
