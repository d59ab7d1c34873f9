"""The path of static lists. It wants an admin key."""

import time
from typing import Final

import msgspec
from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.events.collected import Collected
from app.events.list_record import ListRecord, is_list_name, write_list_record
from app.events.message import USER_BYTES_MAX
from app.service.access.audit import Audit
from app.service.collect.clickstream import ClickstreamWriter, UnavailableError
from app.service.http.body import body_of
from app.service.http.framework import Asked
from app.service.http.http_problem import Problem
from app.service.http.openapi import LISTED, problems, security, with_body
from app.settings import Settings

USERS_MAX: Final = 1_000
RETRY_AFTER_S: Final = 2


class Listed(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Users to put on a list, and users to take off it."""

    add: list[str] = []
    remove: list[str] = []


class ListReceipt(msgspec.Struct, kw_only=True, frozen=True):
    """Numbers of users that the clickstream has records of."""

    list: str
    added: int
    removed: int


class StaticLists:
    """Writes list records. Kafka has acknowledged them when it returns."""

    def __init__(self, settings: Settings, writer: ClickstreamWriter) -> None:
        self._settings = settings
        self._writer = writer

    def checked(self, name: str, wish: Listed) -> list[Collected]:
        """The records of a request. Problem 400 for a name or a user that cannot be used, by its index."""
        if not is_list_name(name):
            raise Problem(400, "list", f"{name!r:.80} is no name of a list: small letters, digits and hyphens")
        if not 0 < len(wish.add) + len(wish.remove) <= USERS_MAX:
            raise Problem(400, "users", f"give 1 to {USERS_MAX:,} users in add and remove, not more at once")
        received_ms = time.time_ns() // 1_000_000
        rows = []
        for field, users, on in (("remove", wish.remove, False), ("add", wish.add, True)):
            record = ListRecord(app=self._settings.app_id, name=name, on=on, at_ms=received_ms)
            value = write_list_record(record)
            rows += [Collected(self._key(field, number, user), value, received_ms) for number, user in enumerate(users)]
        return rows

    async def write(self, rows: list[Collected]) -> None:
        """Problem 503 if Kafka does not acknowledge; what is written again counts once."""
        try:
            await self._writer.write(rows)
        except UnavailableError as error:
            raise Problem(503, "kafka", str(error), retry_after_s=RETRY_AFTER_S) from error

    def _key(self, field: str, number: int, user: str) -> bytes:
        found = self._settings.incoming_ids.id_of(user)
        if found is None or "\x00" in found or len(found.encode(errors="replace")) > USER_BYTES_MAX:
            raise Problem(400, "user", f"{field}[{number}] names nobody: nothing of this request was written")
        return found.encode(errors="replace")


class ListRoutes(Controller):
    """Static lists. The dependencies `lists` and `audit` are the process's."""

    tags = ("administer",)

    @post(
        "/v1/lists/{name:str}",
        status_code=200,
        summary="Put users on a static list, or take them off it",
        operation_class=with_body(LISTED),
        responses=problems(400, 401, 403, 413, 415, 503),
        security=security("adminKey"),
    )
    async def change_list(
        self, request: Asked, lists: NamedDependency[StaticLists], audit: NamedDependency[Audit], name: FromPath[str]
    ) -> ListReceipt:
        """At most 1,000 users. Nothing is written if one of them names nobody. Users in both are on the list."""
        async with audit.deed(request.headers, "lists.write"):
            wish: Listed = await body_of(request, Listed)
            rows = lists.checked(name, wish)
            await lists.write(rows)
            return ListReceipt(list=name, added=len(wish.add), removed=len(wish.remove))
