"""The life of a partition is a table."""

import pytest

from app.runtime.lifecycle import TRANSITIONS, Happening, Lifecycle, State, retry_wait_ms


def lived(*happenings: Happening) -> Lifecycle:
    life = Lifecycle(now_s=0.0)
    for second, happening in enumerate(happenings, start=1):
        life.happen(happening, now_s=float(second))
    return life


def test_the_ordinary_life() -> None:
    life = lived(Happening.OPEN, Happening.FENCED, Happening.RESTORED)
    assert life.state is State.RUNNING
    assert life.since_s == 3.0
    life.happen(Happening.REVOKE, now_s=9.0)
    assert life.leaving
    assert life.happen(Happening.DRAINED, now_s=9.5) is State.REVOKED


def test_every_state_but_revoked_can_be_revoked() -> None:
    for state in set(State) - {State.REVOKED}:
        assert TRANSITIONS[state, Happening.REVOKE] is State.DRAINING


def test_nothing_leaves_revoked() -> None:
    assert not [before for before, _ in TRANSITIONS if before is State.REVOKED]


def test_what_runs_or_opens_can_fail_and_open_again() -> None:
    life = lived(Happening.OPEN, Happening.FAIL, Happening.OPEN, Happening.FENCED, Happening.FAIL)
    assert life.state is State.FAILED
    assert (life.opens, life.failures) == (2, 2)


def test_a_failure_while_draining_does_not_open_it_again() -> None:
    assert lived(Happening.OPEN, Happening.REVOKE, Happening.FAIL).state is State.DRAINING


def test_what_the_table_does_not_have_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="RESTORED in state"):
        lived(Happening.RESTORED)


def test_progress_counts_from_the_last_step() -> None:
    life = lived(Happening.OPEN)
    assert life.stalled_s(now_s=11.0) == 10.0
    life.progress(now_s=10.5)
    assert life.stalled_s(now_s=11.0) == 0.5


def test_a_revoked_partition_is_never_stalled() -> None:
    life = lived(Happening.REVOKE, Happening.DRAINED)
    assert life.stalled_s(now_s=1e9) == 0.0


def test_pauses_double_up_to_their_limit() -> None:
    waits = [retry_wait_ms(n, limit_ms=1_000) for n in range(1, 7)]
    assert waits == [100, 200, 400, 800, 1_000, 1_000]
    assert retry_wait_ms(10**6, limit_ms=5_000) == 5_000
