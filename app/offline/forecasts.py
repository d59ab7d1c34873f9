"""Forecasts of a model for rows, as CSV."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from app.segments.definitions.model_file import Model
from app.segments.definitions.model_forecast import forecast, numbers_of


def forecast_lines(model: Model, rows: Sequence[dict[str, Any]], *, above: float) -> list[bytes]:
    """The lines of a CSV file: userId, at, probability; the most probable first."""
    said = [(forecast(model, numbers_of(row, model.columns)), row["user"], row["at"]) for row in rows]
    said.sort(key=lambda each: (-each[0], each[1]))
    made = [_line("userId", "at", "probability")]
    return made + [_line(user, at, f"{chance:.6f}") for chance, user, at in said if chance > above]


def _line(*cells: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue().encode()
