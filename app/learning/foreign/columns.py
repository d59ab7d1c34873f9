"""Features of another library's model, found among the columns of rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa

from app.learning.foreign.source_model import NoEqualError, SourceModel, short_float
from app.learning.points import Numbers
from app.offline.row_files import RowsMetadata
from app.segments.definitions.model_file import Column
from app.segments.definitions.model_forecast import MISSING, number
from app.segments.language import syntax as s
from app.segments.language.parser import read_expression
from app.segments.language.satisfiability import domain_of
from app.segments.language.types import can_be_missing

SIGNS: Final = ("_", " ", "=")
"""Between the name of a column of texts and a category, in the name of a feature."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature of the source: a column, or a category of a column of texts."""

    column: str
    category: str | None = None


@dataclass(slots=True)
class Asked:
    """The columns that a model asks for, and the places of its features among the numbers of a row."""

    columns: tuple[Column, ...]
    places: dict[int, int]
    optional: list[bool] = field(default_factory=list)
    from_0: list[bool] = field(default_factory=list)

    @property
    def names(self) -> list[tuple[str, str | None]]:
        """The column behind each number, with the category."""
        return [
            (column.name, category)
            for column in self.columns
            for category in (column.categories if column.categories is not None else (None,))
        ]


def features_of(
    source: SourceModel, given: Sequence[str] | None, table: pa.Table, metadata: RowsMetadata
) -> list[Feature]:
    """The features in the order of the source. given: their names, where the source has none. NoEqualError."""
    names = tuple(given) if given else source.names
    shown = ", ".join(metadata.values)
    if names is None:
        raise NoEqualError(
            f"the model does not name its {source.features} columns",
            f"say in which order it was given which: --columns NAME ... ; the rows have {shown}",
        )
    if given and source.names is not None and tuple(given) != source.names:
        raise NoEqualError("the model names its columns: --columns says others", f"it names {', '.join(source.names)}")
    if len(names) != source.features:
        raise NoEqualError(f"the model has {source.features} columns, and {len(names)} are named")
    if len(set(names)) < len(names):
        raise NoEqualError("two columns of the model have the same name")
    return [_feature(name, table, metadata) for name in names]


def _feature(name: str, table: pa.Table, metadata: RowsMetadata) -> Feature:
    texts = [each for each in metadata.values if pa.types.is_string(table.schema.field(each).type)]
    if name in metadata.mixed:
        raise NoEqualError(f"the column {name} has lists, or values of several types", "train without it")
    if name in texts:
        raise NoEqualError(
            f"the column {name} has texts, of which the model knows only codes",
            f"give each category a column of 0 and 1, such as {name}_a, and train again",
        )
    if name in metadata.values:
        return Feature(name)
    found = [
        Feature(each, name[len(each) + 1 :]) for each in texts if name.startswith(tuple(each + sign for sign in SIGNS))
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise NoEqualError(f"{name} may be a category of {' or of '.join(each.column for each in found)}")
    raise NoEqualError(
        f"the model asks for the column {name}, which the rows do not have",
        f"they have {', '.join(metadata.values)}",
    )


def asked_for(features: Sequence[Feature], used: Sequence[int], metadata: RowsMetadata) -> Asked:
    """The columns behind the features that a model uses; without any, the first one, as a model needs a column."""
    of_column: dict[str, list[int]] = {}
    for place in sorted(used) or [0]:
        of_column.setdefault(features[place].column, []).append(place)
    columns: list[Column] = []
    asked = Asked((), {})
    for name, places in of_column.items():
        categories = tuple(category for place in places if (category := features[place].category) is not None)
        columns.append(Column(name=name, expression=metadata.values[name], categories=categories or None))
        node = read_expression(metadata.values[name]).or_raise()
        domain = domain_of(node)
        for place in places:
            asked.places[place] = len(asked.places)
            asked.optional.append(not categories and _may_miss(node))
            asked.from_0.append(
                bool(categories) or (domain is not None and domain.least is not None and domain.least >= 0)
            )
    asked.columns = tuple(columns)
    return asked


def _may_miss(node: s.Node) -> bool:
    """True unless it is certain that the value is always there."""
    if isinstance(node, s.Arithmetic):
        divides = node.operator == "/" and not isinstance(node.right, s.Number | s.Duration)
        return divides or _may_miss(node.left) or _may_miss(node.right)
    return can_be_missing(node)


def numbers_of_rows(rows: Sequence[dict[str, Any]], features: Sequence[Feature]) -> Numbers:
    """Rows x features, NaN where a number is missing."""
    found = np.empty((len(rows), len(features)))
    for place, feature in enumerate(features):
        values = [row[feature.column] for row in rows]
        if feature.category is not None:
            found[:, place] = [value == feature.category for value in values]
        else:
            found[:, place] = [np.nan if value is None or value != value else number(value) for value in values]
    return found


def check_no_number_is_missing(numbers: Numbers, features: Sequence[Feature], asked: Asked) -> None:
    """NoEqualError where a number of a row is what Shoal takes for missing."""
    for place, own in asked.places.items():
        column = numbers[:, place]
        if asked.optional[own] and (column == short_float(MISSING)).any():
            raise NoEqualError(
                f"the column {features[place].column} has the number -1, which stands for a missing one in Shoal",
                "add 1 to its expression in the features file, make the rows again and train again",
            )
        if not asked.optional[own] and np.isnan(column).any():
            raise NoEqualError(
                f"the column {features[place].column} has missing values, which its expression cannot give"
            )
