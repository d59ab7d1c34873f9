"""Published clusters against those of newer rows, for people."""

from rich.console import Console
from rich.table import Table

from app.console.output import counted, say
from app.offline.cluster_files import shown
from app.offline.recalibration import Comparison, Recalibration

FLOWS_MAX = 10


def show_recalibration(console: Console, found: Recalibration, *, threshold: float) -> None:
    """Shows sizes and centres of each cluster, who would move, and if that is more than the threshold."""
    table = Table(box=None, pad_edge=False)
    table.add_column("segment")
    for name in ("users", "share", "users, new", "share, new"):
        table.add_column(name, justify="right")
    table.add_column("median of its users: now, new")
    for each in found.clusters:
        now, new = (f"{100 * users / found.users:.1f} %" for users in (each.before, each.after))
        table.add_row(each.segment, f"{each.before:,}", now, f"{each.after:,}", new, _shifts(each))
    console.print(table)
    console.print()
    for merged in found.merged:
        small = f"a new cluster, {merged.name}, had only {counted(merged.users, 'user')}"
        say(console, f"{small}: added to {merged.into}", "yellow")
    if found.outside or found.several:
        told = (
            f"by the published conditions {counted(found.outside, 'user')} of {found.users:,} in none of the segments"
        )
        say(console, f"{told}, {found.several:,} in several", "yellow")
    for before, after, users in found.flows[:FLOWS_MAX]:
        say(console, f"{counted(users, 'user')} from {before} to {after}")
    if (rest := len(found.flows) - FLOWS_MAX) > 0:
        say(console, f"and {rest} smaller flows")
    say(console, f"agreement of published and new clusters (adjusted Rand index): {found.agreement:.2f}")
    count = found.clustering.counts[0]
    say(console, f"agreement of halves of the users about {count.clusters} clusters: {count.agreement:.2f}")
    is_more = found.share_moved > threshold
    told = f"{100 * found.share_moved:.1f} % of the users would be in another cluster"
    limit = f"{'more' if is_more else 'not more'} than the threshold of {100 * threshold:g} %"
    say(console, f"{told}: {limit}", "yellow" if is_more else "")


def _shifts(comparison: Comparison) -> str:
    if not comparison.before:
        return "new"
    if not comparison.after:
        return "no new cluster takes its place"
    return ", ".join(f"{each.column} {shown(each.before)}, {shown(each.after)}" for each in comparison.shifts)
