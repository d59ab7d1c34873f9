"""A converted model, for people: how it was compared with its source, and how good it is on the rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from app.segments.definitions.model_file import Model
from app.segments.definitions.yaml_source import FILE_LENGTH_MAX

CHANCE: Final = 0.5
LEVEL_OFF: Final = 0.25
"""Of the share of rows with the label."""


def converted_lines(
    model: Model,
    *,
    size: int,
    form: str,
    notes: Sequence[str],
    mean: float,
    compared: tuple[int, int, int],
    difference: float,
    limit: float,
    output: Path,
) -> list[str]:
    """Lines about a model. compared: rows of the file, at thresholds, with missing numbers; mean: of its forecasts."""
    rows, at_thresholds, with_missing = compared
    parts = f"{len(model.trees):,} trees" if model.trees else "weights"
    quality = model.quality
    assert quality is not None, "converted models have no classes"
    lines = [
        f"{form}: {parts} over {', '.join(column.name for column in model.columns)}",
        *notes,
        (
            f"Compared with its source: {rows:,} rows, {at_thresholds:,} with a number at a threshold, "
            f"{with_missing:,} with missing numbers."
        ),
        f"The largest difference of two probabilities is {difference:.8f}; allowed is {limit:g}.",
        (
            f"On the rows ({model.rows:,}, {model.positives:,} with {model.label}): AUC {quality.auc:.3f}, average "
            f"precision {quality.average_precision:.3f}, Brier {quality.brier:.4f}. If the model was trained with "
            "them, this flatters it."
        ),
    ]
    share = model.positives / model.rows
    lines.append(f"Its mean forecast is {mean:.3f}, and {share:.3f} of the rows have {model.label}.")
    if quality.auc < CHANCE:
        lines.append(
            "It orders the rows worse than chance: is the class that it forecasts the one with the label, and are the "
            "columns in the order of its training?"
        )
    elif abs(mean - share) > LEVEL_OFF * share:
        lines.append(
            "The level of its forecasts is another one than that of the rows: a model that was trained with weights of "
            "classes or other shares orders users, but 0.3 does not mean 30 %."
        )
    if size > FILE_LENGTH_MAX:
        lines.append(
            f"The file has {size:,} characters, and a folder of definitions takes {FILE_LENGTH_MAX:,}: shoal predict "
            "can use it; for a definition, train with fewer or smaller trees."
        )
    return [*lines, f"{output}: shoal predict ROWS --model {output} --output forecasts.csv"]
