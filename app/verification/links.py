"""Link records as they should be against link records as they are, over all partitions. Pure."""

from collections import Counter
from collections.abc import Iterable

from app.events.link_record import LINK_MARK, read_link
from app.verification.comparison import NO_SEQUENCE, Comparison, Difference


class Links:
    """Collects both sides, then compares: each link record stands in the log of its key, once where a broker has
    transactions, and at least once elsewhere."""

    def __init__(self, *, once: bool) -> None:
        self._once = once
        self._certain: Counter[bytes] = Counter()
        self._possible: Counter[bytes] = Counter()
        self._found: Counter[bytes] = Counter()
        self._doubtful: Counter[bytes] = Counter()

    def expect(self, values: Iterable[bytes], *, certain: bool) -> None:
        """Link records that some partition must have sent; those that are not certain may still be coming."""
        (self._certain if certain else self._possible).update(values)

    def find(self, value: bytes | None, *, doubtful: bool = False) -> None:
        """A record of the input topic; one that is no link record is passed over.

        `doubtful`: it was written while the snapshot was taken that the comparison begins with.
        """
        if value is not None and value.startswith(LINK_MARK):
            (self._doubtful if doubtful else self._found)[value] += 1

    def compare(self, result: Comparison) -> None:
        """Adds what differs to the result."""
        for value, count in self._doubtful.items():
            if value in self._certain or value in self._possible:  # else it was sent before the snapshot
                self._found[value] += count
        for value in self._certain - self._found:
            result.add(Difference("missing", *_place(value), f"link record {_said(value)}", expected=value))
        for value, count in self._found.items():
            wanted = self._certain[value] + self._possible[value]
            if not wanted or (self._once and count > wanted):
                said = "link record that nobody sent" if not wanted else f"link record {count} times, not {wanted}"
                result.add(Difference("extra", *_place(value), f"{said}: {_said(value)}", found=value))


def _place(value: bytes) -> tuple[str, int]:
    return read_link(value).to, NO_SEQUENCE


def _said(value: bytes) -> str:
    link = read_link(value)
    return f"{link.step} from {link.source!r} to {link.to!r}, claim {link.n}"
