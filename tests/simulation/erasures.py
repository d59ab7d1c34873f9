"""Steps of erasures: which must be there, once, and that the end of each is behind its keys."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from app.runtime.kafka.partitioner import partition_of
from app.runtime.records.erasure_events import ErasureEvent, encode_erasure, read_erasure
from app.segments.evaluation.batch import ErasureStep
from app.settings import Topics
from tests.simulation.broker import Log
from tests.simulation.scenario import Scenario

KEY_IS_OVER = ("erased", "elsewhere")


def judge_erasures(
    logs: Callable[[str, int], Log], scenario: Scenario, topics: Topics, wanted: Iterable[ErasureStep]
) -> Iterator[str]:
    """Problems with steps of erasures. `wanted`: those that the records and journals of all partitions demand."""
    partitions = scenario.settings.partitions
    found: Counter[bytes] = Counter()
    events: list[ErasureEvent] = []
    for number in range(partitions):
        for record in logs(topics.erasures, number).committed():
            found[record.value] += 1
            events.append(read_erasure(record.value))
            if partition_of(record.key, partitions) != number:
                yield f"a step of an erasure of {record.key!r} stands in partition {number}"
    right = Counter(encode_erasure(each) for each in wanted)
    yield from (f"step of an erasure missing: {value!r}" for value in right - found)
    yield from (f"step of an erasure too often: {value!r}" for value in found - right)
    yield from judge_ends(events)


def judge_ends(events: list[ErasureEvent]) -> Iterator[str]:
    """Each erasure that was asked for has one end, behind what became of each key."""
    for asked in (each for each in events if each.result == "requested"):
        own = [each for each in events if each.id == asked.id]
        ends = [place for place, each in enumerate(own) if each.result == "finished"]
        if len(ends) != 1:
            yield f"the erasure {asked.id} of {asked.user} has {len(ends)} ends"
            continue
        over = {each.key for each in own[: ends[0]] if each.result in KEY_IS_OVER}
        if missing := set(asked.keys) - over:
            yield f"the erasure {asked.id} has ended before its keys {sorted(missing)}"
