"""Workers that are told to end while partitions are being given out."""

import pytest

from tests.faults.deployment import Deployment, visits
from tests.faults.verdict import compare_changes, problems_of

EVENTS = 3_000


@pytest.mark.faults
async def test_a_worker_told_to_end_during_a_rebalance_ends_in_order(on_embedded: Deployment) -> None:
    """The embedded broker takes its time between taking partitions and giving them: seconds to be hit."""
    deployment = on_embedded
    await deployment.send(visits(EVENTS, seed=7))
    deployment.start("first")
    await deployment.until_logged("first", "reads from offset")
    deployment.start("second")
    await deployment.until_logged("first", "gave back")
    deployment.end("first")
    assert problems_of(await compare_changes(deployment), repeats=True) == []
    deployment.end("second")
