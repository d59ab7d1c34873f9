"""Kinesis, as far as intake asks it: shards, iterators and records, over boto3 in threads."""

import asyncio
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from app.errors import need_packages
from app.intake.kinesis_shards import Shard
from app.intake.source_errors import SourceError
from app.intake.streams import Stream
from app.settings import Settings

AT_ONCE: Final = 8
ATTEMPTS: Final = 3
REFUSALS: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "KMSAccessDeniedException",
        "MissingAuthenticationTokenException",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
THROTTLES: Final = frozenset(
    {
        "KMSThrottlingException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "Throttling",
        "ThrottlingException",
    }
)
NO_CREDENTIALS: Final = frozenset(
    {
        "CredentialRetrievalError",
        "NoAuthTokenError",
        "NoCredentialsError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "SSOTokenLoadError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
    }
)
CREDENTIALS_HINT: Final = (
    "credentials come from boto3's chain: AWS_ACCESS_KEY_ID, a profile, the role of the pod or machine; they need "
    "kinesis:DescribeStreamSummary, ListShards, GetShardIterator and GetRecords"
)


class ThrottledError(Exception):
    """Kinesis was asked too often, or for too much."""


class IteratorExpiredError(Exception):
    """An iterator was not used for five minutes."""


class GoneError(Exception):
    """The shard is not there any more, or the stream is not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Records of a shard as Kinesis returned them. `iterator`: the next one; None at the end of a shard."""

    records: list[dict[str, Any]]
    iterator: str | None
    behind_ms: int


class KinesisClient:
    """One stream. Calls run in threads of its own; `close` does not wait for them."""

    def __init__(self, settings: Settings, stream: Stream) -> None:
        self._settings = settings
        self._stream = stream
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=stream.source)
        self._client: Any = None

    async def open(self) -> int:
        """Connects; the creation of the stream, in milliseconds. Raises SourceError; UserError without boto3."""
        need_packages(f"the source {self._stream.source}", "kinesis", "boto3")
        self._client = await self._in_thread(self._connect)
        try:
            answer = await self._ask("describe_stream_summary")
        except GoneError:
            where = self._client.meta.endpoint_url
            raise SourceError(
                f"{self._stream.source}: there is no such stream at {where}",
                cause="missing",
                hint="is the name right, and the region (SHOAL_KINESIS_REGION or AWS_DEFAULT_REGION)?",
            ) from None
        return int(answer["StreamDescriptionSummary"]["StreamCreationTimestamp"].timestamp() * 1000)

    def close(self) -> None:
        """No more calls are made."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._client is not None:
            self._client.close()

    async def shards(self) -> list[Shard]:
        """All shards that still have records, or may get some."""
        found: list[Shard] = []
        token: str | None = None
        while True:
            answer = await self._ask("list_shards", **({"NextToken": token} if token else self._named))
            found += [_shard(each) for each in answer["Shards"]]
            token = answer.get("NextToken")
            if not token:
                return found

    async def iterator(self, shard_id: str, after: str) -> str:
        """An iterator behind a sequence number; "": at the oldest record. Raises GoneError, ThrottledError."""
        how = {"ShardIteratorType": "TRIM_HORIZON"}
        if after:
            how = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": after}
        answer = await self._ask("get_shard_iterator", **self._named, ShardId=shard_id, **how)
        return str(answer["ShardIterator"])

    async def records(self, iterator: str) -> Answer:
        """The next records. Raises GoneError, IteratorExpiredError, ThrottledError."""
        limit = self._settings.kinesis_records_max
        answer = await self._ask("get_records", ShardIterator=iterator, Limit=limit)
        return Answer(answer["Records"], answer.get("NextShardIterator") or None, answer.get("MillisBehindLatest") or 0)

    @property
    def _named(self) -> dict[str, str]:
        return {"StreamName": self._stream.name}

    def _connect(self) -> Any:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        logging.getLogger("botocore").setLevel(logging.WARNING)
        settings = self._settings
        timeout_s = settings.request_timeout_ms / 1000
        try:
            return boto3.session.Session(region_name=settings.kinesis_region or None).client(
                "kinesis",
                endpoint_url=settings.kinesis_endpoint or None,
                config=Config(
                    connect_timeout=timeout_s,
                    read_timeout=timeout_s,
                    max_pool_connections=AT_ONCE,
                    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                ),
            )
        except (BotoCoreError, ValueError) as error:
            raise self._failure(type(error).__name__, str(error)) from None

    async def _ask(self, operation: str, **arguments: Any) -> Mapping[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        if operation == "describe_stream_summary":
            arguments |= self._named
        try:
            answer: Mapping[str, Any] = await self._in_thread(partial(getattr(self._client, operation), **arguments))
        except ClientError as error:
            told = error.response.get("Error", {})
            raise self._failure(told.get("Code", "unknown"), told.get("Message", "")) from None
        except BotoCoreError as error:
            raise self._failure(type(error).__name__, str(error)) from None
        return answer

    async def _in_thread(self, call: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _failure(self, code: str, text: str) -> Exception:
        """The error for a code of Kinesis, or for the name of an error of boto3."""
        what = f"{code}: {text}".rstrip(": ")
        source = self._stream.source
        match code:
            case "ResourceNotFoundException":
                return GoneError(what)
            case "ExpiredIteratorException":
                return IteratorExpiredError(what)
            case "NoRegionError":
                hint = "set SHOAL_KINESIS_REGION or AWS_DEFAULT_REGION"
                return SourceError(f"{source}: no region is set", cause="refused", hint=hint)
        if code in THROTTLES:
            return ThrottledError(what)
        if code in NO_CREDENTIALS:
            return SourceError(f"{source}: no credentials of AWS ({what})", cause="credentials", hint=CREDENTIALS_HINT)
        if code in REFUSALS:
            return SourceError(
                f"{source}: AWS refuses the credentials ({what})", cause="credentials", hint=CREDENTIALS_HINT
            )
        if "Endpoint" in code or "Timeout" in code or "Connection" in code or "SSL" in code or "HTTPClient" in code:
            hint = "is the address right (SHOAL_KINESIS_ENDPOINT, or the region), and may this machine reach it?"
            return SourceError(f"{source}: Kinesis is not reached ({what})", cause="unreachable", hint=hint)
        return SourceError(f"{source}: Kinesis refuses what was asked ({what})", cause="refused")


def _shard(told: Mapping[str, Any]) -> Shard:
    parents = (told.get("ParentShardId"), told.get("AdjacentParentShardId"))
    hash_keys = told["HashKeyRange"]
    return Shard(
        id=told["ShardId"],
        parents=tuple(each for each in parents if each),
        hash_keys=range(int(hash_keys["StartingHashKey"]), int(hash_keys["EndingHashKey"]) + 1),
    )
