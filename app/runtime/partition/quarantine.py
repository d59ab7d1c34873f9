"""Finding the record that a batch fails at. Pure.

A batch that fails is tried again as it was. When it has failed `tries` times it is cut before the record that was
being processed, then that record is tried alone, `tries` times; then it is condemned and the others go on. Where
nobody can say which record it was, the batch is halved until one is left.
"""


class Quarantine:
    """The memory of one partition's failures. Offsets are input offsets; a batch is told by where it begins."""

    def __init__(self, *, tries: int) -> None:
        self._tries = tries
        self._start = -1
        self._failures = 0
        self._until = -1  # the offset from which on no record is suspected
        self._limit = 0  # records of the next batch before that
        self._then = 0  # records of the batches after it

    def limit(self, offset: int, default: int) -> int:
        """Most records of the batch that begins at `offset`."""
        return min(self._limit, default) if offset < self._until else default

    @property
    def suspicious(self) -> bool:
        """True while a failed record has not been processed since."""
        return self._failures > 0 or self._until >= 0

    def failed(self, start: int, *, records: int, end: int, suspect: int | None, handed_out: int) -> bool:
        """A batch of `records` from `start` up to before `end` failed.

        `suspect`: the offset of the record that was being processed, the `handed_out`-th; None if nobody can say.
        True: it is one record, tried often enough, and to be condemned.
        """
        if start != self._start:
            self._start, self._failures = start, 0
        self._failures += 1
        if self._failures < self._tries:
            return False
        if records == 1:
            self._forget()
            return True
        self._failures = 0
        if suspect is None:
            self._until = max(self._until, end)
            self._limit = self._then = records // 2
        else:
            self._until = suspect + 1
            self._limit = max(1, handed_out - 1)
            self._then = 1
        return False

    def passed(self, next_offset: int) -> None:
        """Everything before `next_offset` is committed."""
        self._failures = 0
        if next_offset >= self._until:
            self._forget()
        else:
            self._limit = self._then

    def _forget(self) -> None:
        self._start, self._failures, self._until = -1, 0, -1
