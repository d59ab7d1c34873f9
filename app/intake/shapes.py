"""Source shapes: how the records of a source topic become events. Each shape registers itself."""

from collections.abc import Iterator
from typing import Any, Final, Protocol, TypeVar

import msgspec

from app.events import lenient_json, posthog
from app.events.ga4 import entries_of
from app.events.message import MessageError


class SourceShape(Protocol):
    """Contract of a shape.

    name: the word behind `=` in the setting `sources`.
    keeps_receipt: a `receivedAt` in the events is believed; only for topics that nobody else may write to.
    """

    name: str
    keeps_receipt: bool

    def events(self, value: bytes) -> Iterator[Any]:
        """Yields the events of one record in their order, each an object in the Segment specification.

        A MessageError in place of an event refuses that event alone; the others are taken. Raises MessageError for a
        record that has no events. The same bytes must give the same events: a record that is read twice must give
        each event the same id.
        """


ShapeT = TypeVar("ShapeT", bound=type[SourceShape])
SHAPES: Final[dict[str, SourceShape]] = {}
"""Shapes by name, in the order in which messages list them."""


def register(shape: ShapeT) -> ShapeT:
    """Makes a shape known by its name. AssertionError if another has that name."""
    assert shape.name not in SHAPES, f"two shapes are called {shape.name}"
    SHAPES[shape.name] = shape()
    return shape


def decode_json(value: bytes) -> Any:
    """The JSON value of a record. Raises MessageError."""
    try:
        return lenient_json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError("invalid-json", str(error)) from None


@register
class Segment:
    """One event in the Segment specification a record, from a sender whose times of receipt are believed."""

    name = "segment"
    keeps_receipt = True

    def events(self, value: bytes) -> Iterator[Any]:
        yield decode_json(value)


@register
class SegmentRaw(Segment):
    """One event in the Segment specification a record, from anybody."""

    name = "segment-raw"
    keeps_receipt = False


@register
class Ga4:
    """A payload of the Measurement Protocol of Google Analytics 4 a record, with one or more events."""

    name = "ga4"
    keeps_receipt = False

    def events(self, value: bytes) -> Iterator[Any]:
        return (event for _, event in entries_of(decode_json(value)))


@register
class PostHog:
    """An event of PostHog a record, or a batch of them."""

    name = "posthog"
    keeps_receipt = False

    def events(self, value: bytes) -> Iterator[Any]:
        return posthog.entries_of(decode_json(value))
