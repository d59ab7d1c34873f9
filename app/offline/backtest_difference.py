"""Two catalogs over the same history: who would enter, who would leave, if the second took the place of the first."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import msgspec

from app.offline.backtest import Summary
from app.segments.definitions.catalog import definition_version
from app.segments.definitions.definition import Catalog, Definition
from app.segments.definitions.dependencies import Reference, references
from app.segments.definitions.drafts import with_drafts
from app.segments.evaluation.change import Change
from app.segments.language.names import model_of

Fate: TypeAlias = Literal["new", "gone", "changed", "below", "same"]


@dataclass(slots=True)
class Members:
    """Members of each segment, now and ever; hears the changes of a backtest. `inside`: segment -> user -> since.

    `values`: of a segment by value, by which ones a user is in. `said`: segment -> a digest, within this process, of
    what its changes say and when, in whatever order.
    """

    inside: dict[str, dict[str, str]] = field(default_factory=dict)
    ever: dict[str, set[str]] = field(default_factory=dict)
    values: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    said: Counter[str] = field(default_factory=Counter)

    def hear(self, change: Change) -> None:
        """One more change."""
        told = (change.user, repr(change.value), change.change, change.at, repr(change.attach))
        self.said[change.segment] += hash(told)
        values = self.values.setdefault((change.segment, change.user), set()) if change.value is not None else set()
        if change.change == "entered":
            if not values:
                self.inside.setdefault(change.segment, {})[change.user] = change.at
            values.add(repr(change.value))
            self.ever.setdefault(change.segment, set()).add(change.user)
        elif change.change == "exited":
            values.discard(repr(change.value))
            if values:
                return
            self.inside.get(change.segment, {}).pop(change.user, None)


@dataclass(frozen=True, slots=True)
class SegmentDifference:
    """One segment in both catalogs; pairs are (first, second).

    `fate` `below`: the definition is the same, but not those that it uses, which `below` names.
    `enter`, `leave`: user -> instant of entry (in the catalog under which they are in). `ever_only`: users who were in
    at some time under one catalog and never under the other. `otherwise`: some change comes at another instant or with
    other values.
    """

    name: str
    fate: Fate
    members: tuple[int, int]
    enter: dict[str, str]
    leave: dict[str, str]
    entries: tuple[int, int]
    exits: tuple[int, int]
    updates: tuple[int, int]
    ever_only: tuple[int, int]
    otherwise: bool
    below: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """True if somebody would enter, leave or change who would not, or not so often."""
        pairs = (self.members, self.entries, self.exits, self.updates)
        return bool(self.enter or self.leave or any(self.ever_only) or any(first != second for first, second in pairs))


def differences(
    catalogs: tuple[Catalog, Catalog], members: tuple[Members, Members], summaries: tuple[Summary, Summary]
) -> list[SegmentDifference]:
    """Every segment of either catalog, in order of names."""
    first, second = (_versions(catalog) for catalog in catalogs)
    names = {each.name for versions in (first, second) for each in versions if each.kind == "segment"}
    visible = sorted(name for name in names if model_of(name) is None)
    return [_difference(name, (first, second), members, summaries) for name in visible]


_Versions: TypeAlias = dict[Reference, tuple[str, frozenset[Reference]]]
"""The version of each live definition, and what it uses, also through others."""


def _versions(catalog: Catalog) -> _Versions:
    live = with_drafts(catalog)
    definitions: dict[Reference, Definition] = {
        **{Reference("segment", each.name): each for each in live.segments if each.status == "live"},
        **{Reference("segment", each.name): each for each in live.models},
        **{Reference("score", each.name): each for each in live.scores},
    }
    return {
        reference: (definition_version(definition), _used(reference, definitions))
        for reference, definition in definitions.items()
    }


def _used(reference: Reference, definitions: Mapping[Reference, Definition]) -> frozenset[Reference]:
    used: set[Reference] = set()
    waiting = [reference]
    while waiting:
        definition = definitions.get(waiting.pop())
        new = set(references(definition)) - used if definition is not None else set()
        used |= new
        waiting.extend(new)
    return frozenset(used)


def _fate(name: str, first: _Versions, second: _Versions) -> tuple[Fate, tuple[str, ...]]:
    own = Reference("segment", name)
    if own not in first or own not in second:
        return ("new" if own in second else "gone"), ()
    if first[own][0] != second[own][0]:
        return "changed", ()
    used = first[own][1] | second[own][1]
    below = sorted(
        f"{each.kind} {each.name}" for each in used if first.get(each, ("",))[0] != second.get(each, ("",))[0]
    )
    return ("below" if below else "same"), tuple(below)


def _difference(
    name: str,
    versions: tuple[_Versions, _Versions],
    members: tuple[Members, Members],
    summaries: tuple[Summary, Summary],
) -> SegmentDifference:
    old, new = (each.inside.get(name, {}) for each in members)
    old_ever, new_ever = (each.ever.get(name, set()) for each in members)
    first, second = summaries
    fate, below = _fate(name, *versions)
    return SegmentDifference(
        name=name,
        fate=fate,
        members=(len(old), len(new)),
        enter={user: since for user, since in new.items() if user not in old},
        leave={user: since for user, since in old.items() if user not in new},
        entries=(first.entries[name], second.entries[name]),
        exits=(first.exits[name], second.exits[name]),
        updates=(first.updates[name], second.updates[name]),
        ever_only=(len(old_ever - new_ever), len(new_ever - old_ever)),
        otherwise=members[0].said[name] != members[1].said[name],
        below=below,
    )


def difference_lines(found: list[SegmentDifference]) -> Iterator[bytes]:
    """Everybody who would enter or leave, as JSON lines, ordered by segment and user."""
    for each in found:
        moves = {user: ("enter", since) for user, since in each.enter.items()}
        moves |= {user: ("leave", since) for user, since in each.leave.items()}
        for user in sorted(moves):
            would, since = moves[user]
            yield msgspec.json.encode({"segment": each.name, "user": user, "would": would, "since": since})
