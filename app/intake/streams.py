"""Sources that are no topics of Kafka: their names, and the topics whose partitions share out the work."""

import re
import zlib
from dataclasses import dataclass
from typing import Final

from app.errors import UserError
from app.settings import Settings

NAMES: Final = {
    "kinesis": (re.compile(r"[a-zA-Z0-9_.-]{1,128}"), "kinesis:STREAM, 1 to 128 letters, digits, _ . -"),
    "pubsub": (
        re.compile(r"[a-z][a-z0-9.:-]{4,98}/[A-Za-z][A-Za-z0-9._~+%-]{2,254}"),
        "pubsub:PROJECT/SUBSCRIPTION, as Google allows them",
    ),
}
"""By kind: what a name may be, and the same in words."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A source of another kind. `source`: as in the setting `sources`, without the shape."""

    source: str
    kind: str
    name: str


def stream_of(source: str) -> Stream | None:
    """The stream that a source is; None for a topic of Kafka. Raises UserError.

    >>> stream_of("kinesis:clicks")
    Stream(source='kinesis:clicks', kind='kinesis', name='clicks')
    >>> stream_of("clicks") is None
    True
    """
    kind, colon, name = source.partition(":")
    if not colon:
        return None
    if kind not in NAMES:
        known = ", ".join(f"{each}:" for each in NAMES)
        raise UserError(f"sources has {source!r}: no kind of source is called {kind!r}", hint=f"kinds are {known}")
    pattern, words = NAMES[kind]
    if not pattern.fullmatch(name):
        raise UserError(f"sources has {source!r}: the name {name!r} cannot be", hint=f"write {words}")
    return Stream(source, kind, name)


def control_topic(settings: Settings, stream: Stream) -> str:
    """The topic whose partitions stand for parts of a stream. It stays empty: the group assigns its partitions."""
    name = stream.name
    if stream.kind == "pubsub":  # names of topics are shorter, and have fewer characters
        name = f"{re.sub('[^a-zA-Z0-9._-]', '-', name)[:100]}-{zlib.crc32(name.encode()):08x}"
    return f"{settings.topics.intake}.{stream.kind}.{name}"
