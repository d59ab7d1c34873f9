"""The paths of erasures, exports and restrictions of people. All want the right `privacy`."""

from typing import Any

import msgspec
from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ASGIApp

from app.service.http.body import body_of
from app.service.http.openapi import problems, security, with_body
from app.service.routes.export_routes import Exports, ExportStream
from app.settings import Settings
from app.web.access.gate import Asked, Gate
from app.web.privacy import Deeds, PrivacyRows, check_confirmed
from app.web.routes.definition_routes import Drafts
from app.web.routes.openapi import PERSON_ERASURE, PERSON_EXPORT, RESTRICTION

WRITING = (400, 401, 403, 404, 409, 413, 415, 503)


class ErasureAsked(msgspec.Struct, kw_only=True, frozen=True):
    """A person. `confirm`: the same id again. `suppress`: later events are dropped, too. `dry_run`: only their keys."""

    user: str
    confirm: str = ""
    suppress: bool = False
    dry_run: bool = False


class ErasureBegun(msgspec.Struct, kw_only=True, frozen=True):
    """The keys of the person; `written`: workers erase them now."""

    user: str
    keys: list[str]
    written: bool


class ExportAsked(msgspec.Struct, kw_only=True, frozen=True):
    """A person. `confirm`: the same id again."""

    user: str
    confirm: str = ""


class RestrictionAsked(msgspec.Struct, kw_only=True, frozen=True):
    """A person. `on`: restricted; else no longer."""

    user: str
    on: bool = True


class Restricted(msgspec.Struct, kw_only=True, frozen=True):
    """A person, and whether they are on the list `restricted` now."""

    user: str
    on: bool


class PrivacyRoutes(Controller):
    """Deeds for people. The dependencies are the process's."""

    tags = ("privacy",)

    @get(
        "/console/v1/privacy",
        summary="Erasures, exports and restrictions",
        responses=problems(401, 403, 503),
        security=security("session"),
    )
    async def rows(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        drafts: NamedDependency[Drafts],
        deeds: NamedDependency[Deeds],
    ) -> PrivacyRows:
        """The latest ones, with their states; which segments leave out restricted people."""
        gate.need(request, "privacy")
        return await deeds.rows(drafts.catalog)

    @post(
        "/console/v1/privacy/erasures",
        status_code=200,
        summary="Erase a person with all their keys",
        operation_class=with_body(PERSON_ERASURE),
        responses=problems(*WRITING),
        security=security("session"),
    )
    async def erase(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        settings: NamedDependency[Settings],
        deeds: NamedDependency[Deeds],
    ) -> ErasureBegun:
        """All keys or none; it cannot be undone. With `dry_run` it only says which keys these are."""
        by = gate.need(request, "privacy").actor(settings) or ""
        asked: ErasureAsked = await body_of(request, ErasureAsked)
        if asked.dry_run:
            keys = await deeds.keys(asked.user, suppress=asked.suppress, by=by)
            return ErasureBegun(user=asked.user, keys=keys, written=False)
        check_confirmed(asked.user, asked.confirm)
        keys = await deeds.erase(asked.user, suppress=asked.suppress, by=by)
        return ErasureBegun(user=asked.user, keys=keys, written=True)

    @post(
        "/console/v1/privacy/exports",
        status_code=200,
        summary="Everything that is known of a person",
        media_type="application/json",
        operation_class=with_body(PERSON_EXPORT),
        responses={200: ResponseSpec(dict[str, Any], description="As in person.json", generate_examples=False)}
        | problems(400, 401, 403, 404, 413, 415, 503),
        security=security("session"),
    )
    async def export(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        settings: NamedDependency[Settings],
        deeds: NamedDependency[Deeds],
        exports: NamedDependency[Exports],
    ) -> ASGIApp:
        """One JSON object, sent while all topics are read: one export at a time. An answer without its end is
        incomplete."""
        by = gate.need(request, "privacy").actor(settings) or ""
        asked: ExportAsked = await body_of(request, ExportAsked)
        check_confirmed(asked.user, asked.confirm)
        return ExportStream(exports, lambda: deeds.export_deed(asked.user, by=by), asked.user)

    @post(
        "/console/v1/privacy/restrictions",
        status_code=200,
        summary="Restrict a person, or end that",
        operation_class=with_body(RESTRICTION),
        responses=problems(400, 401, 403, 413, 415, 503),
        security=security("session"),
    )
    async def restrict(
        self,
        request: Asked,
        gate: NamedDependency[Gate],
        settings: NamedDependency[Settings],
        deeds: NamedDependency[Deeds],
    ) -> Restricted:
        """Puts them on the list `restricted`, or takes them off it: segments that ask for it change at once."""
        by = gate.need(request, "privacy").actor(settings) or ""
        asked: RestrictionAsked = await body_of(request, RestrictionAsked)
        return Restricted(user=await deeds.restrict(asked.user, on=asked.on, by=by), on=asked.on)
