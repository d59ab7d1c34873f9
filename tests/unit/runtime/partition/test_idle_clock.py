"""Time that goes on when nothing is left to read."""

from hypothesis import given
from hypothesis import strategies as st

from app.runtime.partition.idle_clock import IdleClock

MS = st.integers(0, 4_000_000_000_000)


def test_it_goes_on_from_the_last_record_at_the_pace_of_the_wall_clock() -> None:
    clock = IdleClock(clock_ms=1_000_000, wall_ms=5_000_000, speed=1.0)
    assert clock.at(5_000_000) == 1_000_000
    assert clock.at(5_000_000 + 8 * 3_600_000) == 1_000_000 + 8 * 3_600_000


def test_a_wall_clock_that_was_set_back_stands_still() -> None:
    assert IdleClock(clock_ms=1_000, wall_ms=5_000, speed=3.0).at(4_000) == 1_000


@given(clock_ms=MS, wall_ms=MS, speed=st.floats(0.001, 1e6), ahead_ms=st.integers(0, 10**11))
def test_an_instant_is_waited_for_until_it_is_there_and_not_longer(
    clock_ms: int, wall_ms: int, speed: float, ahead_ms: int
) -> None:
    clock = IdleClock(clock_ms=clock_ms, wall_ms=wall_ms, speed=speed)
    due_ms = clock_ms + ahead_ms
    at_ms = clock.wall_ms_of(due_ms)
    assert clock.at(at_ms) >= due_ms
    assert at_ms == wall_ms or clock.at(at_ms - 2) < due_ms or clock.at(at_ms - 2) == clock_ms
