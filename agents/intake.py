"""Other people's topics and streams into the clickstream: checked, mapped, under the users' keys."""

from typing import Final

from aiokafka.client import AIOKafkaClient
from faust.types import TP, StreamT

from app.errors import UserError
from app.intake.enrichment import enrichment_of
from app.intake.intake_task import IntakeTask, intake_topic_spec
from app.intake.kinesis_task import KinesisTask
from app.intake.pubsub_task import PubSubTask
from app.intake.sources import read_sources
from app.intake.stream_task import StreamTask
from app.intake.streams import Stream, control_topic, stream_of
from app.intake.writing_task import IntakeSetup, WritingTask
from app.runtime.application import choose_exactly_once
from app.runtime.follow.follow_task import Deliver
from app.runtime.follow.followed_batch import FollowedBatch
from app.runtime.follower import Follower
from app.runtime.kafka.topics import TopicSpec, ensure_topics, specs_of
from app.settings import Settings

ROLE = "intake"
STREAM_TASKS: Final[dict[str, type[StreamTask]]] = {"kinesis": KinesisTask, "pubsub": PubSubTask}


async def intake(batches: StreamT[FollowedBatch]) -> None:
    """A batch of one partition of one source after the other: what it comes to is written with its position."""
    async for batch in batches:
        await batch.work()


def create_app(settings: Settings) -> Follower:
    """The process `shoal intake`. Nothing is started yet. Raises UserError for sources or enrichers that cannot be."""
    sources, enrichment = read_sources(settings), enrichment_of(settings)
    streams = {control_topic(settings, each): each for each in map(stream_of, sources) if each is not None}
    topics = [name for name in sources if stream_of(name) is None]

    def new_task(app: Follower, tp: TP, deliver: Deliver) -> WritingTask:
        setup = IntakeSetup(
            settings=settings,
            metrics=app.metrics,
            transactions=choose_exactly_once(settings, transactions=app.committed_only),
            committed_only=app.committed_only,
            enrichment=enrichment,
        )
        if stream := streams.get(tp.topic):
            task = STREAM_TASKS[stream.kind]
            return task(tp, setup, stream=stream, shape=sources[stream.source], deliver=deliver)
        return IntakeTask(tp, setup, shape=sources[tp.topic], deliver=deliver)

    async def look(app: Follower, client: AIOKafkaClient) -> None:
        """Are the sources there? Ours are made."""
        cluster = await client.fetch_all_metadata()
        for name in topics:
            if not cluster.partitions_for_topic(name):
                raise UserError(f"there is no topic {name}", hint="SHOAL_SOURCES names topics that others write to")
        for stream in streams.values():
            await STREAM_TASKS[stream.kind].check(settings, stream)
        choose_exactly_once(settings, transactions=app.committed_only)
        written = specs_of(settings, settings.topics.clickstream, settings.topics.dead_letters)
        control = [_control_spec(settings, topic, stream) for topic, stream in streams.items()]
        await ensure_topics(settings, client, [*written, intake_topic_spec(settings), *control])

    app = Follower(settings, role=ROLE, topics=[*topics, *streams], new_task=new_task, prepare=look)
    app.add_agent(intake)
    return app


def _control_spec(settings: Settings, topic: str, stream: Stream) -> TopicSpec:
    return TopicSpec(topic, STREAM_TASKS[stream.kind].control_partitions(settings), ())
