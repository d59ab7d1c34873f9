"""The life of one assigned partition, as a table of states. Pure: it is told what happened and when.

assigned    given to this worker; nothing is open yet
fencing     making sure that no earlier owner writes any more
restoring   reading profiles, position and journal back
running     fetch, process, commit, for ever
failed      an exception or a doubt; everything was thrown away; waits, then opens again
draining    to be given back: the batch in hand is finished, no other is begun
revoked     the end

Every state but running and revoked has a bound: a partition that stays in it longer without any progress is overdue,
and the watchdog ends the worker.
"""

from enum import Enum


class State(Enum):
    """Where a partition is in its life."""

    ASSIGNED = "assigned"
    FENCING = "fencing"
    RESTORING = "restoring"
    RUNNING = "running"
    FAILED = "failed"
    DRAINING = "draining"
    REVOKED = "revoked"


class Happening(Enum):
    """What can happen to it."""

    OPEN = "open"
    FENCED = "fenced"
    RESTORED = "restored"
    FAIL = "fail"
    REVOKE = "revoke"
    DRAINED = "drained"


TRANSITIONS: dict[tuple[State, Happening], State] = {
    (State.ASSIGNED, Happening.OPEN): State.FENCING,
    (State.ASSIGNED, Happening.REVOKE): State.DRAINING,
    (State.FENCING, Happening.FENCED): State.RESTORING,
    (State.FENCING, Happening.FAIL): State.FAILED,
    (State.FENCING, Happening.REVOKE): State.DRAINING,
    (State.RESTORING, Happening.RESTORED): State.RUNNING,
    (State.RESTORING, Happening.FAIL): State.FAILED,
    (State.RESTORING, Happening.REVOKE): State.DRAINING,
    (State.RUNNING, Happening.FAIL): State.FAILED,
    (State.RUNNING, Happening.REVOKE): State.DRAINING,
    (State.FAILED, Happening.OPEN): State.FENCING,
    (State.FAILED, Happening.REVOKE): State.DRAINING,
    (State.DRAINING, Happening.FAIL): State.DRAINING,
    (State.DRAINING, Happening.REVOKE): State.DRAINING,
    (State.DRAINING, Happening.DRAINED): State.REVOKED,
}
"""What is not in the table cannot happen; in particular nothing leaves `revoked`."""


class Lifecycle:
    """One partition's state, since when, and when it last got on. Instants are seconds of one monotonic clock."""

    def __init__(self, *, now_s: float) -> None:
        self.state = State.ASSIGNED
        self.since_s = now_s
        self.progress_s = now_s
        self.opens = 0
        self.failures = 0

    def happen(self, happening: Happening, *, now_s: float) -> State:
        """The state after it; AssertionError for what the table does not have."""
        after = TRANSITIONS.get((self.state, happening))
        assert after is not None, f"{happening} in state {self.state}"
        if after is not self.state:
            self.state = after
            self.since_s = now_s
        self.progress_s = now_s
        self.opens += happening is Happening.OPEN
        self.failures += happening is Happening.FAIL
        return after

    def progress(self, *, now_s: float) -> None:
        """Something moved on: records were read, a batch was processed, a write was acknowledged."""
        self.progress_s = now_s

    def stalled_s(self, *, now_s: float) -> float:
        """Seconds without progress."""
        return 0.0 if self.state is State.REVOKED else now_s - self.progress_s

    @property
    def leaving(self) -> bool:
        """Whether the partition is being given back, or is."""
        return self.state in (State.DRAINING, State.REVOKED)


def retry_wait_ms(failures_in_a_row: int, *, limit_ms: int, first_ms: int = 100) -> int:
    """The pause before a failed partition is opened again: doubled each time, up to the limit.

    >>> [retry_wait_ms(n, limit_ms=5_000) for n in (1, 2, 3, 10)]
    [100, 200, 400, 5000]
    """
    return int(min(limit_ms, first_ms << min(max(failures_in_a_row - 1, 0), 30)))
