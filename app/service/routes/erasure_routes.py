"""The paths that erase people. They want an admin key."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import msgspec
from aiokafka.errors import KafkaError
from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from app.errors import UserError
from app.offline.control_writer import KeyStateError, UnknownKeyError
from app.offline.key_erasure import KeyErasure
from app.runtime.kafka.log_reader import OffsetLostError
from app.service.access.audit import Audit
from app.service.access.named_user import checked, named
from app.service.http.body import body_of
from app.service.http.framework import Asked
from app.service.http.http_problem import Problem
from app.service.http.openapi import ERASURE, problems, security, with_body
from app.settings import Settings

T = TypeVar("T")
TIMEOUT_S: Final = 60.0
RETRY_AFTER_S: Final = 5


class ErasureWish(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """`suppress`: later events of the user are dropped, too."""

    suppress: bool = False


class ErasureReceipt(msgspec.Struct, kw_only=True, frozen=True):
    """The keys of the person, the user first. Kafka has the records; workers erase each key when they come to it."""

    user: str
    keys: list[str]
    suppressed: bool


class SuppressionEnd(msgspec.Struct, kw_only=True, frozen=True):
    """Later events of the user are taken."""

    user: str
    suppressed: bool = False


class Erasures:
    """One erasure at a time, since all have the same transactional id."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turn = asyncio.Lock()

    def named(self, user: str) -> str:
        """The user as the audit log names them."""
        return named(self._settings, user)

    def checked(self, user: str) -> str:
        """The user as keys name them. Problem 400 for one that names nobody."""
        return checked(self._settings, user)

    async def erase(self, user: str, *, suppress: bool) -> ErasureReceipt:
        """Problem 404 for an unknown user, 409 for an id that has moved, 503 if Kafka does not take it in time."""

        async def work(erasure: KeyErasure) -> ErasureReceipt:
            done = await erasure.erase(user, write=True, suppress=suppress)
            return ErasureReceipt(user=user, keys=list(done.keys), suppressed=suppress)

        return await self._do(work)

    async def keys(self, user: str, *, suppress: bool) -> list[str]:
        """The keys that `erase` would erase; nothing is written. Problems as of `erase`."""

        async def work(erasure: KeyErasure) -> list[str]:
            return list((await erasure.erase(user, write=False, suppress=suppress)).keys)

        return await self._do(work)

    async def unsuppress(self, user: str) -> SuppressionEnd:
        """Problem 409 for a user who is not suppressed, 503 if Kafka does not take it in time."""

        async def work(erasure: KeyErasure) -> SuppressionEnd:
            await erasure.unsuppress(user)
            return SuppressionEnd(user=user)

        return await self._do(work)

    async def _do(self, work: Callable[[KeyErasure], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(TIMEOUT_S), self._turn, KeyErasure(self._settings) as erasure:
                return await work(erasure)
        except UnknownKeyError as error:
            raise Problem(404, "unknown-user", error.message) from None
        except KeyStateError as error:
            raise Problem(409, "key-state", error.message) from None
        except TimeoutError:
            said = f"it takes more than {TIMEOUT_S:.0f} s to read the profiles: send it again, or use shoal users erase"
            raise Problem(503, "kafka", said, retry_after_s=RETRY_AFTER_S) from None
        except (UserError, KafkaError, OSError, OffsetLostError) as error:
            said = error.message if isinstance(error, UserError) else "Kafka does not take it; to repeat it is harmless"
            raise Problem(503, "kafka", said, retry_after_s=RETRY_AFTER_S) from error


class ErasureRoutes(Controller):
    """Erasures. The dependencies `erasures` and `audit` are the process's."""

    tags = ("administer",)

    @post(
        "/v1/users/{user:str}/erase",
        status_code=200,
        summary="Erase a person with all their keys",
        operation_class=with_body(ERASURE),
        responses=problems(400, 401, 403, 404, 409, 413, 415, 503),
        security=security("adminKey"),
    )
    async def erase_user(
        self, request: Asked, erasures: NamedDependency[Erasures], audit: NamedDependency[Audit], user: FromPath[str]
    ) -> ErasureReceipt:
        """All keys or none. What the topics have goes with their retention. To send a request again is harmless."""
        async with audit.deed(request.headers, "users.erase", user=erasures.named(user)) as deed:
            known = erasures.checked(user)
            wish: ErasureWish = await body_of(request, ErasureWish)
            receipt = await erasures.erase(known, suppress=wish.suppress)
            deed.details["keys"] = str(len(receipt.keys))
            if wish.suppress:
                deed.details["suppressed"] = "true"
            return receipt

    @post(
        "/v1/users/{user:str}/unsuppress",
        status_code=200,
        summary="Take events of a suppressed user again",
        responses=problems(400, 401, 403, 409, 503),
        security=security("adminKey"),
    )
    async def unsuppress_user(
        self, request: Asked, erasures: NamedDependency[Erasures], audit: NamedDependency[Audit], user: FromPath[str]
    ) -> SuppressionEnd:
        """Events with an earlier time stay dropped. The request has no body."""
        async with audit.deed(request.headers, "users.unsuppress", user=erasures.named(user)):
            return await erasures.unsuppress(erasures.checked(user))
