"""A training as one page of HTML with pictures, which needs nothing else: no scripts, nothing that it loads."""

from collections.abc import Sequence

from app.console.model_report import level_remark, verdict
from app.console.plots import Axis, Plot, bars, percent, text_of
from app.console.training_page import KIND_NAMES, figure_of, page_of, table_of
from app.events.instants import iso
from app.offline.training_figures import Level, TrainingFigures
from app.segments.definitions.model_file import Model, Quality


def model_page(
    model: Model,
    figures: TrainingFigures,
    *,
    baseline: str,
    baseline_quality: Quality,
    measured: Sequence[tuple[str, Quality, tuple[float, float]]],
    important: Sequence[tuple[str, float]],
    test: tuple[int, int, int],
) -> str:
    """The page. test: rows and positives of the test, users who are in training too."""
    rows, positives, both = test
    gain = next(gain for name, _, gain in measured if name == model.kind)
    share = positives / rows
    learnt = (
        f"Learnt from {model.rows:,} rows, {text_of(model.trained_from)} to {text_of(model.trained_until)}, "
        f"{model.positives:,} of them with it. Tested on {rows:,} later rows, {positives:,} with it ({percent(share)})."
    )
    origin = (
        f"Features {text_of(model.features, 80)} {text_of(model.features_version)}, model {text_of(model.version)}."
    )
    remarks = [
        verdict(model.kind, baseline, gain, min(positives, model.positives)),
        *level_remark(sum(each.forecast * each.rows for each in figures.tenths) / rows, share),
    ]
    is_good = gain[0] > 0 and len(remarks) == 1 and "too few" not in remarks[0]
    parts = [
        f"<p>How probable is <b>{text_of(model.label, 80)}</b>? {learnt}</p>",
        "<h2>How good it is</h2>",
        _measures(model.kind, baseline, baseline_quality, measured),
        "<h2>Pictures</h2>",
        '<div class="pictures">',
        _reliability(figures),
        _gain(figures, baseline, model.kind),
        _precision(figures, baseline, model.kind, share),
        _scores(figures, model.label),
        _columns(important),
        _periods(figures),
        "</div>",
        f'<p class="soft">{both:,} users have rows in training and in the test, as in production. {origin}</p>',
    ]
    return page_of(model.name, parts, remarks, is_good=is_good)


def _measures(
    chosen: str,
    baseline: str,
    baseline_quality: Quality,
    measured: Sequence[tuple[str, Quality, tuple[float, float]]],
) -> str:
    names = ("AUC", "average precision", "Brier", "of all in the top tenth", "gain over the baseline, 95 %")
    rows = [f"<tr><td>{text_of(baseline, 80)} alone (baseline)</td>{_cells(baseline_quality)}<td></td></tr>"]
    for name, quality, (low, high) in measured:
        is_chosen = name == chosen
        told = f"{KIND_NAMES.get(name, name)}{', chosen' if is_chosen else ''}"
        begin = '<tr class="chosen">' if is_chosen else "<tr>"
        gain = f'<td class="n">{low:+.3f} to {high:+.3f}</td>'
        rows.append(f"{begin}<td>{text_of(told)}</td>{_cells(quality)}{gain}</tr>")
    head = "".join(f'<th class="n">{each}</th>' for each in names)
    return table_of(f"<th></th>{head}", rows)


def _cells(quality: Quality) -> str:
    brier = "" if quality.brier < 0 else f"{quality.brier:.4f}"
    shown = (f"{quality.auc:.3f}", f"{quality.average_precision:.3f}", brier, percent(round(quality.top_tenth, 2)))
    return "".join(f'<td class="n">{each}</td>' for each in shown)


def _levels(first: str, rows: Sequence[tuple[str, Level]]) -> str:
    """The numbers of levels as a table; `first` is the title of what names each."""
    lines = [
        f'<tr><td>{name}</td><td class="n">{percent(level.forecast)}</td><td class="n">{percent(level.true)}</td>'
        f'<td class="n">{percent(level.low)} to {percent(level.high)}</td><td class="n">{level.rows:,}</td></tr>'
        for name, level in rows
    ]
    heads = "".join(f'<th class="n">{each}</th>' for each in ("forecast", "was true", "95 %", "rows"))
    return table_of(f"<th>{first}</th>{heads}", lines)


def _reliability(figures: TrainingFigures) -> str:
    top = max(max(each.forecast, each.high) for each in figures.tenths) * 1.05
    axis = Axis(0, top, "mean forecast", percent)
    plot = Plot(
        "Part that was true by mean forecast, in ten parts of the test", axis, Axis(0, top, "was true", percent)
    )
    plot.line([(0, 0), (top, top)], "s3")
    for each in figures.tenths:
        plot.interval(each.forecast, each.low, each.high)
    for each in figures.tenths:
        plot.dot(each.forecast, each.true, "f1")
    return figure_of(
        "Can its percentages be believed?",
        "The test in ten parts by the forecast. On the dashed line, as much was true as was said; "
        "the upright lines are 95 % intervals.",
        plot.svg(),
        legend=[("k1", "was true"), ("k3", "as forecast")],
        table=_levels("part", [(str(number), level) for number, level in enumerate(figures.tenths, 1)]),
    )


def _gain(figures: TrainingFigures, baseline: str, kind: str) -> str:
    plot = Plot(
        "Part of all positives by the part of the rows with the highest forecasts",
        Axis(0, 1, "part of the rows, highest forecast first", percent),
        Axis(0, 1, "of all found", percent),
    )
    plot.line([(0, 0), (1, 1)], "s3")
    plot.line(figures.gain_of_baseline, "s2")
    plot.line(figures.gain, "s1")
    return figure_of(
        "How many are found among the highest?",
        "Of all rows with the label, the part that is among the rows with the highest forecasts.",
        plot.svg(),
        legend=[("k1", KIND_NAMES.get(kind, kind)), ("k2", f"{baseline} alone"), ("k3", "by chance")],
    )


def _precision(figures: TrainingFigures, baseline: str, kind: str, share: float) -> str:
    plot = Plot(
        "Part of the chosen rows that is right, by the part of all positives that is found",
        Axis(0, 1, "of all with the label, so many are found", percent),
        Axis(0, 1, "right", percent),
    )
    plot.line([(0, share), (1, share)], "s3")
    plot.line(figures.precision_of_baseline, "s2")
    plot.line(figures.precision, "s1")
    return figure_of(
        "How many of those chosen are right?",
        "The more of all rows with the label are to be found, the more others are chosen along with them.",
        plot.svg(),
        legend=[("k1", KIND_NAMES.get(kind, kind)), ("k2", f"{baseline} alone"), ("k3", "by chance")],
    )


def _scores(figures: TrainingFigures, label: str) -> str:
    """Rows with the label and rows without, each as parts of their own, side by side in each step."""
    highest = max(*figures.scores_with, *figures.scores_without) * 1.05
    plot = Plot(
        "Distribution of the forecasts of rows with and without the label",
        Axis(0, figures.scores_max, "forecast", percent),
        Axis(0, highest, "part", percent),
    )
    step = figures.scores_max / len(figures.scores_with)
    for number, (own, others) in enumerate(zip(figures.scores_with, figures.scores_without, strict=True)):
        begin = number * step
        plot.column(begin, begin + step / 2, own, "f1")
        plot.column(begin + step / 2, begin + step, others, "f2")
    higher = "" if figures.scores_max >= 1 else " The last step holds all that is higher."
    return figure_of(
        "Which forecasts are given?",
        f"Rows of the test by their forecast, as parts of those with the label and of those without.{higher}",
        plot.svg(),
        legend=[("k1", f"with {label}"), ("k2", "without")],
    )


def _columns(important: Sequence[tuple[str, float]]) -> str:
    rows = [(name, lost, f"{lost:.3f}") for name, lost in important if lost > 0]
    said = (
        "Average precision that is lost on the test if a column is shuffled. "
        "A column that explains nearly all is a leak until shown otherwise."
    )
    if not rows:
        return figure_of("What does it go by?", f"{said} No column loses anything.", "")
    return figure_of("What does it go by?", said, bars("Average precision lost by column", rows))


def _periods(figures: TrainingFigures) -> str:
    begins = [each.begin_ms for each in figures.periods]
    days = [iso(begin)[:10] for begin in begins]
    last = len(begins) - 1
    top = max(max(each.level.high, each.level.forecast) for each in figures.periods) * 1.05
    ticks = tuple(sorted({0, last // 2, last} if last > 2 else set(range(last + 1))))
    plot = Plot(
        "Part that was true and mean forecast over the time",
        Axis(-0.5, last + 0.5, "beginning, UTC", lambda place: days[round(place)][5:], tuple(map(float, ticks))),
        Axis(0, top, "share", percent),
    )
    if tested := [place for place, each in enumerate(figures.periods) if each.is_test]:
        plot.shade(tested[0] - 0.5, last + 0.5)
    for place, each in enumerate(figures.periods):
        plot.interval(place, each.level.low, each.level.high)
    plot.line([(place, each.level.forecast) for place, each in enumerate(figures.periods)], "s2")
    for place, each in enumerate(figures.periods):
        plot.dot(place, each.level.true, "f1")
    what = {"day": "Day by day", "week": "Week by week", "weeks": "By several weeks"}[figures.period]
    return figure_of(
        "Does its level hold?",
        f"{what}, of all rows: the part that was true, with 95 % intervals, and the mean forecast. Shaded: the test. "
        "If the line leaves the points, the level has moved since the training.",
        plot.svg(),
        legend=[("k1", "was true"), ("k2", "mean forecast")],
        table=_levels("from", [(day, each.level) for day, each in zip(days, figures.periods, strict=True)]),
    )
