"""A training with several classes, for people and for programs: how good each model is on later rows."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from app.offline.class_training import ClassMeasures, Figures, Measures
from app.segments.definitions.model_file import Model

ROWS_ENOUGH = 100
LEVELS = (0.8, 1.25)
"""A mean forecast between these times of what was true is not off."""


def class_report_lines(model: Model, figures: Figures) -> list[str]:
    """The report in Markdown."""
    frequencies, baseline, classes = figures.frequencies, figures.baseline, figures.classes
    chosen = _chosen(model, figures)
    trained = f"Training, {model.trained_from} to {model.trained_until}: {model.rows:,} rows."
    tables = [frequencies] if baseline.name == frequencies.name else [frequencies, baseline]
    lines = [
        f"# {model.name}",
        f"Label {model.label}: {', '.join(each.name for each in classes)}.",
        f"Features {model.features} {model.features_version}.",
        f"{trained} Test, later: {figures.test_rows:,} rows.",
        "",
        f"**{verdict(chosen, baseline, classes)}**",
        "",
        "| | log loss | most probable class was right | lower log loss than the baseline, 95 % |",
        "|---|---|---|---|",
        *(f"| {'baseline: ' if each is baseline else ''}{each.name} | {_cells(each)} | |" for each in tables),
        *(
            f"| {each.name} | {_cells(each)} | {each.gain[0]:+.4f} to {each.gain[1]:+.4f} |"
            for each in figures.measured
        ),
        "",
        f"Each class against all others, by {chosen.name}:",
        "",
        "| class | rows of training | rows of the test | AUC, 95 % | AUC of the baseline | mean forecast | was true |",
        "|---|---|---|---|---|---|---|",
        *map(_class_line, classes),
        "",
        "Log loss that is added if a column is shuffled:",
        "",
        "| column | added |",
        "|---|---|",
        *(f"| {name} | {lost:.4f} |" for name, lost in figures.important if lost > 0),
        "",
        f"{figures.users_in_both:,} users have rows in training and in the test, as in production.",
    ]
    return lines + level_remarks(classes)


def level_remarks(classes: Sequence[ClassMeasures]) -> list[str]:
    """A sentence about each class whose mean forecast is off."""
    return [
        f"The level of {each.name} is off: the mean forecast is {each.mean_forecast:.4f}, {each.part:.4f} was true."
        for each in classes
        if not LEVELS[0] <= each.mean_forecast / each.part <= LEVELS[1]
    ]


def class_report_values(model: Model, figures: Figures) -> dict[str, Any]:
    """The report as values, for JSON."""
    chosen = _chosen(model, figures)
    return {
        "model": model.name,
        "version": model.version,
        "label": model.label,
        "features": model.features,
        "features_version": model.features_version,
        "trained_from": model.trained_from,
        "trained_until": model.trained_until,
        "training_rows": model.rows,
        "chosen": chosen.name,
        "is_better": is_better(chosen),
        "verdict": verdict(chosen, figures.baseline, figures.classes),
        **asdict(figures),
        "important": dict(figures.important),
    }


def _chosen(model: Model, figures: Figures) -> Measures:
    return next(each for each in figures.measured if each.name == model.kind)


def is_better(chosen: Measures) -> bool:
    """True if a model is better than the baseline for certain."""
    return chosen.gain[0] > 0


def fewest_rows(each: ClassMeasures) -> int:
    """The rows of a class in the training or in the test, whichever are fewer."""
    return min(each.training_rows, each.test_rows)


def verdict(chosen: Measures, baseline: Measures, classes: Sequence[ClassMeasures]) -> str:
    """One sentence about the chosen model, and one about classes with too few rows."""
    few = [f"{rows:,} of {each.name}" for each in classes if (rows := fewest_rows(each)) < ROWS_ENOUGH]
    warning = f" Too few rows to rely on: {', '.join(few)}." if few else ""
    if is_better(chosen):
        return f"{chosen.name} forecasts better than {baseline.name}.{warning}"
    return (
        f"Not shown that {chosen.name} forecasts better than {baseline.name}: the interval of the gain is not above 0."
        f"{warning}"
    )


def _cells(each: Measures) -> str:
    return f"{each.log_loss:.4f} | {100 * each.accuracy:.1f} %"


def _class_line(each: ClassMeasures) -> str:
    auc = f"{each.auc:.3f} ({each.auc_interval[0]:.3f} to {each.auc_interval[1]:.3f})"
    counted = f"{each.training_rows:,} | {each.test_rows:,}"
    return f"| {each.name} | {counted} | {auc} | {each.baseline_auc:.3f} | {each.mean_forecast:.3f} | {each.part:.3f} |"
