"""Changes to other people's services: each destination from a position of its own, each user's in order."""

from collections.abc import Sequence
from functools import partial

from aiokafka.client import AIOKafkaClient
from faust.types import TP, StreamT

from app.destinations.connections import Connections
from app.destinations.destination import Destination
from app.destinations.destination_task import DestinationTask
from app.destinations.member_counts import MemberCounts
from app.destinations.positions import destination_topic_specs
from app.destinations.shared_limits import new_shared_limits
from app.runtime.follow.follow_task import Deliver
from app.runtime.follow.followed_batch import FollowedBatch
from app.runtime.follower import Follower
from app.runtime.kafka.topics import ensure_topics, population_topic, specs_of
from app.runtime.records.population_events import Result
from app.settings import Settings

ROLE = "destinations"


async def destinations(batches: StreamT[FollowedBatch]) -> None:
    """Hands changes to a delivery loop, which queues them by user; sending goes on beside it."""
    async for batch in batches:
        await batch.work()


def create_app(settings: Settings, wanted: Sequence[Destination]) -> Follower:
    """The process `shoal destinations run`. Nothing is started yet."""
    refusals_max = settings.destination_refusals_max
    limits_by_destination = {each.name: new_shared_limits(each, refusals_max=refusals_max) for each in wanted}
    connections = Connections(wanted, private=settings.private_destinations)
    with_minimum = [each for each in wanted if each.minimum_members]

    def take_census(census: Result) -> None:
        for each in with_minimum:
            connections.counted(each, census.members.get(each.only_segment))
            limits_by_destination[each.name].wake()

    def new_task(app: Follower, tp: TP, deliver: Deliver) -> DestinationTask:
        return DestinationTask(
            tp,
            settings=settings,
            metrics=app.metrics,
            limits_by_destination=limits_by_destination,
            connections=connections,
            committed_only=app.committed_only,
            deliver=deliver,
        )

    app = Follower(
        settings,
        role=ROLE,
        topics=[settings.topics.changes],
        new_task=new_task,
        prepare=partial(make_topics, needs_census=bool(with_minimum)),
        resources=[connections, *([MemberCounts(settings, take_census)] if with_minimum else [])],
    )
    app.add_agent(destinations)
    return app


async def make_topics(app: Follower, client: AIOKafkaClient, *, needs_census: bool = False) -> None:
    """The topics that are read, should this process be the first, and those of destinations."""
    specs = [*specs_of(app.settings, app.settings.topics.changes), *destination_topic_specs(app.settings)]
    if needs_census:
        specs.append(population_topic(app.settings))
    await ensure_topics(app.settings, client, specs)
