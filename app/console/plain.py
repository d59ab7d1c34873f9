"""The same without a terminal: a line for each change, and now and then one that sums up."""

from app.console.board import Board, ChangeRow
from app.console.dashboard import Frame, latency
from app.console.options import show_instant

LINES_PER_S_MAX = 20
STATUS_EVERY_S = 5.0


def change_line(row: ChangeRow) -> str:
    """One change.

    >>> print(change_line(ChangeRow("2026-11-23T10:30:00.000Z", "u-42", "entered", "cart-abandoned",
    ...     "cart.idle >= 30m (30m)")))
    2026-11-23 10:30:00 u-42 entered cart-abandoned: cart.idle >= 30m (30m)
    """
    return f"{row.at[:10]} {row.at[11:19]} {row.user} {row.change} {row.segment}: {row.reason}"


def status_line(board: Board, frame: Frame) -> str:
    """Formats the state of the demo on one line."""
    inside = ", ".join(f"{row.name} {row.members:,}" for row in board.busiest(6))
    clock = "" if board.shop_ms < 0 else f", shop time {show_instant(board.shop_ms)} (x{frame.speed:g})"
    return (
        f"-- {frame.elapsed_s:.0f} s{clock}: {board.events:,} events ({board.events_per_s:,.0f}/s), "
        f"{board.users:,} users, {board.changes:,} changes, lag {board.lag:,}, "
        f"event to change {latency(board)}; members: {inside}"
    )


class LineBudget:
    """Lets through so many lines a second, and counts the others."""

    def __init__(self) -> None:
        self._second = -1
        self._lines = 0
        self._held_back = 0

    def allows(self, now_s: float) -> bool:
        """True if one more line may be written now."""
        if int(now_s) != self._second:
            self._second, self._lines = int(now_s), 0
        self._lines += 1
        if self._lines <= LINES_PER_S_MAX:
            return True
        self._held_back += 1
        return False

    def held_back(self) -> int:
        """Number of lines that were not written since the last call."""
        count, self._held_back = self._held_back, 0
        return count
