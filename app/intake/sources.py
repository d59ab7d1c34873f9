"""Source topics of intake, and the shape of their records."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from app.errors import UserError
from app.settings import Settings

#: segment: a `receivedAt` that is there is believed. segment-raw: it is not, as anybody may have written it.
Shape: TypeAlias = Literal["segment", "segment-raw", "ga4"]
SHAPES: Final[tuple[Shape, ...]] = ("segment", "segment-raw", "ga4")


def read_sources(settings: Settings) -> Mapping[str, Shape]:
    """Topic -> shape, by the setting `sources`. Raises UserError.

    >>> dict(read_sources(Settings(sources="events, web=ga4")))
    {'events': 'segment', 'web': 'ga4'}
    """
    found: dict[str, Shape] = {}
    ours = settings.topics
    for part in settings.sources.split(","):
        name, equals, word = (piece.strip() for piece in part.partition("="))
        if not name and not equals:
            continue
        shape = next((each for each in SHAPES if each == (word or "segment")), None)
        if not name or shape is None or (equals and not word):
            raise UserError(
                f"sources has {part.strip()!r}", hint=f"write name or name=shape; shapes are {', '.join(SHAPES)}"
            )
        if name in (ours.clickstream, ours.dead_letters, ours.late, ours.changes):
            raise UserError(f"{name} cannot be a source: Shoal itself writes there", hint="name another topic")
        if name in found:
            raise UserError(f"sources names {name} twice")
        found[name] = shape
    if not found:
        raise UserError("there are no sources", hint="name topics: SHOAL_SOURCES=events,web=ga4, or --sources")
    return found
