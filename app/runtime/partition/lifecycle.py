"""The life cycle of one assigned partition, as a table of states. Pure: events and instants are arguments.

Theory of operation. `TRANSITIONS` is the whole machine: an event that is not in the table cannot happen.
`PartitionTask` does the work and reports each event; `fail` answers with the next step. No I/O and no clock may live
here, so the simulator runs the same table.

assigned    given to this worker; nothing is open yet
fencing     making sure that no earlier owner writes any more
restoring   reading profiles, position and journal back
running     fetch, process, commit, for ever
failed      an exception, or an unknown result; all state was thrown away; waits, then opens again
draining    to be given back: the batch in hand is finished, no other is begun
revoked     the end

A partition that another worker has *fenced* has failed, too, but it may not be opened again before the group has
answered: either the group assigns the partition to another worker (then this life ends), or it confirms that the
assignment holds. Otherwise two workers that both believe to own the partition would fence each other in turn. After a
*fatal* failure a partition is never opened again: this version cannot read what it finds, and a retry does not help.

Nothing waits without a limit. A partition is overdue when it stands still in one state, or when it has committed
nothing for long although there was work, however busy it looks; then the watchdog ends the worker.
"""

from dataclasses import dataclass
from enum import Enum

from app.runtime.pacing.back_off import REOPEN_MS_FIRST, back_off_ms


class State(Enum):
    """State of a partition."""

    ASSIGNED = "assigned"
    FENCING = "fencing"
    RESTORING = "restoring"
    RUNNING = "running"
    FAILED = "failed"
    DRAINING = "draining"
    REVOKED = "revoked"


class Event(Enum):
    """Event in the life cycle of a partition."""

    OPEN = "open"
    FENCED = "fenced"
    RESTORED = "restored"
    FAIL = "fail"
    CONFIRM = "confirm"
    REVOKE = "revoke"
    DRAINED = "drained"


class Failure(Enum):
    """Kind of a failure."""

    RETRYABLE = "retryable"
    FENCED = "fenced"
    FATAL = "fatal"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.ASSIGNED, Event.OPEN): State.FENCING,
    (State.ASSIGNED, Event.REVOKE): State.DRAINING,
    (State.FENCING, Event.FENCED): State.RESTORING,
    (State.FENCING, Event.FAIL): State.FAILED,
    (State.FENCING, Event.REVOKE): State.DRAINING,
    (State.RESTORING, Event.RESTORED): State.RUNNING,
    (State.RESTORING, Event.FAIL): State.FAILED,
    (State.RESTORING, Event.REVOKE): State.DRAINING,
    (State.RUNNING, Event.FAIL): State.FAILED,
    (State.RUNNING, Event.REVOKE): State.DRAINING,
    (State.FAILED, Event.OPEN): State.FENCING,
    (State.FAILED, Event.CONFIRM): State.FAILED,
    (State.FAILED, Event.REVOKE): State.DRAINING,
    (State.DRAINING, Event.FAIL): State.DRAINING,
    (State.DRAINING, Event.REVOKE): State.DRAINING,
    (State.DRAINING, Event.DRAINED): State.REVOKED,
}
"""What is not in the table cannot happen; in particular nothing leaves `revoked`."""

MOVING = frozenset({State.ASSIGNED, State.FENCING, State.RESTORING, State.RUNNING, State.DRAINING})
"""States in which something has to move all the time; a failed partition waits on purpose."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`stall_s`: without any progress. `commit_stall_s`: without a commit, with something to do."""

    stall_s: float
    commit_stall_s: float


@dataclass(frozen=True, slots=True)
class Advice:
    """Next step after a failure: a pause, a question to the group first, or the end of the worker."""

    pause_ms: int
    ask_group: bool = False
    give_up: bool = False


class Lifecycle:
    """One partition's state, since when, and when it last got on. Instants are seconds of one monotonic clock."""

    def __init__(self, *, now_s: float, pause_ms_max: int = 5_000) -> None:
        self.state = State.ASSIGNED
        self.since_s = now_s
        self.progress_s = now_s
        self.settled_s = now_s
        self.opens = 0
        self.failures = 0
        self.failures_in_a_row = 0
        self.fenced = False
        self.fatal = False
        self.why = ""
        self._pause_ms_max = pause_ms_max

    def happen(self, event: Event, *, now_s: float) -> State:
        """The state after it; AssertionError for what the table does not have, or what a failure forbids."""
        after = TRANSITIONS.get((self.state, event))
        assert after is not None, f"{event} in state {self.state}"
        if event is Event.OPEN:
            assert not self.fenced, "opens a partition that another worker has, before the group has spoken"
            assert not self.fatal, "opens a partition that cannot be read"
            self.opens += 1
        elif event is Event.CONFIRM:
            self.fenced = False
        elif event is Event.RESTORED and not self.failures_in_a_row:
            self.settled_s = now_s  # a first restore has no limit while it makes progress
        if after is not self.state:
            self.state = after
            self.since_s = now_s
        self.progress_s = now_s
        return after

    def fail(self, failure: Failure, why: str, *, now_s: float) -> Advice:
        """Something went wrong: everything that is open has to be thrown away. What to do then."""
        self.happen(Event.FAIL, now_s=now_s)
        self.failures += 1
        self.failures_in_a_row += 1
        self.why = why
        pause_ms = back_off_ms(self.failures_in_a_row, first_ms=REOPEN_MS_FIRST, longest_ms=self._pause_ms_max)
        if failure is Failure.FATAL:
            self.fatal = True
            return Advice(0, give_up=True)
        if failure is Failure.FENCED:
            self.fenced = True
            return Advice(pause_ms, ask_group=True)
        return Advice(pause_ms)

    def progress(self, *, now_s: float) -> None:
        """Something moved on: records were read, a batch was processed, a write was acknowledged."""
        self.progress_s = now_s

    def committed(self, *, now_s: float) -> None:
        """Something was written for good."""
        self.failures_in_a_row = 0
        self.progress_s = self.settled_s = now_s

    def idle(self, *, now_s: float) -> None:
        """There was nothing to do: nothing to read, no timer due."""
        self.progress_s = self.settled_s = now_s

    def overdue(self, limits: Limits, *, now_s: float) -> str | None:
        """Returns why the worker has to end; None while the partition makes progress."""
        stalled_s, unsettled_s = now_s - self.progress_s, now_s - self.settled_s
        if self.state in MOVING and stalled_s > limits.stall_s:
            return f"{self.state.value}: made no progress for {stalled_s:.0f} s"
        first = self.state in (State.FENCING, State.RESTORING) and not self.failures_in_a_row
        if self.state is not State.REVOKED and not first and unsettled_s > limits.commit_stall_s:
            tries = f", opened {self.opens} times" if self.opens > 1 else ""
            why = f"; last: {self.why}" if self.failures_in_a_row else ""
            return f"{self.state.value}: committed nothing for {unsettled_s:.0f} s{tries}{why}"
        return None

    @property
    def leaving(self) -> bool:
        """True if the partition is being given back, or is."""
        return self.state in (State.DRAINING, State.REVOKED)
