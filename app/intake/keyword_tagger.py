"""The enricher `keywords`: topics that texts of an event speak of, by lists of words. Nothing is learnt or guessed.

{"fields": ["title", "query"], "property": "topics", "topics": {"adventure": ["hike", "summit"], "calm": ["tea"]}}
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from app.errors import UserError

HINT: Final = 'SHOAL_ENRICHER_KEYWORDS is a JSON file: {"fields": ["title"], "topics": {"adventure": ["hike"]}}'
TOPICS_MAX: Final = 20
TEXT_CHARACTERS_MAX: Final = 10_000
_WORD: Final = re.compile(r"[^\W_]+")


class Keywords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Content of the file. fields: properties with texts; property: the name of what is added; topics: with words."""

    fields: list[str]
    topics: dict[str, list[str]]
    property: str = "topics"


def keyword_tagger(path: str) -> Callable[[str, str | None, dict[str, Any]], Mapping[str, Any] | None]:
    """The enricher of a file. UserError for one that cannot be used."""
    if not path:
        raise UserError("the enricher keywords needs a file", hint=HINT)
    try:
        keywords = msgspec.json.decode(Path(path).read_bytes(), type=Keywords)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}", hint=HINT) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UserError(f"{path} holds no keywords: {error}", hint=HINT) from None
    if not 0 < len(keywords.topics) <= TOPICS_MAX or not keywords.fields or not keywords.property:
        raise UserError(f"{path} needs fields, and from 1 to {TOPICS_MAX} topics", hint=HINT)
    topics: dict[str, list[str]] = {}
    for topic, words in keywords.topics.items():
        for word in words:
            if (found := _WORD.findall(word.casefold())) != [word.casefold()]:
                raise UserError(f"{path}: {word!r:.80} of {topic!r:.80} is not one word: {found}", hint=HINT)
            topics.setdefault(word.casefold(), []).append(topic)

    def tag(_: str, __: str | None, values: dict[str, Any]) -> Mapping[str, Any] | None:
        told: set[str] = set()
        for name in keywords.fields:
            value = values.get(name)
            for text in value if value.__class__ is list else [value]:
                if text.__class__ is str:
                    for word in _WORD.findall(text[:TEXT_CHARACTERS_MAX].casefold()):
                        told.update(topics.get(word, ()))
        return {keywords.property: sorted(told)} if told else None

    return tag
