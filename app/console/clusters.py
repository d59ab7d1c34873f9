"""Clusters of users, for people: sizes, what distinguishes them, and outcomes apart."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from app.console.output import counted
from app.offline.cluster_files import shown
from app.offline.clustering import AGREEMENT_LEAST, Cluster, Clustering


def show_clusters(console: Console, clustering: Clustering, *, labels: Sequence[str], left_out: Sequence[str]) -> None:
    """Shows the numbers of clusters that were tried, then the clusters. `left_out`: values that were not used."""
    tried = Table(box=None, pad_edge=False)
    for name in ("clusters", "agreement of halves", "silhouette", "smallest"):
        tried.add_column(name, justify="right")
    for count in clustering.counts:
        tried.add_row(str(count.clusters), f"{count.agreement:.2f}", f"{count.silhouette:.2f}", f"{count.smallest:,}")
    console.print(tried)
    console.print()
    table = Table(box=None, pad_edge=False)
    table.add_column("cluster")
    table.add_column("users", justify="right")
    table.add_column("share", justify="right")
    table.add_column("median of its users (of all users)")
    for label in labels:
        table.add_column(label, justify="right")
    for cluster in clustering.clusters:
        table.add_row(
            cluster.name,
            f"{cluster.users:,}",
            f"{100 * cluster.share:.1f} %",
            _differences(cluster),
            *(shown(own) for own, _ in cluster.outcomes.values()),
        )
    console.print(table)
    console.print()
    if left_out:
        console.print(f"left out, since texts or the same for all: {', '.join(left_out)}")
    console.print(
        f"the conditions put {100 * clustering.accuracy:.1f} % of the users right that were held back; the worst "
        f"cluster: {100 * min(cluster.recall for cluster in clustering.clusters):.1f} % of its users"
    )
    if not clustering.is_stable:
        console.print(
            f"no number of clusters has an agreement of {AGREEMENT_LEAST}: other users would make other clusters; "
            f"{counted(len(clustering.clusters), 'cluster')} agree best"
        )


def _differences(cluster: Cluster) -> str:
    return ", ".join(each.said for each in cluster.traits)
