"""The paths of one person. All want the right `people`."""

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from msgspec import UNSET, UnsetType

from app.console.reasons import Reasons, deciding
from app.offline.person import Key
from app.segments.definitions.definition import Catalog, Segment
from app.service.definitions import Definitions
from app.service.http.http_problem import Problem
from app.service.http.openapi import problems, security
from app.service.questions.evaluation import Standing, ValueStanding
from app.service.questions.memberships import Membership, Memberships
from app.service.questions.profiles import Profiles
from app.service.questions.queries import Queries
from app.web.access.gate import Asked, Gate
from app.web.condition_words import words_of
from app.web.live_changes import LiveChanges
from app.web.texts import say, translated
from app.web.timeline import KEYS_MAX, Timeline, Timelines

READING = (400, 401, 403, 503)
UserParameter = Annotated[str, QueryParameter(name="user", description="The exact id: a userId or an anonymousId")]


class ExplainedValue(ValueStanding, frozen=True, kw_only=True):
    """A person and a value of a segment by value; the fields are those of `Explained`."""

    deciding: list[str]
    said: dict[str, str]


class Explained(Standing, frozen=True, kw_only=True):
    """A person and a segment. `deciding`: the expressions because of which they are in or not; none: not to be told.
    `said`: the expressions in words."""

    deciding: list[str]
    said: dict[str, str]
    values: list[ExplainedValue] | UnsetType = UNSET  # type: ignore[assignment]  # narrower, and never changed


class PersonView(msgspec.Struct, kw_only=True, frozen=True):
    """A person as the worker's clock stands. `known`: there is a profile. `live`: the memberships in Redis, which are
    those of subscribers; null: `no_live` says why. `segments`: all, in or not, with reasons and what comes next."""

    asked: str
    user: str
    moved_to: str | None
    known: bool
    at: str
    version: str
    keys: list[Key]
    live: list[Membership] | None
    no_live: str | None
    segments: list[Explained]
    remembered: dict[str, Any]


class LiveMemberships(msgspec.Struct, kw_only=True, frozen=True):
    """The memberships of a person in Redis. `user`: them, or whom the key that was asked for has moved to."""

    asked: str
    user: str
    memberships: list[Membership]


class ReadingState(msgspec.Struct, frozen=True):
    """The progress of a question about a person. `share`: of the partition of the profiles, from 0 to 1; null: nobody
    asks this process about them just now."""

    share: float | None


class People:
    """Reads one person at a time from where it is kept."""

    def __init__(self, definitions: Definitions, memberships: Memberships, profiles: Profiles) -> None:
        self._definitions = definitions
        self._memberships = memberships
        self._profiles = profiles

    async def view(self, user: str) -> PersonView:
        """All about a person. Problem 503."""
        catalog, program = await self._definitions.compiled()
        found, live = await asyncio.gather(
            self._profiles.person(user, catalog=catalog, program=program), self._live(user)
        )
        return PersonView(
            asked=found.asked,
            user=found.user,
            moved_to=found.moved_to,
            known=found.known,
            at=found.at,
            version=found.version,
            keys=found.keys,
            live=live if isinstance(live, list) else None,
            no_live=live if isinstance(live, str) else None,
            segments=await asyncio.to_thread(_explained_standings, found.segments, catalog),
            remembered=found.remembered,
        )

    async def at_once(self, user: str) -> LiveMemberships:
        """The segments that Redis knows of. Problem 503."""
        found = await self._memberships.of(user)
        return LiveMemberships(asked=found.path[0], user=found.user, memberships=found.memberships)

    def reading(self, user: str) -> ReadingState:
        """Progress of a question about a person."""
        return ReadingState(self._profiles.share_read(user))

    async def _live(self, user: str) -> list[Membership] | str:
        try:
            return (await self._memberships.of(user)).memberships
        except Problem as problem:
            return translated(problem.body.message)


class PeopleRoutes(Controller):
    """People. The dependencies are the process's."""

    tags = ("people",)

    @get("/console/v1/people", summary="A person", responses=problems(*READING), security=security("session"))
    async def person(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        people: NamedDependency[People],
        queries: NamedDependency[Queries],
        user: UserParameter,
    ) -> PersonView:
        """All segments of a person, in or not, with reasons and what comes next; their keys, consent and lists."""
        gate.need(request, "people")
        return await people.view(queries.key_of(user))

    @get(
        "/console/v1/people/memberships",
        summary="The segments of a person",
        responses=problems(*READING),
        security=security("session"),
    )
    async def memberships(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        people: NamedDependency[People],
        queries: NamedDependency[Queries],
        user: UserParameter,
    ) -> LiveMemberships:
        """The segments of a person as Redis has them, without reasons: no topic is read, so it answers at once."""
        gate.need(request, "people")
        return await people.at_once(queries.key_of(user))

    @get(
        "/console/v1/people/reading",
        summary="How far a question about a person is",
        responses=problems(*READING),
        security=security("session"),
        sync_to_thread=False,
    )
    def reading(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        people: NamedDependency[People],
        queries: NamedDependency[Queries],
        user: UserParameter,
    ) -> ReadingState:
        """The share of the profiles that `GET people` has read for this person: a page shows it meanwhile."""
        gate.need(request, "people")
        return people.reading(queries.key_of(user))

    @get(
        "/console/v1/people/timeline",
        summary="What a person did and what changed",
        responses=problems(*READING),
        security=security("session"),
    )
    async def timeline(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        timelines: NamedDependency[Timelines],
        live: NamedDependency[LiveChanges],
        queries: NamedDependency[Queries],
        user: UserParameter,
        key: Annotated[list[str] | None, QueryParameter(name="key", description="Further keys of the person")] = None,
        before: Annotated[str | None, QueryParameter(name="before", description="earlier of the answer before")] = None,
    ) -> Timeline:
        """Events and changes, the newest first, as far back as the topics were read: some thousand records."""
        gate.need(request, "people")
        others = key or []
        if len(others) >= KEYS_MAX:
            raise Problem(400, "too-many", say("refused_many_keys", n=len(others), most=KEYS_MAX - 1))
        found = await timelines.of({queries.key_of(each) for each in (user, *others)}, before=before)
        reasons = live.reasons()
        return msgspec.structs.replace(found, items=[_explained(each, reasons) for each in found.items])


def _explained_standings(standings: list[Standing], catalog: Catalog) -> list[Explained]:
    by_name = {each.name: each for each in catalog.segments}
    return [_explained_standing(each, by_name[each.segment]) for each in standings]


def _explained_standing(standing: Standing, segment: Segment) -> Explained:
    values = standing.values
    if values is not UNSET:
        values = [ExplainedValue(**_fields(each), **_told(each, segment)) for each in values]
    return Explained(**_fields(standing) | {"values": values}, **_told(standing, segment))


def _fields(standing: Standing | ValueStanding) -> dict[str, Any]:
    return {name: getattr(standing, name) for name in standing.__struct_fields__}


def _told(standing: Standing | ValueStanding, segment: Segment) -> dict[str, Any]:
    evidence = [{"expression": atom.expression, "value": atom.value} for atom in standing.because]
    why = deciding(segment, evidence, inside=standing.inside) if evidence else []
    return {"deciding": why, "said": {atom.expression: words_of(atom.expression) for atom in standing.because}}


def _explained(item: Any, reasons: Reasons | None) -> Any:
    if item.kind != "change" or reasons is None or "evidence" not in item.value:
        return item
    return msgspec.structs.replace(item, value={**item.value, "why": reasons.of(item.value)})
