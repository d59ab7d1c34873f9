"""The life of a partition is a table."""

import pytest

from app.runtime.partition.lifecycle import (
    TRANSITIONS,
    Event,
    Failure,
    Lifecycle,
    Limits,
    State,
)

LIMITS = Limits(stall_s=60.0, commit_stall_s=180.0)
OPENED = (Event.OPEN, Event.FENCED, Event.RESTORED)


def lived(*happenings: Event) -> Lifecycle:
    life = Lifecycle(now_s=0.0)
    for second, event in enumerate(happenings, start=1):
        life.happen(event, now_s=float(second))
    return life


def test_the_ordinary_life() -> None:
    life = lived(Event.OPEN, Event.FENCED, Event.RESTORED)
    assert life.state is State.RUNNING
    assert life.since_s == 3.0
    life.happen(Event.REVOKE, now_s=9.0)
    assert life.leaving
    assert life.happen(Event.DRAINED, now_s=9.5) is State.REVOKED


def test_every_state_but_revoked_can_be_revoked() -> None:
    for state in set(State) - {State.REVOKED}:
        assert TRANSITIONS[state, Event.REVOKE] is State.DRAINING


def test_nothing_leaves_revoked() -> None:
    assert not [before for before, _ in TRANSITIONS if before is State.REVOKED]


def test_what_runs_or_opens_can_fail_and_open_again() -> None:
    life = lived(*OPENED)
    assert life.fail(Failure.RETRYABLE, "lost", now_s=4.0).pause_ms == 100
    life.happen(Event.OPEN, now_s=5.0)
    assert life.fail(Failure.RETRYABLE, "lost", now_s=6.0).pause_ms == 200
    assert life.state is State.FAILED
    assert (life.opens, life.failures) == (2, 2)


def test_a_failure_while_draining_does_not_open_it_again() -> None:
    life = lived(Event.OPEN, Event.REVOKE)
    life.fail(Failure.RETRYABLE, "lost", now_s=3.0)
    assert life.state is State.DRAINING


def test_an_ousted_partition_is_not_opened_before_the_group_has_spoken() -> None:
    life = lived(*OPENED)
    assert life.fail(Failure.FENCED, "fenced", now_s=4.0).ask_group
    with pytest.raises(AssertionError, match="before the group has spoken"):
        life.happen(Event.OPEN, now_s=5.0)
    life.happen(Event.CONFIRM, now_s=6.0)
    assert life.happen(Event.OPEN, now_s=7.0) is State.FENCING


def test_a_hopeless_partition_is_never_opened_again() -> None:
    life = lived(Event.OPEN, Event.FENCED)
    assert life.fail(Failure.FATAL, "a format of the future", now_s=3.0).give_up
    life.happen(Event.CONFIRM, now_s=4.0)
    with pytest.raises(AssertionError, match="cannot be read"):
        life.happen(Event.OPEN, now_s=5.0)


def test_what_the_table_does_not_have_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="RESTORED in state"):
        lived(Event.RESTORED)


@pytest.mark.parametrize(
    "happenings",
    [(), (Event.OPEN,), (Event.OPEN, Event.FENCED), OPENED, (Event.REVOKE,)],
    ids=["assigned", "fencing", "restoring", "running", "draining"],
)
def test_no_state_waits_without_a_bound(happenings: tuple[Event, ...]) -> None:
    life = lived(*happenings)
    began_s = float(len(happenings))
    assert life.overdue(LIMITS, now_s=began_s + 60) is None
    life.progress(now_s=began_s + 10)
    assert life.overdue(LIMITS, now_s=began_s + 70) is None
    assert life.overdue(LIMITS, now_s=began_s + 71) == f"{life.state.value}: made no progress for 61 s"


def test_endless_opening_is_no_progress() -> None:
    life = lived(*OPENED)
    life.committed(now_s=10.0)
    now_s = 10.0
    while now_s < 190.0:
        life.fail(Failure.RETRYABLE, "the broker is away", now_s=now_s + 1)
        assert life.overdue(LIMITS, now_s=now_s) is None
        for event in OPENED:
            life.happen(event, now_s=now_s + 2)
        now_s += 9
    assert life.overdue(LIMITS, now_s=191.0) == (
        "running: committed nothing for 181 s, opened 21 times; last: the broker is away"
    )
    life.committed(now_s=191.0)
    assert life.overdue(LIMITS, now_s=200.0) is None


def test_an_ousted_partition_of_which_the_group_never_speaks_is_overdue_in_the_end() -> None:
    life = lived(*OPENED)
    life.fail(Failure.FENCED, "fenced", now_s=4.0)
    assert life.overdue(LIMITS, now_s=180.0) is None
    assert life.overdue(LIMITS, now_s=184.0) == "failed: committed nothing for 181 s; last: fenced"


def test_a_first_restore_may_take_as_long_as_it_moves() -> None:
    life = lived(Event.OPEN, Event.FENCED)
    for second in range(3, 1_000, 50):
        life.progress(now_s=float(second))
        assert life.overdue(LIMITS, now_s=second + 50.0) is None
    life.happen(Event.RESTORED, now_s=1_000.0)
    assert life.overdue(LIMITS, now_s=1_050.0) is None


def test_a_partition_with_nothing_to_do_need_not_commit() -> None:
    life = lived(*OPENED)
    for second in range(3, 1_000, 50):
        life.idle(now_s=float(second))
        assert life.overdue(LIMITS, now_s=second + 50.0) is None


def test_a_revoked_partition_is_never_overdue() -> None:
    life = lived(Event.REVOKE, Event.DRAINED)
    assert life.overdue(LIMITS, now_s=1e9) is None


def test_pauses_double_up_to_their_limit() -> None:
    lifecycle = Lifecycle(now_s=0.0, pause_ms_max=1_000)
    pauses = []
    for _ in range(6):
        lifecycle.happen(Event.OPEN, now_s=0.0)
        pauses.append(lifecycle.fail(Failure.RETRYABLE, "away", now_s=0.0).pause_ms)
    assert pauses == [100, 200, 400, 800, 1_000, 1_000]
