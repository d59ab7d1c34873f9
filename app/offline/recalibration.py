"""The difference between published clusters and those of newer rows, and the files that would take their place."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from re import compile as compiled
from typing import Final

import yaml

from app.offline.clustering import Clustering

NONE: Final = "none"
"""In flows: users whom no condition of a cluster lets in."""
_GENERATED: Final = compiled(r"[0-9.]+ % of [0-9,]+ users of features ")


@dataclass(frozen=True, slots=True)
class Shift:
    """A column in which the centre of a cluster moves. distance: of the means, in standard deviations of all users."""

    column: str
    before: float | None
    after: float | None
    distance: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """One cluster by its published condition and by the new one. before, after: its users; 0 where it has none."""

    segment: str
    before: int
    after: int
    shifts: tuple[Shift, ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """A cluster of the rows that was too small, and the one that took it in."""

    name: str
    users: int
    into: str


@dataclass(frozen=True, slots=True)
class Recalibration:
    """Published clusters against new ones, on the same rows.

    agreement: adjusted Rand index of both. moved: users who would be in another cluster than now. outside, several:
    those whom no published condition lets in, and more than one. flows: (from, to, users), the largest first.
    clustering: the new ones; a cluster that takes the place of a published one has its name.
    """

    users: int
    agreement: float
    moved: int
    outside: int
    several: int
    clusters: tuple[Comparison, ...]
    flows: tuple[tuple[str, str, int], ...]
    merged: tuple[Merged, ...]
    clustering: Clustering

    @property
    def share_moved(self) -> float:
        """The part of all users who would be in another cluster."""
        return self.moved / self.users


def with_condition(text: str, condition: Sequence[str], description: str) -> str:
    """A definition file with another condition, as a draft; all else stays, remarks and tests too.

    description: takes the place of one that `shoal cluster` has written; one that a person has written stays.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode), "a definition is a mapping"
    nodes = {key.value: (key, value) for key, value in root.value}
    lines = {"when": ["when: >", *(f"  {line}" for line in condition)], "status": ["status: draft"]}
    if "description" in nodes and _GENERATED.match(nodes["description"][1].value):
        dumped = yaml.safe_dump({"description": description}, allow_unicode=True, width=110)
        lines["description"] = dumped.rstrip("\n").split("\n")
    if "status" not in nodes:
        lines["when"] = [*lines.pop("status"), *lines["when"]]
    places = [(nodes[name][0].start_mark.index, nodes[name][1].end_mark.index, made) for name, made in lines.items()]
    for begin, end, made in sorted(places, reverse=True):
        text = text[:begin] + "\n".join(made) + "\n" + _rest(text, end)
    return text


def _rest(text: str, end: int) -> str:
    """The text behind a value, from the next line on: a remark on its line belongs to what was there."""
    return text[end:] if text[:end].endswith("\n") else text[end:].partition("\n")[2]


def is_in_lines(text: str) -> bool:
    """True if a definition file is written in lines `key: value`, so that one of them can be replaced."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return isinstance(root, yaml.MappingNode) and not root.flow_style


def name_for(name: str, taken: Collection[str]) -> str:
    """A name that no published cluster has.

    >>> name_for("rest", {"rest", "rest-2"}), name_for("rest", {"other"})
    ('rest-3', 'rest')
    """
    numbered = (name, *(f"{name}-{number}" for number in range(2, len(taken) + 3)))
    return next(each for each in numbered if each not in taken)
