"""A Kinesis of the tests' own, by its documented shape: shards that end, iterators that expire, refusals.

The server of moto never ends a shard that was split, so parents and children cannot be tried with it.
"""

import base64
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from app.intake.aggregated import hash_key_of
from app.intake.kinesis_shards import HASH_KEYS

SEQUENCE_STEP = 7
NOW_S = 1_767_225_600.0  # 2026-01-01T00:00:00Z


class Refused(Exception):
    """An error answer: its code and text."""


@dataclass
class ShardHere:
    id: str
    low: int
    high: int
    parents: list[str] = field(default_factory=list)
    closed: bool = False
    records: list[dict[str, Any]] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "ShardId": self.id,
            "HashKeyRange": {"StartingHashKey": str(self.low), "EndingHashKey": str(self.high)},
            "SequenceNumberRange": {"StartingSequenceNumber": "1"},
        }
        return found | dict(zip(("ParentShardId", "AdjacentParentShardId"), self.parents, strict=False))


class FakeKinesis:
    """One stream. `refuse`: the next so many answers to an operation are these codes."""

    def __init__(self, name: str, *, shards: int) -> None:
        self.name = name
        self.url = ""
        self.created_s = NOW_S
        self.refuse: dict[str, list[str]] = {}
        self.refuse_all: str | None = None
        self.asked: Counter[str] = Counter()
        self.lock = threading.RLock()
        self._sequence = 49_000_000_000_000_000_000_000_000
        self._numbers = 0
        self.shards: list[ShardHere] = []
        step = HASH_KEYS // shards
        for number in range(shards):
            self._add(number * step, HASH_KEYS - 1 if number == shards - 1 else (number + 1) * step - 1)

    def _add(self, low: int, high: int, *parents: ShardHere) -> ShardHere:
        shard = ShardHere(f"shardId-{self._numbers:012}", low, high, [each.id for each in parents])
        self._numbers += 1
        self.shards.append(shard)
        return shard

    def put(self, key: str, data: Any) -> None:
        with self.lock:
            hash_key = hash_key_of(key)
            (shard,) = (each for each in self.shards if not each.closed and each.low <= hash_key <= each.high)
            self._sequence += SEQUENCE_STEP
            value = data if isinstance(data, bytes) else json.dumps(data).encode()
            shard.records.append(
                {
                    "SequenceNumber": str(self._sequence),
                    "ApproximateArrivalTimestamp": NOW_S,
                    "Data": base64.b64encode(value).decode(),
                    "PartitionKey": key,
                }
            )

    def split(self, number: int) -> None:
        with self.lock:
            parent = [each for each in self.shards if not each.closed][number]
            parent.closed = True
            middle = (parent.low + parent.high) // 2
            self._add(parent.low, middle, parent)
            self._add(middle + 1, parent.high, parent)

    def merge(self) -> None:
        """The first two open shards that are neighbours."""
        with self.lock:
            one, other = sorted((each for each in self.shards if not each.closed), key=lambda each: each.low)[:2]
            one.closed = other.closed = True
            self._add(one.low, other.high, one, other)

    # ---- the answers

    def answer(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            self.asked[operation] += 1
            if self.refuse_all:
                raise Refused(self.refuse_all)
            if self.refuse.get(operation):
                raise Refused(self.refuse[operation].pop(0))
            if body.get("StreamName", self.name) != self.name:
                raise Refused("ResourceNotFoundException")
            answer: dict[str, Any] = getattr(self, operation)(body)
            return answer

    def DescribeStreamSummary(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802  # as on the wire
        return {
            "StreamDescriptionSummary": {
                "StreamName": self.name,
                "StreamARN": f"arn:aws:kinesis:us-east-1:1:stream/{self.name}",
                "StreamStatus": "ACTIVE",
                "RetentionPeriodHours": 24,
                "StreamCreationTimestamp": self.created_s,
                "EnhancedMonitoring": [],
                "OpenShardCount": len(self.shards),
            }
        }

    def ListShards(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802  # as on the wire
        first = int(body.get("NextToken", 0))
        some = [each.told() for each in self.shards[first : first + 2]]
        more = {"NextToken": str(first + 2)} if len(self.shards) > first + 2 else {}
        return {"Shards": some, **more}

    def GetShardIterator(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802  # as on the wire
        shard = self._shard(body["ShardId"])
        at = 0
        if body["ShardIteratorType"] == "AFTER_SEQUENCE_NUMBER":
            after = int(body["StartingSequenceNumber"])
            at = sum(int(each["SequenceNumber"]) <= after for each in shard.records)
        return {"ShardIterator": f"{shard.id}/{at}"}

    def GetRecords(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802  # as on the wire
        name, _, at = body["ShardIterator"].partition("/")
        shard, begin = self._shard(name), int(at)
        some = shard.records[begin : begin + body["Limit"]]
        end = begin + len(some)
        left = len(shard.records) - end
        more = {} if shard.closed and not left else {"NextShardIterator": f"{name}/{end}"}
        return {"Records": some, "MillisBehindLatest": left * 10, **more}

    def _shard(self, name: str) -> ShardHere:
        for each in self.shards:
            if each.id == name:
                return each
        raise Refused("ResourceNotFoundException")


@contextmanager
def kinesis(name: str, *, shards: int = 2) -> Iterator[FakeKinesis]:
    """A stream that answers at `url` as long as the block lasts."""
    fake = FakeKinesis(name, shards=shards)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status = 200
            try:
                answer = fake.answer(self.headers["X-Amz-Target"].rpartition(".")[2], body)
            except Refused as error:
                status, answer = 400, {"__type": str(error), "message": f"{error} of the test"}
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Nothing is written."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
