"""Values that programs derive from an event, written into its properties by `shoal intake`: off unless it is set.

An enricher is a function that gets the type and name of an event and a copy of its properties (of an `identify`: its
traits), no ids and no context, and returns values by name, or None. It is found as an entry point of the group
`shoal.enrichers`, which names a function that makes it; `keywords` is there already. What was sent is never changed:
a value whose name is taken is left out. An enricher that fails costs its own values, not the event.
"""

import logging
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, Final

import msgspec

from app.errors import UserError
from app.events.message import EVENT_KINDS
from app.intake.keyword_tagger import keyword_tagger
from app.settings import Settings

GROUP: Final = "shoal.enrichers"
NAMES_MAX: Final = 20
ITEMS_MAX: Final = 20
TEXT_CHARACTERS_MAX: Final = 200
ADDED_BYTES_MAX: Final = 8_000
"""Of all enrichers together, as JSON."""
RECORD_BYTES_MAX: Final = 16 * 1024
"""Larger records are left as they are: with more in it, an event could become too large to be taken."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")

Enricher = Callable[[str, str | None, dict[str, Any]], Any]
"""A program of others: what it returns is looked at."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Enrichment:
    """The enrichers of a process, in order. Each sees what those before it have added."""

    enrichers: Mapping[str, Enricher]
    _told: set[str] = field(default_factory=set)

    def add_to(self, event: Any, *, record_bytes: int) -> Counter[tuple[str, str]]:
        """Puts values into an event; how often each enricher did what: added, nothing, invalid, failed, too-large."""
        done: Counter[tuple[str, str]] = Counter()
        if event.__class__ is not dict or event.get("type") not in EVENT_KINDS:
            return done
        if record_bytes > RECORD_BYTES_MAX:
            return Counter((name, "too-large") for name in self.enrichers)
        place = "traits" if event["type"] == "identify" else "properties"
        values = event.get(place)
        if values.__class__ is not dict:
            if values is not None:
                return done
            values = {}
        name_of_event = event.get("event") if event["type"] == "track" else event.get("name")
        shown_name = name_of_event if name_of_event.__class__ is str else None
        left_bytes = ADDED_BYTES_MAX
        for name, enricher in self.enrichers.items():
            outcome, added = self._ask(name, enricher, event["type"], shown_name, values)
            fresh = {key: value for key, value in added.items() if key not in values}
            size = len(msgspec.json.encode(fresh))
            if outcome == "added":
                outcome = "invalid" if size > left_bytes else "added" if fresh else "nothing"
            done[name, outcome] += 1
            if outcome == "added":
                left_bytes -= size
                values = {**values, **fresh}
                event[place] = values
        return done

    def _ask(
        self, name: str, enricher: Enricher, kind: str, event: str | None, values: dict[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        try:
            found = enricher(kind, event, deepcopy(values))
            if found is None or (isinstance(found, Mapping) and not found):
                return "nothing", {}
            if not isinstance(found, Mapping) or not is_allowed(found):
                return "invalid", {}
            return "added", dict(found)
        except Exception as error:  # noqa: BLE001  # a program of others: whatever it raises, the event goes on
            if name not in self._told:  # once: it may be every event
                self._told.add(name)
                log.warning("the enricher %s fails: %s", name, type(error).__name__)
            return "failed", {}


def is_allowed(found: Mapping[Any, Any]) -> bool:
    """True for values that may be written: texts, numbers, true or false, and lists of these, each of them small."""
    for name, value in found.items():
        items = value if isinstance(value, list | tuple) else [value]
        if name.__class__ is not str or not _NAME.fullmatch(name) or len(items) > ITEMS_MAX:
            return False
        if not all(map(_is_plain, items)):
            return False
    return len(found) <= NAMES_MAX


def _is_plain(value: Any) -> bool:
    if value.__class__ is str:
        return len(value) <= TEXT_CHARACTERS_MAX and not any("\ud800" <= letter <= "\udfff" for letter in value)
    if value.__class__ is float:
        return math.isfinite(value)
    return value.__class__ is bool or (value.__class__ is int and abs(value) < 10**15)


def enrichment_of(settings: Settings) -> Enrichment | None:
    """The enrichers of these settings; None: there are none. UserError for one that cannot be made."""
    names = list(dict.fromkeys(name for each in settings.enrichers.split(",") if (name := each.strip())))
    if not names:
        return None
    found: dict[str, Enricher] = {}
    for name in names:
        if name == "keywords":
            found[name] = keyword_tagger(settings.enricher_keywords)
            continue
        points = list(entry_points(group=GROUP, name=name))
        if len(points) != 1:
            known = ", ".join(sorted({"keywords", *(each.name for each in entry_points(group=GROUP))}))
            said = "there is no enricher" if not points else f"{len(points)} packages have an enricher"
            raise UserError(f"{said} {name!r:.80}", hint=f"SHOAL_ENRICHERS names entry points of {GROUP}: {known}")
        try:
            enricher = points[0].load()()
        except Exception as error:  # noqa: BLE001  # a program of others
            raise UserError(
                f"the enricher {name} cannot be made", detail=f"{type(error).__name__}: {error}"[:500]
            ) from None
        if not callable(enricher):
            raise UserError(f"the enricher {name} is no function, but {type(enricher).__name__}")
        found[name] = enricher
    return Enrichment(found)
