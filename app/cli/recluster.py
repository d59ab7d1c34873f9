"""`shoal recluster`: published clusters against those of newer rows."""

from pathlib import Path
from typing import Final

import msgspec

from app.catalogs.definitions_folder import load_segments, read_definitions
from app.console.output import counted, make_console, say, say_lines
from app.console.output_file import write_output_file
from app.console.recalibration import show_recalibration
from app.console.working import working
from app.errors import UserError, need_packages
from app.events.visible_text import visible_json
from app.offline.cluster_files import new_drafts, problems_of
from app.segments.definitions.definition import Segment

EXIT_MOVED: Final = 1
CLUSTERS_MAX: Final = 20


def recluster(
    rows: Path,
    /,
    *,
    segments: Path,
    prefix: str = "cluster",
    threshold: float = 0.1,
    output: Path | None = None,
    clusters: int | None = None,
    seed: int = 0,
    json: bool = False,
) -> int:
    """Compare published clusters with those of newer rows: who would move, sizes, centres.

    Both are asked about the same rows. The exit code is 1 if a larger part of the users than the threshold would be in
    another cluster. Nothing is changed; with --output the new definitions are written, as drafts.

    Example: `shoal recluster rows.parquet --segments my-segments --prefix visitors --output newer`

    Parameters
    ----------
    rows
        A Parquet file of shoal rows. The latest row of each user counts.
    segments
        Folder of the definitions.
    prefix
        The clusters are the segments whose names begin with it and a dash.
    threshold
        Part of the users, from 0 to 1, who may be in another cluster before the exit code is 1.
    output
        New folder for the new definitions: each published file with another condition.
    clusters
        Number of new clusters, from 2 to 20. Default: as many as there are.
    seed
        The same seed, rows and definitions give the same result.
    json
        Print JSON.
    """
    need_packages("this command", "learn", "numpy", "pyarrow", "sklearn")
    if clusters is not None and not 2 <= clusters <= CLUSTERS_MAX:
        raise UserError(f"--clusters is {clusters}", hint=f"a whole number from 2 to {CLUSTERS_MAX}")
    if not 0 <= threshold <= 1:
        raise UserError(f"--threshold is {threshold}", hint="a part of the users, from 0 to 1, such as 0.1")
    if output is not None and output.exists():
        raise UserError(f"--output {output} exists already", hint="give a new folder")
    if output is not None and output.resolve().is_relative_to(segments.resolve()):
        raise UserError(
            f"--output {output} is in {segments}", hint="each definition would be there twice: choose another"
        )
    from app.learning.points import read_points
    from app.learning.recalibration import read_columns, recalibrate

    published = _published(segments, prefix)
    with working("comparing the published clusters with those of the rows"):
        points, metadata, booleans = read_points(rows)
        found = recalibrate(points, read_columns(rows), published, prefix=prefix, clusters=clusters, seed=seed)
    console = make_console()
    if json:
        made = msgspec.to_builtins(found) | {"share_moved": found.share_moved, "threshold": threshold}
        say_lines(console, visible_json(msgspec.json.format(msgspec.json.encode(made), indent=2).decode()))
    else:
        show_recalibration(console, found, threshold=threshold)
    if output is not None:
        files = new_drafts(found, {each.name: each.text for each in published}, metadata, booleans, prefix=prefix)
        _write(files, published, segments, output)
        if not json:
            say(console, f"{counted(len(files), 'draft')} in {output}: read them, then shoal test {output}")
    return EXIT_MOVED if found.share_moved > threshold else 0


def _published(folder: Path, prefix: str) -> list[Segment]:
    """The clusters of a folder. UserError if there are fewer than two."""
    found = [
        segment
        for segment in load_segments(folder).segments
        if segment.name.startswith(f"{prefix}-") and segment.status != "retired"
    ]
    if not 2 <= len(found) <= CLUSTERS_MAX:
        raise UserError(
            f"{folder} has {counted(len(found), 'segment')} whose name begins with {prefix}-",
            hint=f"--prefix names the clusters, 2 to {CLUSTERS_MAX}; shoal cluster --output FOLDER writes first ones",
        )
    return sorted(found, key=lambda segment: segment.name)


def _write(files: dict[str, str], published: list[Segment], segments: Path, output: Path) -> None:
    """Writes the drafts under the paths of the published files. UserError if they cannot be used with the others.

    A published definition may ask for a cluster, and must not ask for a draft: that problem is not one of the drafts.
    """
    paths = {each.name: each.path for each in published}
    others = {path: text for path, text in read_definitions(segments).items() if path not in paths.values()}
    drafts = {paths.get(name, str(segments / f"{name}.yaml")): text for name, text in files.items()}
    if problems := problems_of(others | drafts, only=drafts.keys()):
        raise UserError("the new definitions cannot be used", detail=problems)
    for path, text in drafts.items():
        written = output / Path(path).relative_to(segments)
        written.parent.mkdir(parents=True, exist_ok=True)
        write_output_file(written, [text.rstrip("\n").encode()])
