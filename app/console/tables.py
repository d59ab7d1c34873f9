"""Tables and small pictures for the terminal."""

from collections.abc import Sequence

from rich.table import Table

from app.offline.backtest import POINTS, Summary

_BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], *, width: int = POINTS) -> str:
    """Values over time as bars, the highest full.

    >>> sparkline([0, 1, 2, 4], width=4)
    '▁▃▅█'
    """
    if not values:
        return ""
    points = [values[round(place * (len(values) - 1) / max(1, width - 1))] for place in range(min(width, len(values)))]
    top = max(points)
    return "".join(_BARS[round(value / top * (len(_BARS) - 1))] if top else _BARS[0] for value in points)


def summary_table(summary: Summary) -> Table:
    """Members over time, entries, exits and users of every segment."""
    table = Table(box=None, header_style="bold")
    table.add_column("segment", overflow="fold")
    table.add_column("members over time", no_wrap=True, overflow="crop")
    for title in ("members", "entries", "exits", "updates", "users"):
        table.add_column(title, justify="right")
    for name in sorted(summary.inside):
        over_time = [inside.get(name, 0) for _, inside in summary.members]
        table.add_row(
            name,
            sparkline(over_time),
            f"{summary.inside[name]:,}",
            f"{summary.entries[name]:,}",
            f"{summary.exits[name]:,}",
            f"{summary.updates[name]:,}",
            f"{summary.users_of[name]:,}",
        )
    return table
