"""The key `each` of a segment: a membership for each value of a property."""

from dataclasses import dataclass

import yaml

from app.segments.definitions.definition_format import EACH, EACH_FORM, EACH_OF, EACH_VALUE
from app.segments.definitions.yaml_fields import Fields
from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.parser import read_expression


@dataclass(frozen=True, slots=True)
class Each:
    """`path`: the property whose values there are. `of`: the events that make a value known; None: all events of the
    definition."""

    path: s.Path
    of: s.Pattern | None = None

    @property
    def text(self) -> str:
        """The canonical text."""
        known = "" if self.of is None else f" of {canonical.text(self.of)}"
        return canonical.path_text(self.path) + known


def read_each(fields: Fields) -> Each | None:
    """The values of a segment. None if it has none, or has problems, which are added to the file's."""
    node = EACH.read(fields)
    if node is None:
        return None
    if isinstance(node, yaml.MappingNode):
        own = EACH_FORM.fields(fields.source, node)
        path = _path(own, EACH_VALUE.name, EACH_VALUE.read(own))
        of = EACH_OF.read(own)
        if of is not None and (isinstance(of.node.source, s.Sequence) or of.node.once_per or of.node.latest):
            own.wrong(EACH_OF.name, "of names single events", "write of: 'Product Viewed', with a filter if need be")
        return None if path is None else Each(path, None if of is None else of.node)
    path = _path(fields, EACH.name, node)
    return None if path is None else Each(path)


def _path(fields: Fields, key: str, text: str) -> s.Path | None:
    if not text:
        return None
    reading = read_expression(f"count('e' per {text})")
    node = reading.node
    if isinstance(node, s.Aggregate) and node.per is not None and node.within_ms is None and node.since_last is None:
        return node.per
    hint = "write the name of a property of the events, such as product_id"
    fields.wrong(key, f"{text!r:.80} is no property of an event", hint)
    return None
