"""Events that wait for their turn: those of two users who are one."""

from tables import waiting
from tables.waiting import NO_OFFSET, Waiting


def held(*events: tuple[int, int, bytes]) -> Waiting:
    state = None
    for t, offset, value in events:
        state = waiting.hold(state, [t, offset, -1, value])
    assert state is not None
    return state


def test_events_of_both_wait_in_their_order_those_of_the_other_last_at_one_instant() -> None:
    user, other = held((5, 70, b"u5"), (9, 71, b"u9")), held((5, 70, b"a5"), (7, 99, b"a77"))
    merged = waiting.merge(user, other)
    assert merged == [
        9,
        [[5, 70, -1, b"u5"], [5, NO_OFFSET, -1, b"a5"], [7, NO_OFFSET, -1, b"a77"], [9, 71, -1, b"u9"]],
    ]


def test_events_of_one_wait_alone() -> None:
    assert waiting.merge(held((5, 70, b"u5")), None) == held((5, 70, b"u5"))
    assert waiting.merge(None, held((5, 70, b"a5"))) == held((5, NO_OFFSET, b"a5"))
    assert waiting.merge(None, None) is None
