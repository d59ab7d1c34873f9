"""Puts events into a stream of Amazon Kinesis, which it makes if it is not there.

    python produce.py STREAM NUMBER

Credentials and region are those of boto3. SHOAL_KINESIS_ENDPOINT is the URL of an emulator. The partition key is the
user: that keeps the order of their events. Each event has a messageId, so that one that is put twice counts once.
"""

import json
import os
import sys
from contextlib import suppress
from uuid import uuid4

import boto3


def main(stream: str, number: int) -> None:
    """Puts so many events of ten users."""
    kinesis = boto3.client("kinesis", endpoint_url=os.environ.get("SHOAL_KINESIS_ENDPOINT") or None)
    with suppress(kinesis.exceptions.ResourceInUseException):
        kinesis.create_stream(StreamName=stream, ShardCount=2)
    kinesis.get_waiter("stream_exists").wait(StreamName=stream)
    for each in range(number):
        user = f"user-{each % 10}"
        event = {"type": "track", "event": "Product Viewed", "userId": user, "messageId": str(uuid4())}
        kinesis.put_record(StreamName=stream, PartitionKey=user, Data=json.dumps(event).encode())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
