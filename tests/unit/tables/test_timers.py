"""Timers: nobody is late, nobody comes too early, whatever moved in between."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from tables.timers import BUCKET_BITS, FAR_BITS, Timers

FAR_MS = 1 << FAR_BITS


def test_a_timer_is_due_at_its_instant_and_not_a_millisecond_before() -> None:
    timers, instants = Timers(), {"a": 5_000}
    timers.arm("a", 5_000)
    assert timers.due(4_999, instants.get) == []
    assert timers.due(5_000, instants.get) == ["a"]
    assert timers.due(6_000, instants.get) == []


def test_there_is_no_timer_before_the_earliest() -> None:
    timers = Timers()
    assert timers.earliest_ms() is None
    timers.arm("a", 5_000)
    timers.arm("b", 3_000)
    earliest = timers.earliest_ms()
    assert earliest is not None
    assert 3_000 - (1 << BUCKET_BITS) < earliest <= 3_000


def test_those_that_wait_are_counted() -> None:
    timers, instants = Timers(), {"a": 5_000, "b": 5_001, "c": 90_000}
    assert timers.pending == 0
    for user, timer_ms in instants.items():
        timers.arm(user, timer_ms)
    assert timers.pending == 3
    timers.due(10_000, instants.get)
    assert timers.pending == 1


def test_one_that_moved_later_waits_for_its_new_instant() -> None:
    timers, instants = Timers(), {"a": 5_000}
    timers.arm("a", 5_000)
    instants["a"] = 50_000
    assert timers.due(10_000, instants.get) == []
    assert timers.due(50_000, instants.get) == ["a"]


def test_one_that_moved_earlier_was_armed_again_and_comes_once() -> None:
    timers, instants = Timers(), {"a": 50_000}
    timers.arm("a", 50_000)
    instants["a"] = 5_000
    timers.arm("a", 5_000)
    assert timers.due(5_000, instants.get) == ["a"]
    instants["a"] = 90_000
    timers.arm("a", 90_000)
    assert timers.due(60_000, instants.get) == []
    assert timers.due(90_000, instants.get) == ["a"]


def test_one_who_is_gone_is_left_out() -> None:
    timers: Timers = Timers()
    timers.arm("a", 5_000)
    assert timers.due(5_000, lambda user: None) == []
    assert timers.earliest_ms() is None


def test_in_one_bucket_users_come_in_order_of_arming() -> None:
    timers = Timers()
    instants = {user: 5_000 + number for number, user in enumerate("cab")}
    for user in "bca":
        timers.arm(user, instants[user])
    assert timers.due(5_010, instants.get) == ["b", "c", "a"]


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 8_000), st.integers(0, 2_500)), max_size=60))
def test_everyone_comes_in_time_whatever_moves(moves: list[tuple[str, int, int]]) -> None:
    timers, clock = Timers(), 0
    instants: dict[str, int] = {}
    for user, ahead, step in moves:
        instant, before = clock + 1 + ahead, instants.get(user)
        instants[user] = instant
        if before is None or instant < before:
            timers.arm(user, instant)
        earliest = timers.earliest_ms()
        assert earliest is not None
        assert earliest <= min(instants.values())
        clock += step
        due = timers.due(clock, instants.get)
        assert sorted(set(due)) == sorted(user for user, instant in instants.items() if instant <= clock)
        for gone in set(due):
            del instants[gone]


class OneLevel:
    """Timers without lists for those that are far."""

    def __init__(self) -> None:
        self.buckets: dict[int, dict[str, None]] = {}

    def arm(self, user: str, timer_ms: int) -> None:
        self.buckets.setdefault(timer_ms >> BUCKET_BITS, {})[user] = None

    def earliest_ms(self) -> int | None:
        return min(self.buckets) << BUCKET_BITS if self.buckets else None

    def due(self, clock_ms: int, timer_of: Callable[[str], int | None]) -> list[str]:
        found = []
        for bucket in sorted(each for each in self.buckets if each <= clock_ms >> BUCKET_BITS):
            for user in self.buckets.pop(bucket):
                timer = timer_of(user)
                if timer is not None and timer <= clock_ms:
                    found.append(user)
                elif timer is not None:
                    self.arm(user, timer)
        return found


near_or_far = st.integers(0, 5_000) | st.integers(0, 3 * FAR_MS) | st.sampled_from([FAR_MS - 1, FAR_MS, FAR_MS + 1])
steps = st.tuples(st.sampled_from("abcdef"), near_or_far, st.just(0) | st.integers(0, 3_000) | near_or_far)


@given(st.lists(steps, max_size=80), st.integers(-2 * FAR_MS, 2 * FAR_MS))
def test_what_comes_out_does_not_depend_on_the_levels(moves: list[tuple[str, int, int]], start_ms: int) -> None:
    timers, plain, clock = Timers(), OneLevel(), start_ms
    instants: dict[str, int] = {}
    for user, ahead, step in moves:
        instants[user] = clock + ahead
        for each in (timers, plain):
            each.arm(user, instants[user])
        assert timers.earliest_ms() == plain.earliest_ms()
        clock += step
        assert timers.due(clock, instants.get) == plain.due(clock, instants.get)


def test_who_is_armed_for_the_same_second_again_and_again_takes_no_more_room() -> None:
    timers, timer_ms = Timers(), 5 * FAR_MS + 1
    for number in range(10_000):
        timers.arm(f"user-{number % 100}", timer_ms)
    assert timers.pending <= 200
    assert timers.due(timer_ms, lambda user: timer_ms) == [f"user-{number}" for number in range(100)]


@given(st.lists(steps, max_size=80), st.integers(-2 * FAR_MS, 2 * FAR_MS), st.integers(1, 4), st.integers(1, 3))
def test_what_comes_out_in_parts_is_the_same(
    moves: list[tuple[str, int, int]], start_ms: int, entries_max: int, found_max: int
) -> None:
    timers, clock = Timers(), start_ms
    instants: dict[str, int] = {}
    for user, ahead, step in moves:
        instants[user] = clock + ahead
        timers.arm(user, instants[user])
        clock += step
        due = {user for user, instant in instants.items() if instant <= clock}
        finished = False
        while not finished:
            assert (earliest := timers.earliest_ms()) is None or all(earliest <= instants[user] for user in instants)
            found, finished = timers.take(clock, instants.get, entries_max=entries_max, found_max=found_max)
            assert len(found) <= min(entries_max, found_max)
            for name in found:
                instants.pop(name, None)
        assert due.isdisjoint(instants)
        assert all(instant > clock for instant in instants.values())


def test_one_that_was_found_and_armed_again_comes_with_the_others_of_its_second() -> None:
    """As where it was only asked whether a timer is due, and then the clock moves on to the same instant."""
    timers, instants = Timers(), {"a": 5_000, "b": 5_001}
    for user, timer_ms in instants.items():
        timers.arm(user, timer_ms)
    assert timers.take(5_010, instants.get, entries_max=10, found_max=1) == (["a"], False)
    timers.arm("a", 5_000)
    assert timers.take(5_010, instants.get, entries_max=10) == (["b", "a"], True)


def test_a_part_of_a_bucket_is_no_more_work_than_it_has_entries() -> None:
    asked: list[str] = []
    timers, far_ms = Timers(), 5 * FAR_MS

    def timer_of(user: str) -> int:
        asked.append(user)
        return far_ms

    for number in range(10_000):
        timers.arm(f"user-{number}", far_ms)
    parts = 0
    finished = False
    while not finished:
        asked.clear()
        found, finished = timers.take(far_ms, timer_of, entries_max=100)
        assert found == asked
        assert len(asked) <= 100
        parts += 1
    assert 100 <= parts <= 110
    assert timers.pending == 0


def test_one_that_was_not_due_in_the_first_part_of_a_second_comes_when_the_clock_reaches_them_in_the_next() -> None:
    """As where a batch may look at few timers, and a census then looks at all of them in the same second."""
    timers, instants = Timers(), {"a": 5_100, "b": 5_050}
    for user, timer_ms in instants.items():
        timers.arm(user, timer_ms)
    assert timers.take(5_000, instants.get, entries_max=2) == ([], False)  # opened the hours, and looked at a
    assert timers.take(5_110, instants.get, entries_max=10) == (["b", "a"], True)


near_steps = st.tuples(st.sampled_from("abcdef"), st.integers(0, 1_500), st.integers(0, 700))


@given(st.lists(near_steps, max_size=80), st.integers(1, 4))
def test_nobody_is_left_out_where_the_clock_goes_on_between_parts(
    moves: list[tuple[str, int, int]], entries_max: int
) -> None:
    timers, clock = Timers(), 0
    instants: dict[str, int] = {}
    for user, ahead, step in moves:
        instants[user] = clock + ahead
        timers.arm(user, instants[user])
        clock += step
        found, finished = timers.take(clock, instants.get, entries_max=entries_max)
        for name in found:
            instants.pop(name, None)
        if finished:
            assert all(instant > clock for instant in instants.values())
