"""One file of a destination (.yaml): read, checked, its secrets taken from the environment.

The keys that every destination has are read here, those of its kind by the kind.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import yaml

from app.destinations.destination import Batch, Destination, Retry
from app.destinations.destination_values import DestinationValues
from app.destinations.kind import DEFAULT_KIND, DestinationKind, StatefulKind, known_kinds
from app.segments.definitions.yaml_fields import Fields
from app.segments.definitions.yaml_source import YamlSource
from app.segments.evaluation.change import CHANGE_KINDS, ChangeKind
from app.segments.language.suggestions import did_you_mean, listed

KEYS_BEFORE: Final = ("destination", "kind", "description", "segments", "groups", "changes")
_RULES: Final = ("on_merged", "on_backfill")
KEYS_AFTER: Final = ("retry", "rate", "at_once", "timeout", "max_age", "start", "pause_after", *_RULES)
BATCH_KEYS: Final = ("changes", "wait")
MINIMUM: Final = "minimum_members"
NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
AT_ONCE: Final = 8
AT_ONCE_MAX: Final = 256
REFUSALS_MAX: Final = 10_000
TIMEOUT_MS_MAX: Final = 120_000
BATCH_WAIT_MS_MAX: Final = 3_600_000
MINIMUM_MEMBERS_MAX: Final = 1_000_000_000
EXAMPLE: Final = "a destination begins with destination: <name>"


class DestinationFile:
    """Reads one file. What is wrong is in `source.problems`; then there is no destination."""

    def __init__(self, path: str, text: str, *, environ: Mapping[str, str], private: bool) -> None:
        """`private`: addresses that are not public, and plain http, are allowed."""
        self.source = YamlSource(path, text)
        self._values = DestinationValues(self.source, environ=environ, private=private)

    def read(self) -> Destination | None:
        """The destination, or None with problems."""
        source, values = self.source, self._values
        if not source.text.strip():
            source.wrong_at(0, 0, "this file is empty", EXAMPLE)
            return None
        root = source.root()
        if root is None:
            return None
        kind = self._kind(root)
        if kind is None:
            return None
        batch_keys = ("batch",) if kind.batch_max > 1 else ()
        keeps_state = isinstance(kind, StatefulKind)
        without = kind.keys_without if isinstance(kind, StatefulKind) else ()
        keys = [each for each in (*KEYS_BEFORE, *kind.keys, *batch_keys, *KEYS_AFTER) if each not in without]
        if self._has_minimum_in_vain(root, kind):
            return None
        fields = Fields(source, root, keys, "a destination")
        name = self._name(fields)
        target = kind.read(fields, values, self._changes(fields))
        segments = self._segments(fields, kind)
        groups = frozenset(fields.texts("groups")) if "groups" in fields else None
        batch = self._batch(fields, kind)
        retry = self._retry(fields)
        rate = float(values.number(fields, "rate", 0, 10_000) or 0)
        at_once = 1 if keeps_state else int(values.number(fields, "at_once", 1, AT_ONCE_MAX) or AT_ONCE)
        timeout_ms = values.duration(fields, "timeout", 10_000, 100, TIMEOUT_MS_MAX)
        max_age_ms = fields.duration("max_age")
        refusals_max = values.count(fields, "pause_after", 0, REFUSALS_MAX)
        # A state is made of all changes since the beginning.
        start = fields.choice("start", ("beginning", "now") if keeps_state else ("now", "beginning"))
        minimum_members = self._minimum_members(fields) if MINIMUM in kind.keys else 0
        on_merged = fields.choice("on_merged", ("send", "skip"))
        on_backfill = fields.choice("on_backfill", ("skip", "send"))
        if source.problems or target is None:
            assert source.problems, f"the kind {kind.name} says neither what to do nor what is wrong"
            return None
        return Destination(
            name=name,
            path=source.path,
            kind=kind.name,
            segments=segments,
            groups=groups,
            target=target,
            batch=batch,
            retry=retry,
            rate=rate,
            at_once=at_once,
            timeout_ms=timeout_ms,
            max_age_ms=max_age_ms,
            keeps_state=keeps_state,
            minimum_members=minimum_members,
            secrets=dict(values.used),
            refusals_max=refusals_max,
            start="beginning" if start == "beginning" else "now",
            on_merged="skip" if on_merged == "skip" else "send",
            on_backfill="send" if on_backfill == "send" else "skip",
        )

    # ------------------------------------------------------------ parts

    def _kind(self, root: yaml.MappingNode) -> DestinationKind | None:
        """The kind comes first: it says which keys there are."""
        kinds = known_kinds()
        for key, value in root.value:
            if isinstance(key, yaml.ScalarNode) and key.value == "kind":
                name = value.value.strip() if isinstance(value, yaml.ScalarNode) else ""
                if name in kinds:
                    return kinds[name]
                message = f"there is no kind of destination {name}" if name else "kind is one word"
                self.source.wrong(value, message, did_you_mean(name, kinds), f"kinds are {listed(kinds)}")
                return None
        return kinds[DEFAULT_KIND]

    def _has_minimum_in_vain(self, root: yaml.MappingNode, kind: DestinationKind) -> bool:
        """True, with a problem, for a minimum where no list is kept: who was told of whom is not known there."""
        if MINIMUM in kind.keys:
            return False
        keys = [key for key, _ in root.value if isinstance(key, yaml.ScalarNode) and key.value == MINIMUM]
        for key in keys:
            kinds = [name for name, each in known_kinds().items() if MINIMUM in each.keys]
            self.source.wrong(
                key,
                f"the kind {kind.name} has no {MINIMUM}: it keeps no list, so what it held back would be lost",
                f"write kind: {listed(kinds)}, or ask in the segment: segment_size('...') >= 500",
            )
        return bool(keys)

    def _minimum_members(self, fields: Fields) -> int:
        number = self._values.number(fields, MINIMUM, 2, MINIMUM_MEMBERS_MAX)
        if number is not None and number != int(number):
            fields.wrong(MINIMUM, f"{MINIMUM} is {number}, no whole number", "write 500")
        return int(number or 0)

    def _segments(self, fields: Fields, kind: DestinationKind) -> frozenset[str] | None:
        if "segment" in kind.keys:
            return frozenset({fields.text("segment")}) if "segment" in fields else None
        return frozenset(fields.texts("segments")) if "segments" in fields else None

    def _changes(self, fields: Fields) -> Sequence[ChangeKind] | None:
        if "changes" not in fields:
            return None
        found = fields.scalars("changes")
        for node in found:
            if node.value not in CHANGE_KINDS:
                self.source.wrong(node, f"there is no change {node.value}", did_you_mean(node.value, CHANGE_KINDS))
        given = [node.value for node in found]
        return [kind for kind in CHANGE_KINDS if kind in given]

    def _batch(self, fields: Fields, kind: DestinationKind) -> Batch:
        plain = Batch(changes_max=kind.batch_max, wait_ms=kind.batch_wait_ms)
        batch = self._values.nested(fields, "batch", BATCH_KEYS)
        if batch is None:
            return plain
        changes_max = self._values.count(batch, "changes", 1, kind.batch_max)
        return Batch(
            changes_max=plain.changes_max if changes_max is None else changes_max,
            wait_ms=self._values.duration(batch, "wait", plain.wait_ms, 0, BATCH_WAIT_MS_MAX),
        )

    def _name(self, fields: Fields) -> str:
        name = fields.text("destination")
        if not name:
            self.source.wrong(fields.key("destination"), "this destination has no name", EXAMPLE)
        elif not NAME.fullmatch(name) or len(name) > 64:
            fields.wrong("destination", f"{name} is no name", "small letters, digits and -, at most 64 characters")
        return name

    def _retry(self, fields: Fields) -> Retry:
        retry = self._values.nested(fields, "retry", ("first", "longest", "give_up"))
        if retry is None:
            return Retry()
        plain = Retry()
        made = Retry(
            first_ms=self._values.duration(retry, "first", plain.first_ms, 10, 3_600_000),
            longest_ms=self._values.duration(retry, "longest", plain.longest_ms, 100, 86_400_000),
            give_up_ms=self._values.duration(retry, "give_up", plain.give_up_ms, 1_000, 30 * 86_400_000),
        )
        if made.first_ms > made.longest_ms:
            retry.wrong("first", "first is longer than longest")
        return made
