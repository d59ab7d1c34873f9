"""`shoal train`: a model out of rows, with a report that does not flatter."""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from app.console.class_page import class_page
from app.console.class_report import class_report_lines, class_report_values
from app.console.model_page import model_page
from app.console.model_report import report_lines, size_remarks
from app.console.output import make_console, say, say_lines
from app.console.output_file import check_output_file, write_output_file
from app.console.working import working
from app.errors import need_packages
from app.segments.definitions.model_file import Kind, Model, Quality, write_model

if TYPE_CHECKING:
    from app.learning.rows_of_label import LabelRows
    from app.learning.training import Training


def train(
    rows: Path,
    /,
    *,
    output: Path,
    label: str | None = None,
    name: str | None = None,
    report: Path | None = None,
    html: Path | None = None,
    kind: Kind | None = None,
    seed: int = 0,
) -> int:
    """Train a model that says how probable a label is, and measure it on rows that came later.

    A linear model, a forest and boosted trees are trained on the earlier rows. The best on an inner split is chosen, of
    those that a folder of definitions takes: a forest of many rows is too large. The report compares them with the
    column that orders best by itself, and says if the model is better for certain. Of a label of the next segment, the
    model says how probable each class is; it is compared with a table.

    Example: `shoal train rows.parquet --label order_24h --output likely.model.json`

    Parameters
    ----------
    rows
        A Parquet file of shoal rows with labels.
    output
        File for the model (JSON).
    label
        The label to learn; a number counts as true above 0. Default: the only one.
    name
        Name of the model. Default: the label.
    report
        File for the report (Markdown; of a label with several classes also .json).
    html
        File for the report as one page of HTML with pictures.
    kind
        linear, forest or boosted: the model to write. Default: the best of those that a folder of definitions takes.
    seed
        The same seed and rows give the same model.
    """
    need_packages("this command", "learn", "numpy", "pyarrow", "sklearn")
    for file in (output, report, html):
        check_output_file(file, [rows])
    from app.learning.rows_of_label import read_label_rows

    found = read_label_rows(rows, label)
    learn = _train_classes if found.classes else _train_label
    return learn(found, output=output, name=name, report=report, html=html, kind=kind, seed=seed)


def _train_label(
    rows: "LabelRows",
    *,
    output: Path,
    name: str | None,
    report: Path | None,
    html: Path | None,
    kind: Kind | None,
    seed: int,
) -> int:
    from app.learning.exported import exported
    from app.learning.training import train as train_rows

    with working("training a linear model, a forest and boosted trees"):
        trained = train_rows(rows, seed=seed, kind=kind)
    model = exported(name or rows.name, rows, trained)
    test = trained.split.test
    measured = [(each.name, each.quality, each.gain) for each in trained.measured]
    counted = (len(test), int(rows.label[test].sum()), trained.users_in_both)
    lines = report_lines(
        model,
        baseline=trained.baseline,
        baseline_quality=trained.baseline_quality,
        measured=measured,
        tenths=trained.tenths,
        important=trained.important,
        test=counted,
    )
    content = write_model(model)
    lines += size_remarks(content, trained.too_large)
    write_output_file(output, [content])
    write_output_file(report, [line.encode() for line in lines])
    if html is not None:
        _write_page(html, model, rows, trained, measured, counted)
    return _told(lines, output)


def _write_page(
    html: Path,
    model: Model,
    rows: "LabelRows",
    trained: "Training",
    measured: list[tuple[str, Quality, tuple[float, float]]],
    test: tuple[int, int, int],
) -> None:
    from app.learning.figures import figures_of

    page = model_page(
        model,
        figures_of(rows, trained),
        baseline=trained.baseline,
        baseline_quality=trained.baseline_quality,
        measured=measured,
        important=trained.important,
        test=test,
    )
    write_output_file(html, [page.encode()])


def _train_classes(
    rows: "LabelRows",
    *,
    output: Path,
    name: str | None,
    report: Path | None,
    html: Path | None,
    kind: Kind | None,
    seed: int,
) -> int:
    from app.learning.classes import train_classes
    from app.learning.exported_classes import exported_classes

    with working("training a linear model, a forest and boosted trees"):
        trained = train_classes(rows, seed=seed, kind=kind)
    model = exported_classes(name or rows.name, rows, trained)
    content = write_model(model)
    lines = class_report_lines(model, trained.figures) + size_remarks(content, trained.too_large)
    write_output_file(output, [content])
    if report is not None and report.suffix == ".json":
        values = class_report_values(model, trained.figures)
        write_output_file(report, [msgspec.json.format(msgspec.json.encode(values))])
    else:
        write_output_file(report, [line.encode() for line in lines])
    if html is not None:
        write_output_file(html, [class_page(model, trained.figures).encode()])
    return _told(lines, output)


def _told(lines: list[str], output: Path) -> int:
    console = make_console()
    say_lines(console, "\n".join(lines))
    say(console, f"{output}: shoal predict ROWS --model {output} --output forecasts.csv")
    return 0
