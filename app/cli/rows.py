"""`shoal rows`: values of users at moments, and what came after, out of files of past events."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from app.catalogs.features import load_features
from app.console.backtesting import show_missing, show_unusable
from app.console.feature_rows import show_rows
from app.console.options import read_instant_ms
from app.console.output import make_console
from app.console.output_file import check_output_file, whole_file, write_output_file
from app.console.playing import play_files
from app.offline.backtest import Backtest
from app.offline.feature_rows import FeatureRows
from app.offline.name_census import NameCensus
from app.offline.row_files import check_rows_file, columns_of, lines_of, metadata_of, write_parquet
from app.offline.value_census import ValueCensus
from app.runtime.process.gc_control import without_collector
from app.settings import load_settings


def rows(
    files: Annotated[list[Path], Parameter(consume_multiple=True)],
    /,
    *,
    features: Path,
    output: Path,
    segments: Path | None = None,
    until: str | None = None,
    keep_open: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Make rows for analysis and models: values of users at moments, and labels of what came after. Needs no broker.

    The values of a row are those that a worker computes at that instant, and nothing that came later. A row whose
    labels look beyond the last event is left out.

    Example: `shoal rows events.jsonl.gz --features features/fifth-page.yaml --output rows.parquet`

    Parameters
    ----------
    files
        Messages in the Segment spec, in order of time: one JSON object a line (.jsonl, .gz), or Parquet with those
        columns.
    features
        The features file: moments, values and labels; see docs/features.md.
    output
        The file to write: .parquet, .csv or .jsonl.
    segments
        Folder with the definitions and settings that the features refer to.
    until
        After the last event, advance the clock to this instant, such as 2026-09-01T00:00:00Z: nothing happened until
        then.
    keep_open
        Also write rows whose labels are not known yet, with empty labels.
    """
    check_rows_file(output)
    check_output_file(output, files)
    until_ms = None if until is None else read_instant_ms(until, option="--until")
    rules = load_settings().time_rules
    made, catalog = load_features(features, segments)
    console = make_console()
    heard = FeatureRows(made)
    with without_collector():
        run = Backtest(catalog, rules, hear=heard.hear, hear_link=heard.hear_link)
        census, values = NameCensus(catalog), ValueCensus(catalog)
        (summary,) = play_files(console, files, (run,), census, values, until_ms=until_ms)
        found = list(heard.rows(summary.end_ms))
        kept = found if keep_open else [row for row in found if None not in row.labels]
        columns = columns_of(made, kept)
        if output.suffix == ".parquet":
            with whole_file(output) as part:
                write_parquet(part, columns, metadata_of(made, columns))
        else:
            write_output_file(output, lines_of(output, columns))
    show_rows(console, summary, made, columns, rows=len(kept), left_out=len(found) - len(kept))
    show_missing(console, census.missing())
    show_unusable(console, values.unusable())
    return 0
