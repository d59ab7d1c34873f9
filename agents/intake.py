"""Other people's topics into the clickstream: checked, mapped, under the users' keys."""

from aiokafka.client import AIOKafkaClient
from faust.types import TP, StreamT

from app.errors import UserError
from app.intake.intake_task import IntakeTask, intake_topic_spec
from app.intake.sources import read_sources
from app.runtime.application import choose_exactly_once
from app.runtime.follow.follow_task import Deliver
from app.runtime.follow.followed_batch import FollowedBatch
from app.runtime.follower import Follower
from app.runtime.kafka.topics import ensure_topics, specs_of
from app.settings import Settings

ROLE = "intake"


async def intake(batches: StreamT[FollowedBatch]) -> None:
    """A batch of one partition of one source after the other: what it comes to is written with its position."""
    async for batch in batches:
        await batch.work()


def create_app(settings: Settings) -> Follower:
    """The process `shoal intake`. Nothing is started yet. Raises UserError for sources that cannot be."""
    sources = read_sources(settings)

    def new_task(app: Follower, tp: TP, deliver: Deliver) -> IntakeTask:
        return IntakeTask(
            tp,
            settings=settings,
            metrics=app.metrics,
            shape=sources[tp.topic],
            transactions=choose_exactly_once(settings, transactions=app.committed_only),
            committed_only=app.committed_only,
            deliver=deliver,
        )

    async def look(app: Follower, client: AIOKafkaClient) -> None:
        """Are the sources there? Ours are made."""
        cluster = await client.fetch_all_metadata()
        for name in sources:
            if not cluster.partitions_for_topic(name):
                raise UserError(f"there is no topic {name}", hint="SHOAL_SOURCES names topics that others write to")
        choose_exactly_once(settings, transactions=app.committed_only)
        written = specs_of(settings, settings.topics.clickstream, settings.topics.dead_letters)
        await ensure_topics(settings, client, [*written, intake_topic_spec(settings)])

    app = Follower(settings, role=ROLE, topics=list(sources), new_task=new_task, prepare=look)
    app.add_agent(intake)
    return app
