"""Order, positions and ranges of what is in hand."""

import random

from app.destinations.user_queues import UserQueues


def heads(queues: UserQueues[str], now_s: float = 0.0) -> list[int]:
    return [each.offset for each in queues.heads(now_s)]


def test_a_users_second_change_waits_for_the_first() -> None:
    queues: UserQueues[str] = UserQueues(0)
    for offset, user in enumerate(["ann", "ben", "ann"]):
        queues.add(offset, user, "x")
    queues.reach(3)
    assert heads(queues) == [0, 1]
    first = queues.heads(0)[0]
    queues.begin(first)
    assert heads(queues) == [1]
    queues.finish(first)
    assert heads(queues) == [1, 2]
    assert queues.position == 1


def test_the_position_is_the_first_that_is_not_done_and_ranges_hold_the_rest() -> None:
    queues: UserQueues[str] = UserQueues(10)
    for offset in (10, 12, 15):
        queues.add(offset, f"u-{offset}", "x")
    queues.reach(20)
    assert (queues.position, queues.done) == (10, ((11, 12), (13, 15), (16, 20)))
    middle = queues.heads(0)[1]
    queues.begin(middle)
    queues.finish(middle)
    assert (queues.position, queues.done) == (10, ((11, 15), (16, 20)))


def test_what_was_done_before_a_restart_is_not_taken_again() -> None:
    queues: UserQueues[str] = UserQueues(10, [(11, 15), (16, 20)])
    for offset in range(10, 22):
        queues.add(offset, f"u-{offset}", "x")
        queues.reach(offset + 1)
    assert heads(queues) == [10, 15, 20, 21]


def test_a_random_life_with_restarts_does_each_offset_once() -> None:
    chance = random.Random(3)
    for _ in range(50):
        users = [f"u-{chance.randrange(8)}" for _ in range(60)]
        done: list[int] = []
        queues: UserQueues[str] = UserQueues(0)
        read = 0
        while len(done) < len(users):
            if read < len(users) and chance.random() < 0.5:
                for offset in range(read, min(len(users), read + 7)):
                    queues.add(offset, users[offset], "x")
                read = min(len(users), read + 7)
                queues.reach(read)
            for each in queues.heads(0.0):
                queues.begin(each)
                if chance.random() < 0.5:
                    done.append(each.offset)
                    queues.finish(each)
                else:
                    queues.retry(each, due_s=0.0, now_s=0.0)
            if chance.random() < 0.2:
                queues = UserQueues(queues.position, queues.done)
                read = queues.position
        assert sorted(done) == list(range(len(users)))
        for user in set(users):
            own = [offset for offset in done if users[offset] == user]
            assert own == sorted(own)
