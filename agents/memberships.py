"""Applies changes to the projection of current memberships in Redis."""

from aiokafka.client import AIOKafkaClient
from faust.types import TP, StreamT

from app.memberships.counts import Counts
from app.memberships.membership_view import View
from app.memberships.redis_task import MembershipTask
from app.runtime.follow.follow_task import Deliver
from app.runtime.follow.followed_batch import FollowedBatch
from app.runtime.follower import Follower
from app.runtime.kafka.topics import ensure_topics, specs_of
from app.runtime.redis_client import connect_redis
from app.settings import Settings

ROLE = "memberships"


async def memberships(batches: StreamT[FollowedBatch]) -> None:
    """A run of changes of one partition after the other: one script in Redis moves memberships and position together.

    Redis away, full or emptied: the run fails, its partition asks Redis where it stands and begins from there.
    """
    async for batch in batches:
        await batch.work()


def create_app(settings: Settings) -> Follower:
    """The process `shoal memberships run`. Nothing is started yet. Raises UserError without a REDIS_URL."""
    view = View(connect_redis(settings), prefix=settings.redis_prefix, partitions=settings.partitions)

    def new_task(app: Follower, tp: TP, deliver: Deliver) -> MembershipTask:
        return MembershipTask(
            tp,
            settings=settings,
            metrics=app.metrics,
            view=view,
            committed_only=app.committed_only,
            deliver=deliver,
        )

    app = Follower(
        settings,
        role=ROLE,
        topics=[settings.topics.changes],
        new_task=new_task,
        prepare=make_topics,
        resources=[view, Counts(view, settings)],
    )
    app.add_agent(memberships)
    return app


async def make_topics(app: Follower, client: AIOKafkaClient) -> None:
    """The topics that are read, should this process be the first."""
    topics = app.settings.topics
    await ensure_topics(app.settings, client, specs_of(app.settings, topics.changes, topics.profiles, topics.identity))
