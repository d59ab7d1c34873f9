"""Order, positions and ranges of what is in hand."""

import random

from app.destinations.user_queues import Lanes


def heads(lanes: Lanes[str], now_s: float = 0.0) -> list[int]:
    return [each.offset for each in lanes.heads(now_s)]


def test_a_users_second_change_waits_for_the_first() -> None:
    lanes: Lanes[str] = Lanes(0)
    for offset, user in enumerate(["ann", "ben", "ann"]):
        lanes.add(offset, user, "x")
    lanes.reach(3)
    assert heads(lanes) == [0, 1]
    first = lanes.heads(0)[0]
    lanes.begin(first)
    assert heads(lanes) == [1]
    lanes.finish(first)
    assert heads(lanes) == [1, 2]
    assert lanes.position == 1


def test_the_position_is_the_first_that_is_not_done_and_ranges_hold_the_rest() -> None:
    lanes: Lanes[str] = Lanes(10)
    for offset in (10, 12, 15):
        lanes.add(offset, f"u-{offset}", "x")
    lanes.reach(20)
    assert (lanes.position, lanes.done) == (10, ((11, 12), (13, 15), (16, 20)))
    middle = lanes.heads(0)[1]
    lanes.begin(middle)
    lanes.finish(middle)
    assert (lanes.position, lanes.done) == (10, ((11, 15), (16, 20)))


def test_what_was_done_before_a_restart_is_not_taken_again() -> None:
    lanes: Lanes[str] = Lanes(10, [(11, 15), (16, 20)])
    for offset in range(10, 22):
        lanes.add(offset, f"u-{offset}", "x")
        lanes.reach(offset + 1)
    assert heads(lanes) == [10, 15, 20, 21]


def test_a_random_life_with_restarts_does_each_offset_once() -> None:
    chance = random.Random(3)
    for _ in range(50):
        users = [f"u-{chance.randrange(8)}" for _ in range(60)]
        done: list[int] = []
        lanes: Lanes[str] = Lanes(0)
        read = 0
        while len(done) < len(users):
            if read < len(users) and chance.random() < 0.5:
                for offset in range(read, min(len(users), read + 7)):
                    lanes.add(offset, users[offset], "x")
                read = min(len(users), read + 7)
                lanes.reach(read)
            for each in lanes.heads(0.0):
                lanes.begin(each)
                if chance.random() < 0.5:
                    done.append(each.offset)
                    lanes.finish(each)
                else:
                    lanes.retry(each, due_s=0.0, now_s=0.0)
            if chance.random() < 0.2:
                lanes = Lanes(lanes.position, lanes.done)
                read = lanes.position
        assert sorted(done) == list(range(len(users)))
        for user in set(users):
            own = [offset for offset in done if users[offset] == user]
            assert own == sorted(own)
