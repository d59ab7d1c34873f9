"""Feeding a partition in pieces, with restarts, crashes and edits of other definitions in between."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.catalog_settings import CLEANING_FILE, SETTINGS_FILE
from app.segments.definitions.definition import Catalog
from app.segments.evaluation.batch import Batch, UserCount
from app.segments.evaluation.population_histogram import top_threshold
from tests.model.messages import Advance, Clean, Merge, Order, Record, Regroup
from tests.properties.scenario import Scenario, regrouped, settings_of
from tests.support.merging_partition import MergingPartition


def catalog_of(files: Mapping[str, str]) -> Catalog:
    """The catalog of some files. A history asks for the same one several times."""
    return _loaded(tuple(files.items()))


@lru_cache(maxsize=8)
def _loaded(files: tuple[tuple[str, str], ...]) -> Catalog:
    return load_catalog(dict(files))


@dataclass(slots=True)
class Run:
    """Output of a partition: changes by user in order, outcomes by offset, counts."""

    changes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    outcomes: dict[int, str] = field(default_factory=dict)
    late_ms: dict[int, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    clock_ms: int = -1
    users: int = 0
    members: dict[str, int] = field(default_factory=dict)
    changelog: dict[str, tuple[bytes | None, int]] = field(default_factory=dict)
    links: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    counted: dict[int, dict[str, int | float | None]] = field(default_factory=dict)

    def gather(self, batch: Batch) -> None:
        self.counts["accepted"] += batch.accepted
        self.counts["duplicate"] += batch.duplicates
        self.links.update((each.source, each.to, each.result) for each in batch.linked)
        for count in batch.counts:
            self.counted.setdefault(count.census, numbers_of(count))
        for change in batch.changes:
            said = json.loads(change.encode())
            self.changes.setdefault(said["user"], []).append(said)
        for letter in batch.dead:
            self.outcomes[letter.record.offset] = f"dead: {letter.reason}"
        for late in batch.late:
            self.outcomes[late.record.offset] = "late"
            self.late_ms[late.record.offset] = late.late_ms
        for user, profile in batch.profiles.items():
            self.changelog[user] = profile, batch.next_offset


def numbers_of(count: UserCount) -> dict[str, int | float | None]:
    """The numbers, were the users of a partition all there are."""
    found: dict[str, int | float | None] = {f"segment_size('{name}')": size for name, size in count.members.items()}
    for parts, users in count.measures.values():
        found |= {name: top_threshold(users, part) for name, part in parts.items()}
    return found


@dataclass(slots=True)
class Player:
    """One partition, replaced by a restored one now and then."""

    scenario: Scenario
    run: Run = field(default_factory=Run)
    waiting: list[Record] = field(default_factory=list)
    edits: int = 0
    lives: int = 0
    settings: str | None = None
    groups: Regroup | None = None
    cleaning: str | None = None
    partition: MergingPartition = field(init=False)

    def __post_init__(self) -> None:
        self.partition = self.new_partition()

    def new_partition(self) -> MergingPartition:
        """With the definitions as they are now: those of the scenario and those that somebody else has written.

        Every other one does without the fast path, in one half of the scenarios the first.
        """
        self.lives += 1
        fast = (self.lives + len(self.scenario.moments)) % 2 == 0
        others = self.scenario.others
        files = self.scenario.files | (others[self.edits % len(others)] if others else {})
        if self.settings is not None:
            files |= {SETTINGS_FILE: self.settings}
        if self.groups is not None:
            files = regrouped(files, self.groups)
        if self.cleaning is not None:
            files = {path: text for path, text in files.items() if path != CLEANING_FILE}
            files |= {CLEANING_FILE: self.cleaning} if self.cleaning else {}
        program = compile_catalog(catalog_of(files), self.scenario.rules)
        return MergingPartition(
            program,
            self.scenario.rules,
            fast=fast,
            timers_max=self.scenario.timers_max,
            alone=self.scenario.is_of_people,
        )

    def play(self) -> Run:
        for step, pause in self.scenario.moments:
            if isinstance(step, Advance):
                self.flush()
                self.run.gather(self.partition.advance(step.clock_ms))
            elif isinstance(step, Merge):
                self.flush()
                self.run.gather(self.partition.merge(step.user, step.given))
            elif isinstance(step, Regroup):
                self.flush()
                self.finish()
                self.groups = step
                self.adopt()
            elif isinstance(step, Clean):
                self.flush()
                self.finish()
                self.cleaning = step.text
                self.adopt()
            elif isinstance(step, Order):
                self.flush()
                self.finish()
                zone = catalog_of(self.scenario.files).settings.zone
                self.settings = settings_of(step.wait_ms, zone) + self.scenario.unordered
                self.adopt()
            else:
                self.waiting.append(step)
                if len(self.waiting) == self.scenario.records_at_once and pause != "crash":
                    self.flush()
            match pause:
                case "batch":
                    self.flush()
                    self.run.gather(self.partition.sweep(1))
                case "slice":
                    self.flush()
                    self.run.gather(self.partition.advance(self.partition.clock_ms))
                case "restart":
                    self.flush()
                    self.restore(self.partition.position())
                case "crash":
                    self.crash()
                case "edit":
                    self.flush()
                    self.edit()
        self.flush()
        self.run.gather(self.partition.advance(self.scenario.end_ms))
        self.finish()
        self.run.clock_ms = self.partition.clock_ms
        self.run.users = self.partition.users
        self.run.members = dict(self.partition.members())
        return self.run

    def flush(self) -> None:
        """The end of a micro-batch."""
        batch = self.partition.process(self.waiting)
        self.run.gather(batch)
        self.waiting.clear()

    def restore(self, position: bytes) -> None:
        self.partition = self.new_partition()
        self.partition.restore_position(position)
        for user, (profile, offset) in self.run.changelog.items():
            self.partition.restore(user, profile, offset=offset)

    def crash(self) -> None:
        """Profiles and changes of a micro-batch are written, its position is not: the records come again."""
        position, again = self.partition.position(), list(self.waiting)
        self.flush()
        self.restore(position)
        self.run.gather(self.partition.process(again))

    def edit(self) -> None:
        """Other definitions come and go."""
        self.finish()
        self.edits += 1
        self.adopt()

    def finish(self) -> None:
        """Another catalog takes effect when the one before has reached everybody, and its timers have fired."""
        self.sweep()
        self.fire_overdue()

    def adopt(self) -> None:
        self.partition.adopt(self.new_partition().program, clock_ms=self.partition.clock_ms)

    def sweep(self) -> None:
        while self.partition.unswept:
            self.run.gather(self.partition.sweep(2))

    def fire_overdue(self) -> None:
        while self.partition.overdue:
            self.run.gather(self.partition.advance(self.partition.clock_ms))
