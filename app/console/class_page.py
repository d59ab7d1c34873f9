"""A training with several classes as one page of HTML with pictures."""

from collections.abc import Sequence
from typing import Final

from app.console.class_report import ROWS_ENOUGH, fewest_rows, is_better, level_remarks, verdict
from app.console.plots import Axis, Plot, bars, percent, text_of
from app.console.training_page import KIND_NAMES, figure_of, page_of, table_of
from app.offline.class_training import ClassMeasures, Figures, Measures
from app.segments.definitions.model_file import Model

NAMES_MAX: Final = 40
"""Characters of class names that fit side by side."""


def class_page(model: Model, figures: Figures) -> str:
    """The page: measures of each kind of model, then each class against all others."""
    classes = figures.classes
    chosen = next(each for each in figures.measured if each.name == model.kind)
    remarks = [verdict(chosen, figures.baseline, classes), *level_remarks(classes)]
    learnt = (
        f"Learnt from {model.rows:,} rows, {text_of(model.trained_from)} to {text_of(model.trained_until)}. "
        f"Tested on {figures.test_rows:,} later rows."
    )
    origin = (
        f"Features {text_of(model.features, 80)} {text_of(model.features_version)}, model {text_of(model.version)}."
    )
    both = f"{figures.users_in_both:,} users have rows in training and in the test, as in production."
    parts = [
        f"<p>Which of {_listed(classes)} comes next? <b>{text_of(model.label, 80)}</b>. {learnt}</p>",
        "<h2>How good it is</h2>",
        _measures(chosen, figures),
        "<h2>Each class against all others</h2>",
        _classes(classes),
        "<h2>Pictures</h2>",
        '<div class="pictures">',
        _order(classes, figures.baseline.name, model.kind),
        _level(classes),
        _columns(figures.important),
        "</div>",
        f'<p class="soft">{both} {origin}</p>',
    ]
    is_good = is_better(chosen) and len(remarks) == 1 and min(map(fewest_rows, classes)) >= ROWS_ENOUGH
    return page_of(model.name, parts, remarks, is_good=is_good)


def _listed(classes: Sequence[ClassMeasures]) -> str:
    return ", ".join(text_of(each.name, 80) for each in classes)


def _measures(chosen: Measures, figures: Figures) -> str:
    heads = ("log loss", "most probable class was right", "lower log loss than the baseline, 95 %")
    rows = []
    tables = [figures.frequencies]
    if figures.baseline.name != figures.frequencies.name:
        tables.append(figures.baseline)
    for each in tables:
        told = f"{each.name} (baseline)" if each is figures.baseline else each.name
        rows.append(f"<tr><td>{text_of(told, 100)}</td>{_cells(each)}<td></td></tr>")
    for each in figures.measured:
        low, high = each.gain
        name = f"{KIND_NAMES.get(each.name, each.name)}{', chosen' if each is chosen else ''}"
        begin = '<tr class="chosen">' if each is chosen else "<tr>"
        rows.append(f'{begin}<td>{text_of(name)}</td>{_cells(each)}<td class="n">{low:+.4f} to {high:+.4f}</td></tr>')
    return table_of("<th></th>" + "".join(f'<th class="n">{each}</th>' for each in heads), rows)


def _cells(each: Measures) -> str:
    return f'<td class="n">{each.log_loss:.4f}</td><td class="n">{percent(each.accuracy)}</td>'


def _classes(classes: Sequence[ClassMeasures]) -> str:
    heads = ("rows of training", "rows of the test", "AUC, 95 %", "AUC of the baseline", "mean forecast", "was true")
    rows = []
    for each in classes:
        low, high = each.auc_interval
        cells = (
            f"{each.training_rows:,}",
            f"{each.test_rows:,}",
            f"{each.auc:.3f} ({low:.3f} to {high:.3f})",
            f"{each.baseline_auc:.3f}",
            percent(each.mean_forecast),
            percent(each.part),
        )
        numbers = "".join(f'<td class="n">{cell}</td>' for cell in cells)
        rows.append(f"<tr><td>{text_of(each.name, 80)}</td>{numbers}</tr>")
    return table_of("<th>class</th>" + "".join(f'<th class="n">{each}</th>' for each in heads), rows)


def _order(classes: Sequence[ClassMeasures], baseline: str, kind: str) -> str:
    plot = Plot(
        "AUC of each class against all others", _names(classes), Axis(0.4, 1, "AUC", lambda value: f"{value:g}")
    )
    plot.line([(-0.5, 0.5), (len(classes) - 0.5, 0.5)], "s3")
    for place, each in enumerate(classes):
        plot.interval(place, *each.auc_interval)
    for place, each in enumerate(classes):
        plot.dot(place, each.baseline_auc, "f2")
        plot.dot(place, each.auc, "f1")
    return figure_of(
        "Does it put the right ones first?",
        "How often a row of the class has a higher forecast of it than a row of another: 0.5 is chance. "
        "The upright lines are 95 % intervals.",
        plot.svg(),
        legend=[("k1", KIND_NAMES.get(kind, kind)), ("k2", f"baseline: {baseline}"), ("k3", "by chance")],
    )


def _level(classes: Sequence[ClassMeasures]) -> str:
    highest = max(max(each.mean_forecast, each.part) for each in classes) * 1.05
    plot = Plot("Mean forecast and part that was true, by class", _names(classes), Axis(0, highest, "share", percent))
    for place, each in enumerate(classes):
        plot.column(place - 0.35, place, each.part, "f1")
        plot.column(place, place + 0.35, each.mean_forecast, "f2")
    return figure_of(
        "Can its percentages be believed?",
        "Of the test: the part of the rows that was of the class, and the mean forecast of it.",
        plot.svg(),
        legend=[("k1", "was true"), ("k2", "mean forecast")],
    )


def _names(classes: Sequence[ClassMeasures]) -> Axis:
    """Classes side by side, by number where their names would not fit."""
    names = [each.name for each in classes]
    fits = sum(len(name) + 2 for name in names) <= NAMES_MAX
    told = names if fits else [str(number) for number in range(1, len(names) + 1)]
    title = "class" if fits else "class, as numbered in the table"
    last = len(classes) - 1
    return Axis(-0.5, last + 0.5, title, lambda place: told[round(place)], tuple(map(float, range(last + 1))))


def _columns(important: Sequence[tuple[str, float]]) -> str:
    rows = [(name, lost, f"{lost:.4f}") for name, lost in important if lost > 0]
    said = (
        "Log loss that is added on the test if a column is shuffled. "
        "A column that explains nearly all is a leak until shown otherwise."
    )
    if not rows:
        return figure_of("What does it go by?", f"{said} No column adds anything.", "")
    return figure_of("What does it go by?", said, bars("Log loss added by column", rows))
