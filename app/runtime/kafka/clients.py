"""Kafka clients from settings, and their errors in words."""

import asyncio
import logging
import ssl
import time
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import KafkaError, SaslAuthenticationFailed, UnsupportedSaslMechanismError, for_code
from aiokafka.protocol.transaction import InitProducerIdRequest

from app.errors import UserError
from app.runtime.kafka.closing import Client
from app.runtime.pacing.back_off import BackOff
from app.segments.language.durations import format_duration
from app.settings import Settings

INIT_PRODUCER_ID = InitProducerIdRequest.API_KEY
# Loading, not available, not the coordinator: it has one. Not authorized: it would give ids to others.
COORDINATOR_ERRORS = frozenset({14, 15, 16, 31, 53})
RETRY_MS_FIRST, RETRY_MS_MAX = 200, 1_000
LOOK_S = 10.0
REFUSAL_S = 2.0

log = logging.getLogger(__name__)


def connection(settings: Settings) -> dict[str, Any]:
    """The arguments of every aiokafka client, producer and consumer. UserError if its certificates cannot be read."""
    arguments: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "client_id": settings.app_id,
        "request_timeout_ms": settings.request_timeout_ms,
        "security_protocol": settings.kafka_security.upper().replace("-", "_"),
    }
    if "ssl" in settings.kafka_security:
        try:
            arguments["ssl_context"] = ssl.create_default_context(cafile=settings.kafka_ca_file or None)
        except OSError as error:  # those of ssl are such, too
            raise UserError(
                f"the file of certificates {settings.kafka_ca_file} cannot be used: {error.strerror or error}",
                hint="SHOAL_KAFKA_CA_FILE is a PEM file with the certificates that sign the brokers'",
            ) from None
    if "sasl" in settings.kafka_security:
        arguments["sasl_mechanism"] = settings.kafka_sasl_mechanism
        arguments["sasl_plain_username"] = settings.kafka_username
        arguments["sasl_plain_password"] = settings.kafka_password
    return arguments


async def connect(settings: Settings) -> Client:
    """A client that has seen the cluster; KafkaError if no broker answers."""
    client = Client(**connection(settings))
    await _begin(client.bootstrap, client.close)
    return client


async def connect_admin(settings: Settings) -> AIOKafkaAdminClient:
    """One that makes topics and tells settings; KafkaError if no broker answers."""
    admin = AIOKafkaAdminClient(**connection(settings))
    await _begin(admin.start, admin.close)
    return admin


class Startable(Protocol):
    """A producer or a consumer."""

    async def start(self) -> None:
        """Connects."""

    async def stop(self) -> None:
        """Closes; also what is not, or not wholly, started."""


async def start(part: Startable) -> None:
    """Starts it: from then on it is the caller's to stop. What fails or is cancelled half way is closed here."""
    await _begin(part.start, part.stop)


async def _begin(begin: Callable[[], Awaitable[None]], end: Callable[[], Awaitable[None]]) -> None:
    try:
        await begin()
    except BaseException as error:
        _close_first_connection(error)
        with suppress(Exception):  # the first error is the one to report
            await end()
        raise


def _close_first_connection(error: BaseException) -> None:
    """A client that is cancelled while it waits for its first answer forgets the connection: none of its attributes
    leads there, only what the calls that were cancelled had in hand, whatever they call it."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        for value in frame.f_locals.values():
            if isinstance(value, AIOKafkaConnection):
                value.close()


async def wait_for_broker(settings: Settings) -> Client:
    """A client, as soon as a broker answers; UserError, with the reason, if none does within `start_timeout`."""
    deadline_s = time.monotonic() + settings.start_timeout_ms / 1000
    back_off = BackOff(first_ms=RETRY_MS_FIRST, longest_ms=RETRY_MS_MAX)
    while True:
        remaining_s = deadline_s - time.monotonic()
        try:
            async with asyncio.timeout(max(remaining_s, 0.1)):
                return await connect(settings)
        except (KafkaError, OSError, TimeoutError) as error:
            reason = await _why_unreachable(settings) or str(error) or type(error).__name__
        pause_s = back_off.failed() / 1000
        if time.monotonic() + pause_s >= deadline_s:
            raise UserError(
                f"no Kafka broker answers at {settings.kafka_bootstrap_servers}: {reason}",
                detail=f"tried for {format_duration(settings.start_timeout_ms)} (start_timeout)",
                hint="set KAFKA_BOOTSTRAP_SERVERS to host:port of a running broker, or --broker",
            )
        await asyncio.sleep(pause_s)


async def _why_unreachable(settings: Settings) -> str:
    """Returns the operating system's error for the first address, since aiokafka only logs it."""
    first = settings.kafka_bootstrap_servers.split(",")[0].strip()
    host, _, port = first.rpartition(":")
    if not host or not port.isdigit():
        return "this is not host:port"
    try:
        async with asyncio.timeout(1.0):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except TimeoutError:
        return "nothing there answers"
    except ConnectionRefusedError:
        return "connection refused"
    except (OSError, OverflowError) as error:
        return str(getattr(error, "strerror", None) or error)
    writer.close()
    return await _why_refused(settings, host.strip("[]"), int(port))


async def _why_refused(settings: Settings, host: str, port: int) -> str:
    """Something listens there: what it has against us."""
    arguments = connection(settings)
    del arguments["bootstrap_servers"]
    try:
        async with asyncio.timeout(REFUSAL_S):
            opened = await create_conn(host, port, **arguments)
    except ssl.SSLError as error:
        return f"TLS: {getattr(error, 'verify_message', '') or error.reason or error} (SHOAL_KAFKA_CA_FILE)"
    except (SaslAuthenticationFailed, UnsupportedSaslMechanismError) as error:
        return f"{error} (SHOAL_KAFKA_USERNAME, SHOAL_KAFKA_PASSWORD)"
    except (KafkaError, OSError, TimeoutError):
        how = "" if settings.kafka_security != "plaintext" else ", or wants TLS (SHOAL_KAFKA_SECURITY)"
        return f"something listens there, but it does not speak Kafka{how}"
    opened.close()
    return "it answers, but tells nothing of its cluster"


async def told_leaders(update: Awaitable[bool]) -> None:
    """Awaits a client's look-up of who leads what (`add_topic`, `set_topics`, `force_metadata_update`), which by itself
    knows no limit; TimeoutError if no broker has told it."""
    async with asyncio.timeout(LOOK_S):
        await update


async def has_transactions(client: Client) -> bool:
    """True if the broker gives out producer ids, which it needs for transactions."""
    back_off = BackOff(first_ms=RETRY_MS_FIRST, longest_ms=RETRY_MS_MAX)
    for attempt in range(3):
        response = await client.send(client.get_random_node(), InitProducerIdRequest(None, 1_000))
        if response.error_code == 0 or response.error_code in COORDINATOR_ERRORS:
            return True
        if not getattr(for_code(response.error_code), "retriable", False) or attempt == 2:
            return False
        await asyncio.sleep(back_off.failed() / 1000)
    return False
