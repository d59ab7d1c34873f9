"""Sources of intake, and the shape of their records."""

from collections.abc import Mapping

from app.errors import UserError
from app.intake.shapes import SHAPES
from app.intake.streams import stream_of
from app.settings import Settings

DEFAULT_SHAPE = "segment"


def read_sources(settings: Settings) -> Mapping[str, str]:
    """Source -> name of its shape, by the setting `sources`. Raises UserError.

    >>> dict(read_sources(Settings(sources="events, web=ga4")))
    {'events': 'segment', 'web': 'ga4'}
    >>> dict(read_sources(Settings(sources="kinesis:clicks=segment-raw")))
    {'kinesis:clicks': 'segment-raw'}
    """
    found: dict[str, str] = {}
    ours = settings.topics
    for part in settings.sources.split(","):
        name, equals, word = (piece.strip() for piece in part.partition("="))
        if not name and not equals:
            continue
        shape = word or DEFAULT_SHAPE
        if not name or shape not in SHAPES or (equals and not word):
            raise UserError(
                f"sources has {part.strip()!r}", hint=f"write name or name=shape; shapes are {', '.join(SHAPES)}"
            )
        if name in (ours.clickstream, ours.dead_letters, ours.late, ours.changes):
            raise UserError(f"{name} cannot be a source: Shoal writes to it", hint="name another topic")
        stream_of(name)
        if name in found:
            raise UserError(f"sources names {name} twice")
        found[name] = shape
    if not found:
        raise UserError("no sources are set", hint="name topics: SHOAL_SOURCES=events,web=ga4, or --sources")
    return found
