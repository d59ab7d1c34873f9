"""A features file: moments of users, values at those moments, and labels that only history can tell.

```yaml
features: fifth-page
moments: session.pages >= 5        # a row at each instant at which this becomes true
warmup: wait                       # no row before every window has been seen in full
values:
  views_7d: count('Product Viewed' within 7d)
labels:
  orders_24h: exists('Order Completed' within next 24h)
```

Theory of operation. The file becomes definitions that the engine runs like any other, so a value here is the value that
a worker computes. `moments` and `values` are a segment with attached values: each entry is a row. A label looks ahead;
the engine never does. So the events of a label are a segment of their own, which reports a running total at each of
them; the label of a row is the difference of that total between the row's instant and the end of the label's window.
"""

import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Literal, cast

import yaml

from app.segments.definitions import definition_format as form
from app.segments.definitions.catalog import meaning
from app.segments.definitions.definition import Segment, Warmup
from app.segments.definitions.definition_file import DefinitionFile, PlacedExpression
from app.segments.definitions.form import Form, Key, Missing
from app.segments.definitions.model_file import CLASSES_MAX
from app.segments.definitions.value_types import NamedExpressions
from app.segments.definitions.yaml_fields import Fields, Placed
from app.segments.definitions.yaml_source import YamlSource
from app.segments.language import canonical
from app.segments.language import syntax as s
from app.segments.language.durations import DurationError, parse_duration

FEATURES_MAX: Final = 200
LABELS_MAX: Final = 20
AHEAD_FUNCTIONS: Final = ("exists", "never", "count", "sum")
TOTAL: Final = "total"
"""Name of the value that a label's segment attaches."""

NO_SEGMENT: Final = "none"
"""The value of a label of the next segment where none is entered."""

LabelKind = Literal["exists", "never", "count", "sum", "enters", "next"]

_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,62}")
_AHEAD = re.compile(r"within next(?=\s+\d)")
_TEXTS = re.compile(r"'[^']*'|\"[^\"]*\"")
_ENTERS = re.compile(r"enters\(\s*'([a-z0-9-]+)'\s+within next\s+([0-9a-z]+)\s*\)")
_NEXT = re.compile(r"next_segment\(\s*('[a-z0-9-]+'(?:\s*,\s*'[a-z0-9-]+')*)\s+within next\s+([0-9a-z]+)\s*\)")

FEATURES_NAME: Final = Key(
    "features", form.SEGMENT_NAME.type, "The name of the features.", Missing("features need a name")
)
MOMENTS: Final = Key(
    "moments",
    form.WHEN.type,
    "A row is made at each instant at which this becomes true.",
    Missing("features need moments", "write moments: session.pages >= 5"),
)
VALUES: Final = Key(
    "values",
    NamedExpressions(FEATURES_MAX),
    "Columns of a row: expressions as of its instant.",
    Missing("features need values", "write values: and below it views: count('Product Viewed' within 7d)"),
)
LABELS: Final = Key(
    "labels",
    NamedExpressions(LABELS_MAX),
    "Columns about what came after: exists, never, count, sum, enters or next_segment, within next.",
)
FEATURES: Final = Form(
    "features",
    "a features file",
    "Rows for analysis and for models: values of users at moments, and labels.",
    (FEATURES_NAME, form.TITLE, form.DESCRIPTION, MOMENTS, form.WARMUP, VALUES, LABELS),
)


@dataclass(frozen=True, slots=True)
class Label:
    """A column about what came after the row's instant, until `ahead_ms` later (that instant included).

    segment: the definition that reports the running total of its events; of `enters` and `next` None: entries into
    `segments` count.
    """

    name: str
    kind: LabelKind
    ahead_ms: int
    of: str
    segment: Segment | None = None
    segments: tuple[str, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The values of a label of the next segment, in order; of another label empty."""
        return (*self.segments, NO_SEGMENT) if self.kind == "next" else ()


@dataclass(frozen=True, slots=True)
class Features:
    """A checked features file.

    version: six hexadecimal digits that change when moments, values or labels mean something else.
    """

    name: str
    moments: Segment
    labels: tuple[Label, ...]
    version: str
    title: str = ""
    description: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the values, in order."""
        return tuple(name for name, _ in self.moments.attach)

    @property
    def expressions(self) -> dict[str, str]:
        """The values with the canonical texts of their expressions."""
        return {name: canonical.text(expression) for name, expression in self.moments.attach}

    @property
    def ahead_ms(self) -> int:
        """The longest window of a label; 0 without labels."""
        return max((label.ahead_ms for label in self.labels), default=0)


@dataclass(slots=True)
class FeaturesFile:
    """Result of reading one file; problems are in `source.problems`. `parts`: its definitions, to be checked."""

    source: YamlSource
    features: Features | None = None
    parts: list[DefinitionFile] = field(default_factory=list)


def read_features_file(path: str, text: str) -> FeaturesFile:
    """Reads one file; never raises. What its expressions mean is checked with the other definitions."""
    source = YamlSource(path, text)
    file = FeaturesFile(source)
    root = source.root()
    if root is None:
        return file
    fields = FEATURES.fields(source, root)
    name = FEATURES_NAME.read(fields)
    moments = MOMENTS.read(fields)
    part = DefinitionFile(source, "segment", name, fields=fields)
    if moments is not None:
        part.expressions.append(PlacedExpression("when", "", moments))
    values = _named(fields, VALUES, part)
    part.definition = Segment(
        name=name,
        when=moments.node if moments is not None else None,
        enter=None,
        exit=None,
        attach=tuple((column, placed.node) for column, placed in values.items()),
        warmup=cast(Warmup, form.WARMUP.read(fields)),
        path=path,
        text=text,
    )
    file.parts.append(part)
    labels = _labels(file, fields, name, taken=set(values))
    title, description = form.TITLE.read(fields), form.DESCRIPTION.read(fields)
    if source.problems:
        for each in file.parts:
            each.definition = None
    else:
        segment = part.definition
        file.features = Features(name, segment, labels, _version(segment, labels), title, description)
    return file


def _version(moments: Segment, labels: tuple[Label, ...]) -> str:
    """As that of a definition, over all parts."""
    parts = [f"{label.name} {label.kind} {label.ahead_ms} {label.of}".encode() for label in labels]
    return sha256(b"\n".join([meaning(moments), *parts])).hexdigest()[:6]


def _named(fields: Fields, key: Key[yaml.MappingNode | None], part: DefinitionFile) -> dict[str, Placed[s.Expression]]:
    found: dict[str, Placed[s.Expression]] = {}
    for inner, column in _columns(fields, key):
        placed = inner.expression(column)
        if placed is not None:
            found[column] = placed
            part.expressions.append(PlacedExpression("attach", column, placed))
    return found


def _columns(fields: Fields, key: Key[yaml.MappingNode | None]) -> list[tuple[Fields, str]]:
    """The names below a key that can be columns, with the mapping that they stand in."""
    node = key.read(fields)
    if node is None:
        return []
    names = [each.value for each, _ in node.value if isinstance(each, yaml.ScalarNode)]
    inner = Fields(fields.source, node, names, key.name)
    found = []
    for name in dict.fromkeys(names):
        if _COLUMN.fullmatch(name) and name not in ("user", "at"):
            found.append((inner, name))
        else:
            hint = "write a name of lower-case letters, digits and _, that begins with a letter"
            taken = "user and at are columns of every row" if name in ("user", "at") else ""
            fields.source.wrong(inner.key(name), f"{name} cannot be a column", hint, taken)
    return found


def _labels(file: FeaturesFile, fields: Fields, features: str, *, taken: set[str]) -> tuple[Label, ...]:
    found = []
    for inner, name in _columns(fields, LABELS):
        if name in taken:
            inner.source.wrong(inner.key(name), f"{name} is a value already", "give the label another name")
        label = _label(file, inner, name, features)
        if label is not None:
            found.append(label)
    return tuple(found)


def _label(file: FeaturesFile, inner: Fields, name: str, features: str) -> Label | None:
    node = inner.scalar(name)
    if node is None:
        return None
    written = _TEXTS.sub(lambda match: "x" * len(match[0]), node.value)
    if entered := _ENTERS.fullmatch(node.value.strip()):
        return _entries(inner, name, "enters", (entered[1],), entered[2])
    if node.value.strip().startswith("next_segment("):
        return _next(inner, name, node.value.strip())
    place = _AHEAD.search(written)
    if place is None:
        inner.wrong(
            name,
            f"the label {name} does not say how far it looks ahead",
            "write exists('Order Completed' within next 24h)",
        )
        return None
    text = node.value[: place.end() - 4] + "    " + node.value[place.end() :]
    placed = inner.expression_of(node, text)
    if placed is None:
        return None
    aggregate = placed.node
    if (
        not isinstance(aggregate, s.Aggregate)
        or aggregate.function not in AHEAD_FUNCTIONS
        or aggregate.within_ms is None
        or aggregate.per is not None
        or aggregate.pattern.latest is not None
        or aggregate.pattern.once_per is not None
    ):
        inner.wrong(
            name,
            f"the label {name} is not one of exists, never, count and sum",
            "write count('Order Completed' within next 7d)",
        )
        return None
    return _total(file, name, placed, aggregate, features)


def _next(inner: Fields, name: str, written: str) -> Label | None:
    """The label of the segment that is entered first."""
    example = "write next_segment('browsers', 'buyers' within next 7d)"
    said = _NEXT.fullmatch(written)
    if said is None:
        inner.wrong(name, f"the label {name} does not name segments and how far it looks ahead", example)
        return None
    segments = tuple(each.strip(" \n\t'") for each in said[1].split(","))
    if not 2 <= len(segments) < CLASSES_MAX:
        hint = example if len(segments) < 2 else "leave out those that few users enter"
        inner.wrong(name, f"next_segment takes 2 to {CLASSES_MAX - 1} segments, not {len(segments)}", hint)
    elif len(set(segments)) < len(segments):
        inner.wrong(name, f"the label {name} names a segment twice", "leave one of them out")
    elif NO_SEGMENT in segments:
        inner.wrong(name, f"{NO_SEGMENT} is the value where no segment is entered", "give the segment another name")
    else:
        return _entries(inner, name, "next", segments, said[2])
    return None


def _entries(inner: Fields, name: str, kind: LabelKind, segments: tuple[str, ...], ahead: str) -> Label | None:
    """A label of entries of segments."""
    try:
        return Label(name, kind, parse_duration(ahead), ", ".join(segments), segments=segments)
    except DurationError as error:
        inner.wrong(name, error.message, error.hint)
        return None


def _total(file: FeaturesFile, name: str, placed: Placed[s.Expression], aggregate: s.Aggregate, features: str) -> Label:
    """The label of an aggregate; its segment is entered at the first event, and updated at each later one."""
    function = "sum" if aggregate.function == "sum" else "count"
    total = s.Aggregate(function, aggregate.of, aggregate.pattern, None, None, None, span=aggregate.span)
    seen = s.Aggregate("exists", None, aggregate.pattern, None, None, None, span=aggregate.span)
    segment = Segment(
        name=f"{features}.{name}",
        when=seen,
        enter=None,
        exit=None,
        attach=((TOTAL, total),),
        updates=(TOTAL,),
        path=file.source.path,
    )
    part = DefinitionFile(file.source, "segment", segment.name, definition=segment)
    part.expressions.append(
        PlacedExpression("attach", TOTAL, Placed(total, placed.text, placed.source, placed.offsets))
    )
    file.parts.append(part)
    assert aggregate.within_ms is not None
    return Label(name, cast(LabelKind, aggregate.function), aggregate.within_ms, canonical.text(total), segment)
