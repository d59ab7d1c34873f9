"""A worker warns when it holds too much."""

from app.runtime.partition.memory_limit import LOOK_S, REPEAT_S, MemoryLimit

MIB = 2**20


def test_it_counts_now_and_then() -> None:
    limit = MemoryLimit(0)
    assert limit.is_time(now_s=5.0)
    assert not limit.is_time(now_s=5.0 + LOOK_S - 1)
    assert limit.is_time(now_s=5.0 + LOOK_S)


def test_without_a_limit_it_says_nothing() -> None:
    assert MemoryLimit(0).look(10**15, now_s=0) is None


def test_above_the_limit_it_says_so_now_and_then() -> None:
    limit = MemoryLimit(100 * MIB)
    assert limit.look(100 * MIB, now_s=0) is None
    said = limit.look(150 * MIB, now_s=1)
    assert said is not None
    assert said.startswith("profiles take 150 MiB, more than profiles_bytes_max (100 MiB)")
    assert limit.look(160 * MIB, now_s=2) is None
    assert limit.look(160 * MIB, now_s=1 + REPEAT_S) is not None


def test_it_says_so_at_once_when_it_was_well_in_between() -> None:
    limit = MemoryLimit(100 * MIB)
    assert limit.look(150 * MIB, now_s=1)
    assert limit.look(90 * MIB, now_s=2) is None
    assert limit.look(150 * MIB, now_s=3)
