"""Clusters of users as they were found: sizes, what distinguishes them, outcomes, and the rules that say who is in."""

from dataclasses import dataclass
from typing import Final

AGREEMENT_LEAST: Final = 0.9
"""A number of clusters below it depends on which users happened to be there."""


@dataclass(frozen=True, slots=True)
class Count:
    """Quality of a number of clusters. `smallest`: users of the smallest one."""

    clusters: int
    agreement: float
    silhouette: float
    smallest: int


@dataclass(frozen=True, slots=True)
class Trait:
    """A column in which a cluster differs. `distance`: of its mean from that of all others, in standard deviations.

    The medians are those of users who have a value; None: nobody has one.
    """

    column: str
    median: float | None
    median_of_all: float | None
    distance: float

    @property
    def said(self) -> str:
        """The column with both medians, for people."""
        own, of_all = ("none" if each is None else f"{each:.4g}" for each in (self.median, self.median_of_all))
        return f"{self.column} {own} ({of_all})"


@dataclass(frozen=True, slots=True)
class Split:
    """One step of the tree: the column, and if the value is above the threshold, or missing where that goes along.

    threshold: infinite, every known value is below it.
    """

    column: str
    threshold: float
    above: bool
    with_missing: bool


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster. rules: any of them holds for who is in; each is a path of the tree. recall: the part of its users
    that the rules find. outcomes: label -> mean of its users, mean of all."""

    name: str
    users: int
    share: float
    traits: tuple[Trait, ...]
    rules: tuple[tuple[Split, ...], ...]
    recall: float
    outcomes: dict[str, tuple[float | None, float | None]]


@dataclass(frozen=True, slots=True)
class Clustering:
    """The clusters that were found. accuracy: the part of users that were held back whom the rules put right."""

    users: int
    counts: tuple[Count, ...]
    clusters: tuple[Cluster, ...]
    accuracy: float
    is_stable: bool
