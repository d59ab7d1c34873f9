"""`shoal cluster`: users who are alike, as definitions."""

from pathlib import Path

import msgspec

from app.console.clusters import show_clusters
from app.console.output import make_console, say, say_lines
from app.console.output_file import write_output_file
from app.console.working import working
from app.errors import UserError, need_packages
from app.events.visible_text import visible_json
from app.offline.cluster_files import definition_files, problems_of


def cluster(
    rows: Path,
    /,
    *,
    output: Path | None = None,
    prefix: str = "cluster",
    clusters: int | None = None,
    seed: int = 0,
    json: bool = False,
) -> int:
    """Find users who are alike in rows of features, and write a definition for each group of them.

    The number of clusters is the largest one that comes out alike from halves of the users. Labels of the rows are
    outcomes: they are shown, and not used. The definitions are drafts: read them, edit them, test them.

    Example: `shoal cluster rows.parquet --output clusters`

    Parameters
    ----------
    rows
        A Parquet file of shoal rows. The latest row of each user counts.
    output
        New folder for the definitions.
    prefix
        Beginning of the names of the segments.
    clusters
        Number of clusters, from 2 to 20. Default: found, from 2 to 8.
    seed
        The same seed and rows give the same clusters.
    json
        Print JSON.
    """
    need_packages("this command", "learn", "numpy", "pyarrow", "sklearn")
    if clusters is not None and not 2 <= clusters <= 20:
        raise UserError(f"--clusters is {clusters}", hint="a whole number from 2 to 20")
    if output is not None and output.exists():
        raise UserError(f"--output {output} exists already", hint="give a new folder")
    from app.learning.clusters import find_clusters
    from app.learning.points import read_points

    least, most = clusters or 2, clusters or 8
    with working("reading the rows") as say_now:
        points, metadata, booleans = read_points(rows)
        found = find_clusters(
            points,
            least=least,
            most=most,
            seed=seed,
            tries=lambda count: say_now(f"trying {count} clusters (at most {most})"),
        )
    console = make_console()
    if json:
        say_lines(console, visible_json(msgspec.json.format(msgspec.json.encode(found), indent=2).decode()))
    else:
        show_clusters(console, found, labels=list(points.labels), left_out=points.left_out)
    if output is not None:
        files = definition_files(found, metadata, booleans, prefix=prefix)
        if problems := problems_of(files):
            raise UserError("the definitions of the clusters cannot be used", detail=problems)
        output.mkdir(parents=True)
        for name, text in files.items():
            write_output_file(output / name, [text.rstrip("\n").encode()])
        if not json:
            say(console, f"{len(files)} definitions in {output}: shoal validate {output}")
    return 0
