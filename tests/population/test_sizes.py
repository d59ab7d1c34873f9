"""Sizes of segments, now and before."""

import pytest

from app.events.instants import iso
from app.population.membership_sets import NotReadyError
from app.population.sizes import DAY_MS, POINTS, WEEK_MS, Period, segment_sizes
from tests.population.filled import ENTERED_MS, Filled, people

HOUR_MS = 3_600_000
NOW_MS = ENTERED_MS + HOUR_MS


async def test_a_size_is_that_of_now_with_those_of_a_day_and_a_week_ago(filled: Filled) -> None:
    await filled.enter("buyers", people(0, 7))
    await filled.enter("buyers", ["late"], at_ms=NOW_MS - 5)
    await filled.counted("buyers", (NOW_MS - WEEK_MS - 1, 3), (NOW_MS - DAY_MS, 5), (NOW_MS - DAY_MS + 1, 6))
    (found,) = await segment_sizes(filled.sets, ["buyers"], Period(now_ms=NOW_MS))
    assert (found.users, found.day_ago, found.week_ago) == (8, 5, 3)
    assert found.last_entry == iso(NOW_MS - 5)


async def test_a_count_that_is_too_old_tells_no_size(filled: Filled) -> None:
    await filled.enter("buyers", ["ann"])
    await filled.counted("buyers", (NOW_MS - DAY_MS - 2 * HOUR_MS - 1, 5), (NOW_MS - WEEK_MS - 2 * HOUR_MS, 4))
    (found,) = await segment_sizes(filled.sets, ["buyers"], Period(now_ms=NOW_MS))
    assert (found.day_ago, found.week_ago) == (None, 4)


async def test_points_over_time_end_now_and_say_where_nothing_was_counted(filled: Filled) -> None:
    await filled.counted("buyers", *((NOW_MS - hours * HOUR_MS, 100 - hours) for hours in range(48)))
    period = Period(now_ms=NOW_MS, back_ms=2 * POINTS * HOUR_MS)
    (found,) = await segment_sizes(filled.sets, ["buyers"], period)
    assert [point.users for point in found.over_time[-3:]] == [96, 98, 100]
    assert found.over_time[0].users is None
    assert found.over_time[-1].at == iso(NOW_MS)


async def test_the_names_are_those_with_users_or_counts_of_this_prefix_only(filled: Filled) -> None:
    await filled.enter("buyers", ["ann"])
    await filled.counted("left", (NOW_MS, 0))
    await filled.redis.zadd("other:segment:others", {"ann": 1})
    assert await filled.sets.names() == ["buyers", "left"]
    empty = (await segment_sizes(filled.sets, ["left"], Period(now_ms=NOW_MS)))[0]
    assert (empty.users, empty.last_entry) == (0, None)


async def test_more_segments_than_one_pipeline_takes_keep_their_sizes(filled: Filled) -> None:
    pipeline = filled.redis.pipeline()
    for number in range(450):
        pipeline.zadd(f"{filled.prefix}segment:s-{number}", {f"u-{user}": user for user in range(number % 7 + 1)})
    await pipeline.execute()
    names = await filled.sets.names()
    found = await segment_sizes(filled.sets, names, Period(now_ms=NOW_MS))
    assert {each.segment: each.users for each in found} == {f"s-{number}": number % 7 + 1 for number in range(450)}


async def test_memberships_that_are_not_there_yet_are_an_error(filled: Filled) -> None:
    await filled.redis.delete(f"{filled.prefix}memberships")
    with pytest.raises(NotReadyError, match="holds no memberships"):
        await segment_sizes(filled.sets, [], Period(now_ms=NOW_MS))
    await filled.begin(ready=1)
    with pytest.raises(NotReadyError, match="1 of 2 partitions"):
        await segment_sizes(filled.sets, [], Period(now_ms=NOW_MS))


async def test_memberships_that_were_rebuilt_meanwhile_are_an_error(filled: Filled) -> None:
    generation = await filled.sets.ready()
    await filled.redis.hset(f"{filled.prefix}memberships", "generation", "another")
    with pytest.raises(NotReadyError, match="rebuilt"):
        await filled.sets.check(generation)
