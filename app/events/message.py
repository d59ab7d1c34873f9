"""One clickstream message in the Segment spec, typed, and its event time.

The decoder is made for a catalog: of `context` only what definitions read is decoded, `properties` and `traits` stay
raw until a definition needs them. Times are milliseconds since the epoch, UTC; fractions are cut.
"""

import codecs
import json
import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, Final, Literal, get_args

import msgspec
from msgspec import UNSET, Raw, UnsetType

from app.events.user_ids import UserIds
from app.events.wrong_field import wrong_field
from tables.values import at_path

USER_BYTES_MAX = 256
USER_LENGTH_SURE = USER_BYTES_MAX // 4  # this number of characters never has more bytes, whatever they are
MESSAGE_BYTES_MAX = 32 * 1024
Kind = Literal["track", "page", "screen", "identify", "group", "alias", "watermark", "link", "control", "list"]
WATERMARK: Final = "watermark"
LINK: Final = "link"
CONTROL: Final = "control"
LIST: Final = "list"
KINDS: Final = frozenset(get_args(Kind))
BETWEEN_KEYS: Final = frozenset({LINK, CONTROL})
"""What a worker or a command tells a key; nobody else may send it."""
EVENT_KINDS: Final = KINDS - BETWEEN_KEYS - {WATERMARK, LIST}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
BLANKS_FOR_MARK: Final = b" " * len(codecs.BOM_UTF8)
"""Take the place of a byte order mark, so that the positions of errors stay right."""
INSTANT_MS_MAX = 221_845_392_000_000  # the year 9000: with any window added, the result is still a valid date

Path = tuple[str, ...]


class MessageError(Exception):
    """A message that cannot be an event. `reason` is a short code, `position` a byte offset where one is known."""

    def __init__(self, reason: str, detail: str, position: int | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.position = position


class Message(msgspec.Struct, gc=False):
    """Fields that are read of every message. `context` is a struct of what the catalog reads, or a plain dict.

    `name` is that of a page or screen, if it is a text.
    """

    type: Kind
    event: str | None = None
    name: Any = None
    userId: str | int | None = None
    anonymousId: str | int | None = None
    previousId: Any = None
    messageId: str | int | None = None
    timestamp: str | None = None
    originalTimestamp: str | None = None
    sentAt: str | None = None
    receivedAt: str | None = None
    properties: Raw | UnsetType = UNSET
    traits: Raw | UnsetType = UNSET
    context: Any = None


def is_field_name(name: str) -> bool:
    """True if a struct can decode a field of this name: it has no quote, backslash or control character."""
    return not any(letter in '"\\' or letter < " " for letter in name)


class Tree:
    """Paths as a tree of names; `leaf`: a path ends here, or what is below is decoded as plain values."""

    __slots__ = ("below", "leaf", "struct")

    def __init__(self) -> None:
        self.struct: Any = None
        self.below: dict[str, Tree] = {}
        self.leaf = False

    def grow(self, path: Path) -> None:
        """Adds one path."""
        tree = self
        for name in path:
            tree = tree.below.setdefault(name, Tree())
        tree.leaf = True

    def type(self) -> Any:
        """A struct type that decodes the names of this level, and below where nothing ends."""
        if not all(map(is_field_name, self.below)):
            self.leaf = True
            self.struct = msgspec.defstruct("Context", [f"c{number}" for number in range(len(self.below))], gc=False)
            return dict[str, Any]  # no value has the type of the struct: a reader finds another type
        fields: list[tuple[str, Any, Any]] = []
        rename: dict[str, str] = {}
        for number, (name, tree) in enumerate(self.below.items()):
            fields.append((f"c{number}", Any if tree.leaf else tree.type() | None | UnsetType, UNSET))
            rename[f"c{number}"] = name
        self.struct = msgspec.defstruct("Context", fields, rename=rename, gc=False)
        return self.struct

    def reader(self, path: Path) -> Callable[[Any], Any]:
        """A function from a decoded struct of `type()`, or a plain dict, to what stands at the path.

        UNSET: nothing is said; None: null there or above; an object at the path says nothing.
        """
        if self.leaf:  # plain values

            def read_plain(value: Any) -> Any:
                return UNSET if value is None else said(value, path)

            return read_plain
        steps: list[str] = []
        tree = self
        rest = path
        for depth, name in enumerate(path):
            steps.append(f"c{list(tree.below).index(name)}")
            tree = tree.below[name]
            if tree.leaf:
                rest = path[depth + 1 :]
                break

        walk = attrgetter(".".join(steps))

        def read(value: Any) -> Any:
            if value is None:  # no context at all
                return UNSET
            if value.__class__ is dict:
                return said(value, path)
            try:
                found = walk(value)
            except AttributeError:  # null or nothing above
                pass
            else:
                return found if found.__class__ is str and not rest else said(found, rest)
            for step in steps:
                if value is None or value is UNSET:
                    return value
                value = getattr(value, step)
            return said(value, rest)

        return read


def said(value: Any, path: Path) -> Any:
    """Returns the value at a path of a plain JSON value: UNSET for nothing, None for null there or above."""
    if value is None or value is UNSET:
        return value
    for depth, name in enumerate(path):
        if value.__class__ is dict:
            value = value.get(name, UNSET)
            if value is None or value is UNSET:
                return value
        elif value.__class__ is list:
            found = at_path(value, path[depth:])
            return UNSET if found is None else found
        else:
            return UNSET
    if value.__class__ is dict:
        return UNSET
    if value.__class__ is list:
        found = at_path(value, ())
        return UNSET if found is None else found
    return value


class MessageDecoder:
    """Decodes messages, with the paths of `context` that a catalog reads."""

    def __init__(self, context_paths: Iterable[Path] = ()) -> None:
        tree = Tree()
        for path in sorted(set(context_paths)):
            tree.grow(path)
        self.context_tree = tree
        fields: list[Any] = [("context", tree.type() | None, None)] if tree.below else [("context", UnsetType, UNSET)]
        shape: Any = msgspec.defstruct("Message", fields, bases=(Message,), gc=False) if tree.below else Message
        self.decode_quickly: Callable[[bytes], Message] = msgspec.json.Decoder(shape).decode
        self._plain = msgspec.json.Decoder(dict[str, Any]).decode

    def decode(self, value: bytes) -> Message:
        """The message; MessageError for anything that is not one."""
        try:
            return self.decode_quickly(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return self.decode_slowly(value, error)

    def decode_slowly(self, value: bytes, cause: Exception) -> Message:
        """Once more without a typed context, after `decode_quickly` failed; what fails here too is no message.

        A byte order mark before the message is left out.
        """
        if value.startswith(codecs.BOM_UTF8):
            value = value.replace(codecs.BOM_UTF8, BLANKS_FOR_MARK, 1)
            try:
                return self.decode_quickly(value)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                cause = error
        try:
            try:
                plain = self._plain(value)
            except msgspec.ValidationError:
                plain = self._plain(without_endless_numbers(value))
        except msgspec.ValidationError as error:
            raise MessageError("invalid-message", f"not a JSON object: {error}") from None
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise MessageError("invalid-json", str(error), _position(str(error))) from None
        kind = plain.get("type")
        if kind.__class__ is str and kind not in KINDS:
            raise MessageError("invalid-message", f"unknown type {kind!r:.40}")
        context = plain.pop("context", None)
        _leave_out(plain)
        try:
            message = self.decode_quickly(msgspec.json.encode(plain))
        except msgspec.DecodeError as error:
            raise MessageError("invalid-message", wrong_field(plain) or str(error)) from cause
        message.context = context if context.__class__ is dict else None
        return message


def _leave_out(plain: dict[str, Any]) -> None:
    """Takes away ids of a type that names nobody, and what only corrects a time that is there without it."""
    for name in ("userId", "anonymousId"):
        value = plain.get(name)
        if value.__class__ is float:
            plain[name] = int(value) if value == int(value) else None
        elif value.__class__ not in (str, int):
            plain[name] = None
    for name in ("sentAt", "originalTimestamp"):
        if plain.get("timestamp").__class__ is str and plain.get(name).__class__ is not str:
            plain[name] = None


def _position(text: str) -> int | None:
    """The byte that msgspec names at the end of its message, `... (byte 12)`."""
    _, found, rest = text.rpartition("(byte ")
    return int(rest[:-1]) if found and rest[:-1].isdigit() else None


def without_endless_numbers(data: bytes) -> bytes:
    """The same JSON with null for every number that cannot be held: 1e400, a whole number of thousands of digits.

    Raises ValueError and RecursionError for what is not JSON.
    """
    plain = json.loads(data, parse_float=finite, parse_int=whole, parse_constant=_refuse)
    return json.dumps(plain).encode()


def finite(text: str) -> float | None:
    """The number, or None for one beyond a double."""
    value = float(text)
    return value if math.isfinite(value) else None


def whole(text: str) -> int | None:
    """The number, or None for one of thousands of digits."""
    try:
        return int(text)
    except ValueError:
        return None


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def checked_value(value: bytes | None, *, bytes_max: int = MESSAGE_BYTES_MAX) -> bytes:
    """The value, if it may be a message: there, not too large, UTF-8. MessageError, with the first wrong byte."""
    if value is None:
        raise MessageError("empty", "the record has no value")
    if len(value) > bytes_max:
        raise MessageError("too-large", f"{len(value)} bytes; at most {bytes_max} are read")
    try:
        value.decode()
    except UnicodeDecodeError as error:
        raise MessageError("invalid-json", f"not UTF-8: {error.reason}", error.start) from None
    return value


def user_of(message: Message, ids: UserIds) -> tuple[str, bool]:
    """The key of the profile, and whether it is a `userId`; MessageError if neither id names a user."""
    text = None if message.userId is None else ids.id_of(message.userId)
    identified = text is not None
    if text is None:
        text = ids.id_of(message.anonymousId)
        if text is None:
            raise no_user(message.userId, message.anonymousId)
    if "\x00" in text:
        raise MessageError("invalid-message", f"a user must not contain NUL: {text[:40]!r}")
    if len(text) > USER_LENGTH_SURE and len(text.encode(errors="replace")) > USER_BYTES_MAX:
        raise MessageError("invalid-message", f"the user has more than {USER_BYTES_MAX} bytes: {text[:40]!r}...")
    return text, identified


def no_user(user_id: Any, anonymous_id: Any) -> MessageError:
    """The reason why an event with these ids is of nobody."""
    given = {"userId": user_id, "anonymousId": anonymous_id}
    said = [f"{name} {value!r:.40}" for name, value in given.items() if value is not None and value != ""]
    detail = "neither userId nor anonymousId" if not said else f"{' and '.join(said)}: no id of a user"
    return MessageError("no-user", detail)


HOURS_MS: dict[str, int] = {}
"""`2016-08-01T07:` -> its instant; what was met, forgotten when it is too much."""
SECONDS_MS = {f"{s // 60:02d}:{s % 60:02d}.": s * 1_000 for s in range(3_600)}
MILLIS_MS = {f"{millis:03d}Z": millis for millis in range(1_000)}
_HOURS_MAX = 10_000


def instant_ms(text: str) -> int:
    """Milliseconds since the epoch of an ISO 8601 text (UTC where it names no zone); ValueError if it is none.

    >>> instant_ms('2016-08-01T07:05:21.239Z')
    1470035121239
    """
    hour_ms = HOURS_MS.get(text[:14])
    if hour_ms is not None:
        try:
            return hour_ms + SECONDS_MS[text[14:20]] + MILLIS_MS[text[20:]]
        except KeyError:
            return _slow_instant_ms(text)
    instant = _slow_instant_ms(text)
    if text[13:14] == ":" and text[14:20] in SECONDS_MS and text[20:] in MILLIS_MS:
        if len(HOURS_MS) >= _HOURS_MAX:
            HOURS_MS.clear()
        HOURS_MS[text[:14]] = instant - instant % 3_600_000
    return instant


def _slow_instant_ms(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    instant = (moment - EPOCH) // MILLISECOND
    if not 0 <= instant <= INSTANT_MS_MAX:
        raise ValueError(f"before 1970 or after 9000: {text!r}")
    return instant


def _field_ms(message: Message, name: str) -> int | None:
    text: str | None = getattr(message, name)
    if text is None:
        return None
    try:
        return instant_ms(text)
    except ValueError:
        raise _no_time(name, text) from None


def _no_time(name: str, text: str) -> MessageError:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return MessageError("invalid-time", f"{name} is not an ISO 8601 time: {text[:40]!r}")
    return MessageError("invalid-time", f"{name} is before 1970 or after 9000: {text[:40]!r}")


def _corrected_ms(message: Message, received_ms: int) -> int:
    """The time by the sender's corrected clock."""
    sent_ms = _field_ms(message, "sentAt")
    original_ms = _field_ms(message, "originalTimestamp")
    assert sent_ms is not None
    assert original_ms is not None
    event_ms = received_ms - (sent_ms - original_ms)
    if not 0 <= event_ms <= INSTANT_MS_MAX:
        raise MessageError("invalid-time", "the corrected time is before 1970 or after 9000")
    return event_ms


def times_of(message: Message, record_ms: int) -> tuple[int, int]:
    """Event time and time of receipt; `record_ms` is the record's timestamp, -1 for none.

    Beside a `timestamp`, what cannot be read of `sentAt` and `originalTimestamp` is as if it were not there.
    """
    if message.receivedAt is None and message.timestamp is not None:  # most messages, and all messages of a file
        try:
            own_ms = instant_ms(message.timestamp)
        except ValueError:
            raise _no_time("timestamp", message.timestamp) from None
        return own_ms, own_ms if record_ms < 0 else record_ms
    event_ms = _field_ms(message, "timestamp")
    received_ms = _field_ms(message, "receivedAt")
    if received_ms is not None and message.sentAt is not None and message.originalTimestamp is not None:
        try:
            event_ms = _corrected_ms(message, received_ms)
        except MessageError:
            if event_ms is None:
                raise
    if record_ms >= 0 and (received_ms is None or record_ms < received_ms):
        received_ms = record_ms
    if event_ms is None:
        if received_ms is None:
            raise MessageError("invalid-time", "neither timestamp nor receivedAt, and the record has no timestamp")
        event_ms = received_ms
    return event_ms, event_ms if received_ms is None else received_ms
