"""The live view: a board as one screen."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from app.console.board import Board, ChangeRow, SegmentRow
from app.console.options import show_instant
from app.console.tables import sparkline

_BAR_WIDTH = 16
_SPARK_WIDTH = 30
_ROWS_AROUND = 9  # lines that are neither a segment nor a change
_CHANGES_MIN = 6
_ARROWS = {"entered": ("▲", "green"), "exited": ("▼", "red"), "updated": ("●", "yellow")}


@dataclass(frozen=True, slots=True)
class Frame:
    """Text around the board: address, speed, start and duration."""

    title: str
    speed: float
    elapsed_s: float
    left_s: float | None
    note: str = ""


def render(board: Board, frame: Frame, *, width: int, height: int) -> RenderableType:
    """One screen of `width` by `height` characters."""
    room = max(4, height - _ROWS_AROUND)
    segments = board.busiest(max(2, room - max(_CHANGES_MIN, room // 3)))
    changes = list(board.last)[-max(1, room - len(segments)) :]
    return Group(
        _headline(board, frame),
        _figures(board),
        Rule("who is in what now", style="dim", align="left"),
        _segments(segments, wide=width >= 100),
        Rule("last changes", style="dim", align="left"),
        _changes(changes, width=width),
    )


def _headline(board: Board, frame: Frame) -> Text:
    clock = "" if board.shop_ms < 0 else f"   shop time {show_instant(board.shop_ms)} (x{frame.speed:g})"
    left = "Ctrl-C ends it" if frame.left_s is None else f"{max(0.0, frame.left_s):.0f} s to go, Ctrl-C ends it"
    text = Text.assemble((frame.title, "bold"), (clock, "cyan"), (f"   {frame.elapsed_s:.0f} s, {left}", "dim"))
    if frame.note:
        text.append(f"   {frame.note}", "yellow")
    text.no_wrap = True
    return text


def _figures(board: Board) -> Table:
    grid = Table.grid(padding=(0, 3))
    figures = [
        ("events/s", f"{board.events_per_s:,.0f}", sparkline(list(board.rate_points)[-20:], width=20)),
        ("events", f"{board.events:,}", ""),
        ("users", f"{board.users:,}", ""),
        ("changes", f"{board.changes:,}", f"{board.changes_per_s:,.0f}/s"),
        ("lag", f"{board.lag:,}", ""),
        ("event to change", latency(board), ""),
    ]
    for _ in figures:
        grid.add_column(no_wrap=True)
    grid.add_row(*(Text(name, "dim") for name, _, _ in figures))
    grid.add_row(*(Text.assemble((value, "bold"), (f" {more}" if more else "", "cyan")) for _, value, more in figures))
    return grid


def latency(board: Board) -> str:
    """Median and 99th percentile in words."""
    found = board.latency_ms(0.5, 0.99)
    return f"{found[0]:,.0f} ms, p99 {found[1]:,.0f} ms" if found else "-"


def _segments(rows: Sequence[SegmentRow], *, wide: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("segment", no_wrap=True)
    table.add_column("members", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    if wide:
        table.add_column("last minute", no_wrap=True)
    table.add_column("entered", justify="right", style="green", no_wrap=True)
    table.add_column("exited", justify="right", style="red", no_wrap=True)
    most = max((row.members_max for row in rows), default=1) or 1
    for row in rows:
        filled = round(_BAR_WIDTH * row.members / most)
        bar = Text("█" * filled, "cyan")
        bar.append("·" * (_BAR_WIDTH - filled), "dim")
        lowest = min(row.points, default=0)  # the chart shows movement, not the absolute value
        over_time = [sparkline([point - lowest for point in row.points], width=_SPARK_WIDTH)] if wide else []
        table.add_row(row.name, f"{row.members:,}", bar, *over_time, f"+{row.entered:,}", f"-{row.exited:,}")
    return table


def _changes(rows: list[ChangeRow], *, width: int) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(no_wrap=True)
    taken = 16 + max((len(row.user) for row in rows), default=0)  # the time, the arrow and the user, with their gaps
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=max(20, width - taken))
    for row in rows:
        arrow, style = _ARROWS[row.change]
        told = Text.assemble((f"{row.change} ", style), (row.segment, "bold"), f": {row.reason}")
        table.add_row(row.at[11:19], Text.assemble((f"{arrow} ", style), row.user), told)
    return table
