"""The paths of the overview, of health, and of destinations."""

import asyncio

import msgspec
from litestar import Controller, get
from litestar.di import NamedDependency

from app.destinations.status import Status, read_status
from app.errors import UserError
from app.service.http.http_problem import Problem
from app.service.http.openapi import problems, security
from app.settings import Settings
from app.web.access.gate import Asked, Gate
from app.web.catalog_view import CatalogView
from app.web.change_feed import ChangeFeed
from app.web.pulse import Letters, Pulse, Pulses
from app.web.texts import say

STATUS_TIMEOUT_S = 15.0


class Health(msgspec.Struct, kw_only=True, frozen=True):
    """The state of what runs. `version`: of the definitions here; null: none are known."""

    pulse: Pulse
    changes_per_s: float
    version: str | None
    catalog: str
    segments: int


class DestinationState(msgspec.Struct, kw_only=True, frozen=True):
    """A destination. `segments`: null: all. `behind`: changes since its positions; null: it never ran.

    `paused_since`, `status`, `detail`: of one that refused too often, or that holds changes back (`held`).
    """

    name: str
    kind: str
    path: str
    segments: list[str] | None
    changes: list[str]
    behind: int | None
    paused_since: str | None
    status: str | None
    detail: str | None


class DestinationStates(msgspec.Struct, kw_only=True, frozen=True):
    """All destinations. `missing`: why there are none; null: there are some."""

    folder: str
    missing: str | None
    destinations: list[DestinationState]


class OperationRoutes(Controller):
    """States. The dependencies are the process's."""

    tags = ("operations",)

    @get("/console/v1/health", summary="What runs", responses=problems(401, 403, 503), security=security("session"))
    async def health(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        pulses: NamedDependency[Pulses],
        feed: NamedDependency[ChangeFeed],
        catalog_view: NamedDependency[CatalogView],
        settings: NamedDependency[Settings],
    ) -> Health:
        """Partitions, how far workers are, events and changes a second, dead and late letters with their reasons."""
        visitor = gate.need(request, "see")
        pulse = await pulses.now()
        if visitor.mask.hides:
            pulse = _without_people(pulse)
        try:
            catalog = catalog_view.catalog
        except Problem:
            catalog = None
        return Health(
            pulse=pulse,
            changes_per_s=feed.changes_per_s,
            version=None if catalog is None else catalog.version,
            catalog=settings.catalog,
            segments=0 if catalog is None else len(catalog.segments),
        )

    @get(
        "/console/v1/destinations",
        summary="Where changes go",
        responses=problems(401, 403, 503),
        security=security("session"),
    )
    async def destinations(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        catalog_view: NamedDependency[CatalogView],
        settings: NamedDependency[Settings],
    ) -> DestinationStates:
        """The destinations of the folder, how far each is, and whether it is paused."""
        gate.need(request, "see")
        folder = str(settings.destinations)
        try:
            found = await asyncio.to_thread(catalog_view.destinations)
        except UserError as error:
            is_there = settings.destinations.exists()
            missing = str(error) if is_there else say("refused_destinations_folder", folder=folder)
            return DestinationStates(folder=folder, missing=missing, destinations=[])
        try:
            async with asyncio.timeout(STATUS_TIMEOUT_S):
                states = {each.name: each for each in await read_status(settings, found)}
        except (UserError, TimeoutError, OSError):
            raise Problem(503, "kafka", say("refused_kafka_silent"), retry_after_s=3) from None
        return DestinationStates(
            folder=folder,
            missing=None,
            destinations=[
                DestinationState(
                    name=each.name,
                    kind=each.kind,
                    path=each.path,
                    segments=None if each.segments is None else sorted(each.segments),
                    changes=[str(kind) for kind in each.target.changes],
                    behind=states[each.name].behind,
                    paused_since=since,
                    status=status,
                    detail=detail,
                )
                for each in found
                for since, status, detail in [_stop_of(states[each.name])]
            ],
        )


def _stop_of(status: Status) -> tuple[str | None, str | None, str | None]:
    """Since when a destination is paused, or holds changes back, and why; nothing where it does neither."""
    if status.pause is not None:
        return status.pause.since, status.pause.status, status.pause.detail
    if status.hold is not None:
        return status.hold.since, "held", status.hold.detail
    return None, None, None


def _without_people(pulse: Pulse) -> Pulse:
    """The figures without users, and without details, which quote what they sent."""

    def bare(letters: Letters) -> Letters:
        return msgspec.structs.replace(
            letters, latest=[msgspec.structs.replace(each, user=None, detail="") for each in letters.latest]
        )

    return msgspec.structs.replace(pulse, dead=bare(pulse.dead), late=bare(pulse.late))
