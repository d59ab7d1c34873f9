"""Forecasts of a model for rows, as CSV."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from app.segments.definitions.model_file import Model
from app.segments.definitions.model_forecast import forecast, forecasts, numbers_of


def forecast_lines(model: Model, rows: Sequence[dict[str, Any]], *, above: float, of: str | None = None) -> list[bytes]:
    """The lines of a CSV file: userId, at, probability; the most probable first.

    Of a model with classes, unless `of` names one: userId, at, class, probability, and the probability of each class.
    """
    if model.classes and of is None:
        return _class_lines(model, rows, above=above)
    said = [(_forecast(model, row, of), row["user"], row["at"]) for row in rows]
    said.sort(key=lambda each: (-each[0], each[1]))
    made = [_line("userId", "at", "probability")]
    return made + [_line(user, at, f"{chance:.6f}") for chance, user, at in said if chance > above]


def _forecast(model: Model, row: dict[str, Any], of: str | None) -> float:
    numbers = numbers_of(row, model.columns)
    return forecast(model, numbers) if of is None else forecasts(model, numbers)[of]


def _class_lines(model: Model, rows: Sequence[dict[str, Any]], *, above: float) -> list[bytes]:
    names = [each.name for each in model.classes]
    said = []
    for row in rows:
        found = forecasts(model, numbers_of(row, model.columns))
        likely = max(names, key=lambda name: found[name])
        said.append((found[likely], row["user"], row["at"], likely, found))
    said.sort(key=lambda each: (-each[0], each[1]))
    made = [_line("userId", "at", "class", "probability", *(f"probability of {name}" for name in names))]
    return made + [
        _line(user, at, likely, f"{chance:.6f}", *(f"{found[name]:.6f}" for name in names))
        for chance, user, at, likely, found in said
        if chance > above
    ]


def _line(*cells: str) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue().encode()
