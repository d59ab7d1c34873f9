"""The words that a definition may use: events and properties that occur, functions, fields, keys, other definitions."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from aiokafka.errors import KafkaError

from app.events.instants import iso
from app.events.visible_text import visible_line
from app.offline.heard_message import heard_message, values_of
from app.runtime.kafka.log_reader import OffsetLostError
from app.segments.definitions.definition import Catalog
from app.segments.definitions.definition_format import SEGMENT
from app.segments.language.functions import AGGREGATES, AggregateFunction
from app.segments.language.names import CART_LINE, CART_LINE_FIELDS
from app.settings import Settings
from app.web.condition_words import CART, USER, VISIT
from app.web.jobs.recent_events import recent_events
from app.web.texts import say

FRESH_S: Final = 60.0
READ_TIMEOUT_S: Final = 8.0
RECORDS_MAX: Final = 10_000
EVENTS_MAX: Final = 300
PROPERTIES_MAX: Final = 60
EXAMPLES_MAX: Final = 5
EXAMPLE_CHARACTERS: Final = 40
NAME_CHARACTERS: Final = 200
DEPTH_MAX: Final = 3

_SAYS: Final = {
    "count": "how often",
    "sum": "the sum of a property",
    "avg": "the average of a property",
    "min": "the least value of a property",
    "max": "the greatest value of a property",
    "median": "the median of a property",
    "percentile": "a percentile of a property",
    "distinct": "how many different values a property had",
    "first": "the first value of a property",
    "last": "the latest value of a property",
    "exists": "that it happened",
    "never": "that it did not happen",
    "since": "the time since it last happened",
    "days": "on how many days",
    "weeks": "in how many weeks",
    "months": "in how many months",
    "streak": "for how many days in a row",
}


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A property that occurs: its type, in how many of the events, and a few of its values."""

    name: str
    type: str
    count: int
    examples: list[str]


class SeenEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that occurs. `kind`: track, page, screen or identify; only a track has a name."""

    kind: str
    name: str
    count: int
    properties: list[Seen]


class Word(msgspec.Struct, frozen=True):
    """Something of the language: how it is written, and what it is."""

    text: str
    says: str


class Vocabulary(msgspec.Struct, frozen=True, kw_only=True):
    """All words. `records`: so many of the latest events were looked at; `since`: none before was; null: all were.
    `unread`: why there are no events here; null: they were read."""

    events: list[SeenEvent]
    traits: list[Seen]
    context: list[Seen]
    records: int
    since: str | None
    unread: str | None
    functions: list[Word]
    fields: list[Word]
    keys: list[Word]
    segments: list[str]
    scores: list[str]


class _Names:
    """Names below one root."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._types: dict[str, str] = {}
        self._examples: dict[str, dict[str, None]] = {}

    def hear(self, values: dict[str, Any]) -> None:
        for name, value in _flat(values, DEPTH_MAX):
            if name not in self.counts and len(self.counts) >= PROPERTIES_MAX:
                continue
            self.counts[name] += 1
            if value is None:
                continue
            self._types.setdefault(name, _type(value))
            examples = self._examples.setdefault(name, {})
            if len(examples) < EXAMPLES_MAX and isinstance(value, str | int | float | bool):
                examples[_shown(value)] = None

    def seen(self) -> list[Seen]:
        return [
            Seen(name=name, type=self._types.get(name, ""), count=count, examples=list(self._examples.get(name, ())))
            for name, count in self.counts.most_common()
        ]


class Occurrences:
    """Hears messages, and says which events and properties there are."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._properties: dict[tuple[str, str], _Names] = {}
        self.traits, self.context = _Names(), _Names()

    def hear(self, message: bytes) -> None:
        """One more message; what is none says nothing."""
        read = heard_message(message)
        if read is None:
            return
        key = (read.key.kind, read.key.name or "")
        if len(key[1]) > NAME_CHARACTERS or (key not in self._counts and len(self._counts) >= EVENTS_MAX):
            return
        self._counts[key] += 1
        own = values_of(read.own)
        if read.type == "identify":
            self.traits.hear(own)
        self._properties.setdefault(key, _Names()).hear(own)
        self.context.hear(values_of(read.context))

    def events(self) -> list[SeenEvent]:
        """All events, the most frequent first."""
        return [
            SeenEvent(kind=kind, name=name, count=count, properties=self._properties[kind, name].seen())
            for (kind, name), count in self._counts.most_common()
            if kind in ("track", "page", "screen", "identify") and (name or kind != "track")
        ]


class Vocabularies:
    """Reads the latest events when somebody asks, at most once a minute."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._looking = asyncio.Lock()
        self._looked_s = -1e9
        self._heard, self._records = Occurrences(), 0
        self._since: str | None = None
        self._unread: str | None = None

    async def now(self, catalog: Catalog) -> Vocabulary:
        """All words, the events as they were at most a minute ago."""
        async with self._looking:
            if time.monotonic() - self._looked_s >= FRESH_S:
                await self._look()
        heard = self._heard
        return Vocabulary(
            events=heard.events(),
            traits=heard.traits.seen(),
            context=heard.context.seen(),
            records=self._records,
            since=self._since,
            unread=self._unread,
            functions=[Word(_written(each), _SAYS.get(each.name, "")) for each in AGGREGATES.values()],
            fields=list(_fields()),
            keys=[Word(key.name, key.description) for key in SEGMENT.keys],
            segments=[each.name for each in catalog.segments if each.status == "live"],
            scores=[each.name for each in catalog.scores],
        )

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                records, everything = await recent_events(self._settings, records_max=RECORDS_MAX)
        except (KafkaError, OSError, TimeoutError, OffsetLostError):
            self._unread = "Kafka does not answer"
            return
        self._heard = await asyncio.to_thread(occurrences, [each.value or b"" for each in records])
        self._records, self._unread, self._looked_s = len(records), None, time.monotonic()
        self._since = None if everything or not records else iso(max(0, records[0].timestamp))


def occurrences(messages: Iterable[bytes]) -> Occurrences:
    """Events and properties of some messages."""
    heard = Occurrences()
    for each in messages:
        heard.hear(each)
    return heard


def _flat(values: dict[str, Any], depth: int) -> Iterator[tuple[str, Any]]:
    """The values with their names, those of inner objects joined with points; names that are no paths are left out."""
    for name, value in values.items():
        if not name.isidentifier() or len(name) > NAME_CHARACTERS:
            continue
        if isinstance(value, dict) and depth > 1:
            yield from ((f"{name}.{inner}", each) for inner, each in _flat(value, depth - 1))
        else:
            yield name, value


def _type(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    return "list" if isinstance(value, list) else "object"


def _shown(value: object) -> str:
    text = visible_line(str(value) if not isinstance(value, bool) else str(value).lower())
    return text if len(text) <= EXAMPLE_CHARACTERS else f"{text[: EXAMPLE_CHARACTERS - 1]}…"


def _written(function: AggregateFunction) -> str:
    """The way to write a function, with ... for an event."""
    rank = "90, " if function.ranked else ""
    of = f"{function.example} of " if function.of_property else ""
    return f"{function.name}({rank}{of}'...')"


def _fields() -> Iterator[Word]:
    fields = (("cart", "cart", CART), (CART_LINE, "line", CART_LINE_FIELDS))
    for root, kind, names in (*fields, ("session", "visit", VISIT), ("user", "user", USER)):
        yield from (Word(f"{root}.{name}", say(f"said_{kind}_{name}")) for name in names)
    yield Word("segment('...')", "is in another segment")
    yield Word("score('...')", "the value of a score")
    yield Word("model('...')", "the probability that a model gave; of one with classes model('...').name")
    yield Word("list('...')", "is on a static list")
    yield Word("sequence('...' then '...' within 1h)", "one event after another")
