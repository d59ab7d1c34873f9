"""Segments for people: a list of all with their sizes, and one with its text, words, neighbours and destinations."""

import os
import time
from dataclasses import replace
from typing import Final

import msgspec

from app.console.plan_view import kinds_read
from app.destinations.destination import Destination
from app.destinations.folder import load_destinations
from app.errors import UserError
from app.population.freshness import Freshness, changed_segment, event_kinds, freshness, read_tail
from app.population.membership_sets import MembershipSets
from app.population.sizes import DAY_MS, Period, size_at
from app.runtime.kafka.clients import connect
from app.segments.definitions.definition import Catalog, Definition, Segment
from app.segments.definitions.dependencies import references
from app.segments.language import canonical
from app.segments.review.footprint import footprints
from app.service.definitions import Definitions
from app.service.http.http_problem import Problem
from app.service.questions.memberships import Memberships
from app.settings import Settings
from app.web.change_feed import ChangeFeed
from app.web.condition_words import Condition, conditions_of
from app.web.texts import say, translated

SIZES_FRESH_S: Final = 2.0
FRESHNESS_FRESH_S: Final = 20.0
FRESHNESS_RECORDS: Final = 2_000


class SegmentRow(msgspec.Struct, kw_only=True, frozen=True):
    """A segment in a list. `users`, `day_ago`: null where nothing is known. `entered`, `exited`: lately."""

    name: str
    title: str
    description: str
    status: str
    tags: list[str]
    owner: str
    users: int | None
    day_ago: int | None
    entered: int
    exited: int
    destinations: list[str]
    tests: int


class SegmentRows(msgspec.Struct, kw_only=True, frozen=True):
    """All segments. `sizes`: why they are unknown; null: they are known. `since`: of `entered` and `exited`."""

    version: str
    sizes: str | None
    since: str | None
    segments: list[SegmentRow]


class Attached(msgspec.Struct, frozen=True):
    """A value that changes carry."""

    name: str
    expression: str


class PersonaView(msgspec.Struct, kw_only=True, frozen=True):
    """The kind of people in a segment. Empty: nothing is said."""

    name: str
    traits: list[str]
    picture: str
    offer: str


class SegmentView(msgspec.Struct, kw_only=True, frozen=True):
    """One segment. `needs`, `needed_by`: other definitions. `bytes`: what it may need of a profile.

    `each`: the property by whose values there are memberships; null: one a user.
    """

    name: str
    title: str
    description: str
    status: str
    tags: list[str]
    owner: str
    path: str
    text: str
    each: str | None
    conditions: tuple[Condition, ...]
    attach: list[Attached]
    needs: list[str]
    needed_by: list[str]
    destinations: list[str]
    tests: list[str]
    bytes_max: int
    persona: PersonaView | None


def with_needs(catalog: Catalog, definition: Definition) -> Catalog:
    """A definition with all that it uses: thousands of others would only take time."""
    every: list[Definition] = [*catalog.definitions]
    known = {each.name: each for each in every}
    wanted: set[str] = set()
    waiting: list[Definition] = [definition]
    while waiting:
        each = waiting.pop()
        if each.name not in wanted:
            wanted.add(each.name)
            waiting += [known[used.name] for used in references(each) if used.name in known]
    return replace(
        catalog,
        segments=tuple(each for each in catalog.segments if each.name in wanted),
        scores=tuple(each for each in catalog.scores if each.name in wanted),
        models=tuple(each for each in catalog.models if each.name in wanted),
    )


class CatalogView:
    """Views of the catalog that the process knows."""

    def __init__(
        self, settings: Settings, definitions: Definitions, memberships: Memberships, feed: ChangeFeed
    ) -> None:
        self._settings = settings
        self._definitions = definitions
        self._memberships = memberships
        self._feed = feed
        self._sizes: tuple[float, str, dict[str, tuple[int, int | None]]] = (-1e9, "", {})
        self._fresh: tuple[float, Freshness | None] = (-1e9, None)

    @property
    def catalog(self) -> Catalog:
        """The catalog. Problem 503 while none is known."""
        return self._definitions.catalog

    def segment(self, name: str) -> Segment:
        """A segment by name. Problem 404."""
        for each in self.catalog.segments:
            if each.name == name:
                return each
        raise Problem(404, "no-segment", say("refused_no_segment", name=f"{name!r:.80}"))

    def live_segment(self, name: str) -> Segment:
        """A segment that has members. Problem 404."""
        if (found := self.segment(name)).status == "live":
            return found
        raise Problem(404, "not-live", say(f"refused_not_live_{found.status}", name=name[:80]))

    async def rows(self) -> SegmentRows:
        """All segments, also without Redis."""
        catalog = self.catalog
        why_no_sizes, sizes = None, {}
        try:
            sizes = await self._sizes_of(catalog)
        except Problem as problem:
            why_no_sizes = translated(problem.body.message)
        activity, feeding = self._feed.activity(), self.destinations_of(catalog)
        rows = []
        for each in sorted(catalog.segments, key=lambda each: each.name):
            users, day_ago = sizes.get(each.name, (None, None))
            lately = activity.get(each.name)
            rows.append(
                SegmentRow(
                    name=each.name,
                    title=each.title,
                    description=each.description,
                    status=each.status,
                    tags=list(each.tags),
                    owner=each.owner,
                    users=users,
                    day_ago=day_ago,
                    entered=lately.entered if lately else 0,
                    exited=lately.exited if lately else 0,
                    destinations=feeding.get(each.name, []),
                    tests=len(each.tests),
                )
            )
        return SegmentRows(version=catalog.version, sizes=why_no_sizes, since=self._feed.since, segments=rows)

    async def _sizes_of(self, catalog: Catalog) -> dict[str, tuple[int, int | None]]:
        """Users now and a day ago. Problem 503."""
        looked_s, version, known = self._sizes
        if version == catalog.version and time.monotonic() - looked_s < SIZES_FRESH_S:
            return known
        names = [each.name for each in catalog.live_segments]
        period = Period(now_ms=time.time_ns() // 1_000_000, every_ms=self._settings.counts_every_ms)
        day_ago_ms = period.now_ms - DAY_MS

        async def ask(sets: MembershipSets) -> dict[str, tuple[int, int | None]]:
            await sets.ready()
            users = await sets.sizes(names)
            counts = await sets.counts(names, since_ms=day_ago_ms - period.tolerance_ms, until_ms=day_ago_ms)
            return {
                name: (users[name], size_at(some, day_ago_ms, period)) for name, some in zip(names, counts, strict=True)
            }

        found = await self._memberships.report(ask)
        self._sizes = (time.monotonic(), catalog.version, found)
        return found

    def view(self, name: str) -> SegmentView:
        """One segment. Problem 404."""
        catalog, segment = self.catalog, self.segment(name)
        others: list[Definition] = [*catalog.definitions]
        footprint = footprints(with_needs(catalog, segment), self._settings.time_rules).get(name)
        kept = () if footprint is None else footprint.kept
        return SegmentView(
            name=name,
            title=segment.title,
            description=segment.description,
            status=segment.status,
            tags=list(segment.tags),
            owner=segment.owner,
            path=segment.path,
            text=segment.text,
            each=None if segment.each is None else segment.each.text,
            conditions=conditions_of(segment),
            attach=[Attached(each, canonical.text(node)) for each, node in segment.attach],
            needs=sorted({each.name for each in references(segment)}),
            needed_by=sorted({each.name for each in others if any(used.name == name for used in references(each))}),
            destinations=self.destinations_of(catalog).get(name, []),
            tests=[each.name for each in segment.tests],
            bytes_max=sum(each.size.most for each in kept),
            persona=_persona_of(segment),
        )

    def destinations(self) -> list[Destination]:
        """The destinations of the folder. UserError where there is none that can be used."""
        return load_destinations(
            self._settings.destinations, environ=os.environ, private=self._settings.private_destinations
        )

    def destinations_of(self, catalog: Catalog) -> dict[str, list[str]]:
        """For each segment the names of the destinations that it feeds; nothing where the folder cannot be used."""
        try:
            known = self.destinations()
        except UserError:
            return {}
        found: dict[str, list[str]] = {}
        for each in known:
            for name in each.segments if each.segments is not None else [one.name for one in catalog.live_segments]:
                found.setdefault(name, []).append(each.name)
        return found

    async def freshness(self) -> Freshness:
        """The last change of each segment, and the last event of its kinds. Problem 503."""
        looked_s, known = self._fresh
        if known is not None and time.monotonic() - looked_s < FRESHNESS_FRESH_S:
            return known
        kinds = kinds_read(self.catalog, self._settings.time_rules)
        newest = await self._memberships.report(lambda sets: sets.newest(list(kinds)))
        client = await connect(self._settings)
        try:
            changes = await read_tail(
                client,
                self._settings,
                self._settings.topics.changes,
                records_max=FRESHNESS_RECORDS,
                wanted=kinds,
                names_of=changed_segment,
            )
            events = await read_tail(
                client,
                self._settings,
                self._settings.topics.clickstream,
                records_max=FRESHNESS_RECORDS,
                wanted={kind for each in kinds.values() for kind in each},
                names_of=event_kinds,
            )
        finally:
            await client.close()
        now_ms = time.time_ns() // 1_000_000
        found = freshness(kinds, now_ms=now_ms, changes=changes, events=events, newest=newest)
        self._fresh = (time.monotonic(), found)
        return found


def _persona_of(segment: Segment) -> PersonaView | None:
    found = segment.persona
    if found is None:
        return None
    return PersonaView(name=found.name, traits=list(found.traits), picture=found.picture, offer=found.offer)
