"""Settings of libraries, for which they ask when they start: to send here, and to nobody else."""

from typing import Annotated, Any, Final

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from app.service.access.access import Access
from app.service.http.framework import Asked
from app.service.http.openapi import problems, security
from app.service.incoming.event_batch import key_of_basic
from app.settings import Settings

#: RudderStack's libraries keep their settings until this changes; it never does.
UPDATED_AT: Final = "2026-01-01T00:00:00.000Z"


class LibrarySettings:
    """Answers libraries that ask with a write key. Problem 401 or 403 for one that is none."""

    def __init__(self, settings: Settings, access: Access) -> None:
        self._public_url = settings.public_url.rstrip("/")
        self._access = access

    def for_segment(self, write_key: str, *, base_url: str) -> dict[str, Any]:
        """For Segment's libraries for pages and apps."""
        self._access.write_keys.name_of(write_key)
        scheme, _, host = (self._public_url or base_url.rstrip("/")).partition("://")
        segment = {
            "apiKey": write_key,
            "apiHost": f"{host}/v1",
            "protocol": scheme,
            "unbundledIntegrations": [],
            "addBundledMetadata": False,
            "maybeBundledConfigIds": {},
            "versionSettings": {"version": "4.4.7", "componentTypes": ["browser"]},
        }
        everything = {"__default": {"enabled": True, "integrations": {}}}
        return {
            "integrations": {"Segment.io": segment},
            "plan": {"track": everything, "identify": everything, "group": everything},
            "edgeFunction": {},
            "analyticsNextEnabled": True,
            "middlewareSettings": {},
            "enabledMiddleware": {},
            "metrics": {"sampleRate": 0},
            "legacyVideoPluginsEnabled": False,
            "remotePlugins": [],
        }

    def for_rudderstack(self, write_key: str | None) -> dict[str, Any]:
        """For RudderStack's libraries for pages and apps: no destinations, no reports to RudderStack."""
        name = self._access.write_keys.name_of(write_key)
        off = {"enabled": False}
        source: dict[str, Any] = {
            "id": name,
            "name": name,
            "writeKey": write_key,
            "enabled": True,
            "workspaceId": "shoal",
            "config": {"statsCollection": {"errors": off, "metrics": off}},
            "connections": [],
            "destinations": [],
            "updatedAt": UPDATED_AT,
        }
        return {"source": source, "updatedAt": UPDATED_AT, "isHosted": False}


class LibrarySettingsRoutes(Controller):
    """Settings of libraries. The dependency `library_settings` is the process's."""

    tags = ("collect",)

    @get(
        "/v1/projects/{write_key:str}/settings",
        summary="The settings of Segment's libraries",
        responses=problems(400, 401, 403, 503),
    )
    async def segment_settings(
        self, request: Asked, write_key: FromPath[str], library_settings: NamedDependency[LibrarySettings]
    ) -> dict[str, Any]:
        """Settings that analytics.js and Segment's libraries for apps ask for when they start."""
        return library_settings.for_segment(write_key, base_url=str(request.base_url))

    @get(
        "/sourceConfig",
        summary="The settings of RudderStack's libraries",
        responses=problems(400, 401, 403, 503),
        security=security("writeKey"),
    )
    async def rudderstack_settings(
        self,
        request: Asked,
        library_settings: NamedDependency[LibrarySettings],
        write_key: Annotated[str | None, QueryParameter(name="writeKey", description="The write key")] = None,
    ) -> dict[str, Any]:
        """Settings that RudderStack's libraries for pages and apps ask for when they start."""
        key = key_of_basic(request.headers.get("authorization")) or write_key
        return library_settings.for_rudderstack(key)
