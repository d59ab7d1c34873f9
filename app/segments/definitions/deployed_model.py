"""A model file among definitions: its moments and columns as a definition that nobody sees, which the engine settles.

Theory of operation. The moments are the condition of a segment, the columns are its attached values: the same form that
a features file has for `shoal rows`, so what a model is given is what it was trained with. Entering scores the user
instead of writing a change; the score stays until the next entry. `model('likely')` reads it, as `segment('other')`
reads a membership. The name of the segment begins with `model `, which no name of a definition can.
"""

import json
from typing import Final

import msgspec

from app.segments.definitions.definition import Segment
from app.segments.definitions.definition_file import DefinitionFile, PlacedExpression, Role, read_definition_file
from app.segments.definitions.model_file import read_model
from app.segments.definitions.yaml_fields import Placed
from app.segments.definitions.yaml_source import FILE_LENGTH_MAX, YamlSource
from app.segments.language import syntax as s
from app.segments.language.names import model_segment
from app.segments.language.parser import read_expression

SUFFIX: Final = ".model.json"


def is_model_file(path: str) -> bool:
    """True if a path is that of a model."""
    return path.endswith(SUFFIX)


def read_any_definition(path: str, text: str) -> DefinitionFile:
    """Reads the file of a definition or a model; never raises."""
    return read_model_definition(path, text) if is_model_file(path) else read_definition_file(path, text)


def read_model_definition(path: str, text: str) -> DefinitionFile:
    """Reads one file; never raises."""
    source = YamlSource(path, text)
    file = DefinitionFile(source, "model")
    if len(text) > FILE_LENGTH_MAX:
        hint = f"the longest has {FILE_LENGTH_MAX:,}: train with fewer trees, or deploy boosted trees"
        source.wrong_at(0, 0, f"this model has {len(text):,} characters", hint)
        return file
    try:
        model = read_model(text.encode())
    except (ValueError, UnicodeEncodeError) as error:
        source.wrong_at(0, 0, "this file is no model", "shoal train writes one", str(error))
        return file
    file.name = model_segment(model.name)
    if not model.moments:
        hint = "make the rows again with shoal rows, and train again"
        source.wrong_at(0, 0, "this model does not say at which moments users are scored", hint)
        return file
    when = _placed(source, model.moments)
    columns = {column.name: _placed(source, column.expression) for column in model.columns}
    if when is None or source.problems:
        return file
    _add(file, "when", "", when)
    for name, placed in columns.items():
        assert placed is not None, "an expression without a problem"
        _add(file, "attach", name, placed)
    file.definition = Segment(
        name=file.name,
        when=when.node,
        enter=None,
        exit=None,
        attach=tuple((name, placed.node) for name, placed in columns.items() if placed is not None),
        warmup=model.warmup,
        title=f"model {model.name}: {model.label}",
        model=model,
        path=path,
        text=text,
    )
    return file


def _add(file: DefinitionFile, role: Role, name: str, placed: Placed[s.Expression]) -> None:
    file.expressions.append(PlacedExpression(role, name, placed))


def _placed(source: YamlSource, text: str) -> Placed[s.Expression] | None:
    """An expression of the file, with its place; None after a problem was added."""
    written = msgspec.json.encode(text).decode()[1:-1]
    start = max(source.text.find(written), source.text.find(json.dumps(text)[1:-1]), 0)
    offsets = [start + place for place in range(len(text) + 1)]
    reading = read_expression(text)
    for error in reading.errors:
        source.problems.append(Placed(s.Boolean(False), text, source, offsets).problem(error))
    return None if reading.node is None else Placed(reading.node, text, source, offsets)
