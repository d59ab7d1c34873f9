"""A converted model, for people: how it was compared with its source, and how good it is on the rows."""

from collections.abc import Sequence
from pathlib import Path

from app.segments.definitions.model_file import Model
from app.segments.definitions.yaml_source import FILE_LENGTH_MAX


def converted_lines(
    model: Model,
    *,
    size: int,
    form: str,
    notes: Sequence[str],
    compared: tuple[int, int, int],
    difference: float,
    limit: float,
    output: Path,
) -> list[str]:
    """Lines about a model. compared: rows of the file, rows at thresholds, rows with missing numbers."""
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
    if size > FILE_LENGTH_MAX:
        lines.append(
            f"The file has {size:,} characters, and a folder of definitions takes {FILE_LENGTH_MAX:,}: shoal predict "
            "can use it; for a definition, train with fewer or smaller trees."
        )
    return [*lines, f"{output}: shoal predict ROWS --model {output} --output forecasts.csv"]
