"""A training, for people: how good each model is on later rows, and if it beats the baseline."""

from collections.abc import Sequence

from app.segments.definitions.model_file import Model, Quality
from app.segments.definitions.yaml_source import FILE_LENGTH_MAX

POSITIVES_ENOUGH = 100


def report_lines(
    model: Model,
    *,
    baseline: str,
    baseline_quality: Quality,
    measured: Sequence[tuple[str, Quality, tuple[float, float]]],
    tenths: Sequence[tuple[float, float, int]],
    important: Sequence[tuple[str, float]],
    test: tuple[int, int, int],
) -> list[str]:
    """The report in Markdown. test: rows and positives of the test, users who are in training too."""
    rows, positives, both = test
    gain = next(gain for name, _, gain in measured if name == model.kind)
    lines = [
        f"# {model.name}",
        f"Label {model.label}.",
        f"Features {model.features} {model.features_version}.",
        f"Training, {model.trained_from} to {model.trained_until}: {model.rows:,} rows, {model.positives:,} with it.",
        f"Test, later: {rows:,} rows, {positives:,} with it.",
        "",
        f"**{verdict(model.kind, baseline, gain, min(positives, model.positives))}**",
        "",
        "| | AUC | average precision | Brier | of all in the top tenth | gain over the baseline, 95 % |",
        "|---|---|---|---|---|---|",
        f"| baseline: {baseline} | {_cells(baseline_quality)} | |",
        *(f"| {name} | {_cells(quality)} | {low:+.3f} to {high:+.3f} |" for name, quality, (low, high) in measured),
        "",
        "Forecasts of the test in ten parts, lowest first:",
        "",
        "| mean forecast | was true | rows |",
        "|---|---|---|",
        *(f"| {forecast:.3f} | {true:.3f} | {count:,} |" for forecast, true, count in tenths),
        "",
        "Average precision that is lost if a column is shuffled:",
        "",
        "| column | lost |",
        "|---|---|",
        *(f"| {name} | {lost:.3f} |" for name, lost in important if lost > 0),
        "",
        f"{both:,} users have rows in training and in the test, as in production.",
    ]
    return lines + level_remark(sum(each[0] * each[2] for each in tenths) / rows, positives / rows)


def level_remark(forecast: float, true: float) -> list[str]:
    """Remark about the level of the forecasts; none if it is about right."""
    if 0.8 <= forecast / true <= 1.25:
        return []
    return [f"The level is off: the mean forecast is {forecast:.4f}, {true:.4f} was true."]


def size_remarks(content: bytes, too_large: Sequence[str]) -> list[str]:
    """Remarks about files that a folder of definitions does not take. too_large: kinds that were left out for it."""
    remarks = [
        f"On rows of the training {name} was better, but its file is too large for a definition, which has at most "
        f"{FILE_LENGTH_MAX:,} characters. --kind {name} writes it, for shoal predict."
        for name in too_large
    ]
    if len(content) > FILE_LENGTH_MAX:
        remarks.append(
            f"The file has {len(content):,} characters, and a folder of definitions takes {FILE_LENGTH_MAX:,}: shoal "
            "predict can use it. Train without --kind for a smaller one."
        )
    return remarks


def verdict(kind: str, baseline: str, gain: tuple[float, float], positives: int) -> str:
    """If the model is better than the baseline for certain, and if there is enough to rely on."""
    few = f" Only {positives:,} rows with the label: too few to rely on." if positives < POSITIVES_ENOUGH else ""
    if gain[0] > 0:
        return f"{kind} orders better than {baseline} alone.{few}"
    return f"Not shown that {kind} orders better than {baseline} alone: the interval of the gain covers 0.{few}"


def _cells(quality: Quality) -> str:
    brier = "" if quality.brier < 0 else f"{quality.brier:.4f}"
    return f"{quality.auc:.3f} | {quality.average_precision:.3f} | {brier} | {100 * quality.top_tenth:.0f} %"
