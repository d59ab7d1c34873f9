"""Publishes events to a topic of Google Pub/Sub; makes it, with a subscription of the same name, if it is not there.

    python publish.py PROJECT TOPIC NUMBER

Credentials are Google's Application Default Credentials. SHOAL_PUBSUB_ENDPOINT is host:port of an emulator. The
ordering key is the user: that keeps the order of their events. Each event has a messageId, so that one that is sent
twice counts once.
"""

import json
import os
import sys
from contextlib import suppress
from uuid import uuid4

from google.api_core.exceptions import AlreadyExists

if endpoint := os.environ.get("SHOAL_PUBSUB_ENDPOINT"):
    os.environ["PUBSUB_EMULATOR_HOST"] = endpoint

from google.cloud import pubsub_v1


def main(project: str, topic: str, number: int) -> None:
    """Publishes so many events of ten users."""
    options = pubsub_v1.types.PublisherOptions(enable_message_ordering=True)
    publisher, subscriber = pubsub_v1.PublisherClient(publisher_options=options), pubsub_v1.SubscriberClient()
    path = publisher.topic_path(project, topic)
    name = subscriber.subscription_path(project, topic)
    with suppress(AlreadyExists):
        publisher.create_topic(name=path)
    with suppress(AlreadyExists):
        subscriber.create_subscription(request={"name": name, "topic": path, "enable_message_ordering": True})
    sent = []
    for each in range(number):
        user = f"user-{each % 10}"
        event = {"type": "track", "event": "Product Viewed", "userId": user, "messageId": str(uuid4())}
        sent.append(publisher.publish(path, json.dumps(event).encode(), ordering_key=user))
    for future in sent:
        future.result()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
