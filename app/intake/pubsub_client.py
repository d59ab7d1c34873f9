"""Pub/Sub, as far as intake asks it: pull and acknowledge, over Google's client in threads."""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, Final

from app.errors import UserError, install_command
from app.intake.source_errors import SourceError
from app.intake.streams import Stream
from app.settings import Settings

CREDENTIALS_HINT: Final = (
    "credentials are Google's Application Default Credentials: GOOGLE_APPLICATION_CREDENTIALS, or the account of the "
    "pod or machine; they need the roles Pub/Sub Subscriber and Pub/Sub Viewer on the subscription"
)
NAME_HINT: Final = "write pubsub:PROJECT/SUBSCRIPTION, with the name of the subscription and not of the topic"


class ThrottledError(Exception):
    """Pub/Sub was asked too often, or for too much."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it was pulled. `receipt` acknowledges this delivery of it."""

    id: str
    receipt: str
    data: bytes
    ordering_key: str
    published_ms: int


class PubSubClient:
    """One subscription. Calls run in a thread of its own; `close` ends the one that is running."""

    def __init__(self, settings: Settings, stream: Stream) -> None:
        project, _, name = stream.name.partition("/")
        self._settings = settings
        self._source = stream.source
        self._subscription = f"projects/{project}/subscriptions/{name}"
        self._threads = ThreadPoolExecutor(1, thread_name_prefix=stream.source)
        self._client: Any = None

    async def open(self) -> None:
        """Connects, and looks for the subscription. Raises SourceError; UserError without the package."""
        try:
            await asyncio.to_thread(import_module, "google.pubsub_v1")
        except ImportError:
            what = f"the source {self._source} needs google-cloud-pubsub"
            raise UserError(what, hint=install_command("pubsub")) from None
        await self._ask(self._connect)
        await self._ask(self._look)

    def close(self) -> None:
        """No more calls are made."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client.transport.close()

    async def pull(self) -> list[Message]:
        """The next messages, in the order of each ordering key; none if there are none for a while."""
        found: list[Message] = await self._ask(self._pull)
        return found

    async def acknowledge(self, messages: Sequence[Message]) -> None:
        """Pub/Sub need not deliver these again."""
        receipts = [each.receipt for each in messages]
        await self._ask(partial(self._call, "acknowledge", ack_ids=receipts))

    def _connect(self) -> None:
        from google.pubsub_v1 import SubscriberClient
        from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

        logging.getLogger("google").setLevel(logging.WARNING)
        if self._settings.pubsub_endpoint:
            import grpc

            channel = grpc.insecure_channel(self._settings.pubsub_endpoint)
            self._client = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        else:
            self._client = SubscriberClient()

    def _look(self) -> None:
        self._call("get_subscription")

    def _pull(self) -> list[Message]:
        from google.api_core.exceptions import DeadlineExceeded

        wait_s = self._settings.pubsub_wait_ms / 1000
        try:
            answer = self._call("pull", wait_s=wait_s, max_messages=self._settings.pubsub_messages_max)
        except DeadlineExceeded:
            return []
        return [
            Message(
                id=each.message.message_id,
                receipt=each.ack_id,
                data=each.message.data,
                ordering_key=each.message.ordering_key,
                published_ms=int(each.message.publish_time.timestamp() * 1000),
            )
            for each in answer.received_messages
        ]

    def _call(self, operation: str, *, wait_s: float | None = None, **request: Any) -> Any:
        timeout_s = wait_s or self._settings.request_timeout_ms / 1000
        asked = {"subscription": self._subscription, **request}
        return getattr(self._client, operation)(request=asked, retry=None, timeout=timeout_s)

    async def _ask(self, call: Any) -> Any:
        from google.api_core import exceptions
        from google.auth.exceptions import GoogleAuthError

        source = self._source
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except (GoogleAuthError, exceptions.Unauthenticated, exceptions.PermissionDenied) as error:
            told = f"{source}: Google refuses the credentials ({type(error).__name__}: {error})"
            raise SourceError(told, cause="credentials", hint=CREDENTIALS_HINT) from None
        except exceptions.NotFound as error:
            told = f"{source}: there is no such subscription ({error})"
            raise SourceError(told, cause="missing", hint=NAME_HINT) from None
        except exceptions.ResourceExhausted as error:
            raise ThrottledError(str(error)) from None
        except (exceptions.ServerError, exceptions.RetryError) as error:
            hint = "is the address right (SHOAL_PUBSUB_ENDPOINT), and may this machine reach it?"
            told = f"{source}: Pub/Sub does not answer ({type(error).__name__}: {error})"
            raise SourceError(told, cause="unreachable", hint=hint) from None
        except exceptions.GoogleAPICallError as error:
            told = f"{source}: Pub/Sub refuses what was asked ({type(error).__name__}: {error})"
            raise SourceError(told, cause="refused") from None
