"""One definition file -> a segment or a score, with the places of its expressions.

What can be told from the file alone is checked here: keys, their types, the syntax of expressions. What expressions
mean is checked by `definition_checks`, what needs the other files by `catalog`.
"""

import re
from dataclasses import dataclass, field
from typing import Literal, cast

import yaml

from app.segments.definitions import definition_format as form
from app.segments.definitions.definition import Definition, PointsOn, PointsWhen, Score, Segment, Status, Warmup
from app.segments.definitions.each import read_each
from app.segments.definitions.experiment import read_experiment
from app.segments.definitions.persona import read_persona
from app.segments.definitions.time_travel import read_tests
from app.segments.definitions.yaml_fields import Fields, Placed
from app.segments.definitions.yaml_source import YamlSource
from app.segments.language import syntax as s
from app.segments.language.suggestions import did_you_mean

RESERVED_NAMES = frozenset({"changes"})
"""`segment.changes` is the topic of all changes."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_ATTACH_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")

Role = Literal["when", "enter", "exit", "attach", "points"]


@dataclass(frozen=True, slots=True)
class PlacedExpression:
    """An expression of a definition: what it is for, under which name (of `attach`), and where it stands."""

    role: Role
    name: str
    placed: Placed[s.Expression]


@dataclass(slots=True)
class DefinitionFile:
    """Result of reading one file; `definition` is None if it has problems. Problems are in `source.problems`."""

    source: YamlSource
    kind: Literal["segment", "score", "model"] | None = None
    name: str = ""
    status: Status = "live"
    definition: Definition | None = None
    expressions: list[PlacedExpression] = field(default_factory=list)
    patterns: list[Placed[s.Pattern]] = field(default_factory=list)
    fields: Fields | None = None
    requires: dict[str, yaml.ScalarNode] = field(default_factory=dict)


def read_definition_file(path: str, text: str) -> DefinitionFile:
    """Reads one file; never raises."""
    source = YamlSource(path, text)
    file = DefinitionFile(source)
    root = source.root()
    if root is None:
        return file
    names = {key.value for key, _ in root.value if isinstance(key, yaml.ScalarNode)}
    if "score" in names and "segment" not in names:
        file.kind = "score"
        file.fields = form.SCORE.fields(source, root)
        _read_score(file, file.fields)
    elif "segment" in names:
        file.kind = "segment"
        file.fields = form.SEGMENT.fields(source, root)
        _read_segment(file, file.fields)
    else:
        _no_name(source, root, sorted(map(str, names)))
    if source.problems:
        file.definition = None
    return file


def _no_name(source: YamlSource, root: yaml.MappingNode, names: list[str]) -> None:
    similar = next((f"{name}: {hint}" for name in names if (hint := did_you_mean(name, ("segment", "score")))), "")
    hint = similar or ("write segment: <name>" if "points" not in names else "write score: <name>")
    first = root.value[0][0] if root.value else root
    if "features" in names:
        source.wrong(first, "a features file is no definition", "keep it in another folder, for shoal rows --features")
        return
    source.wrong(first, "a definition needs a name: segment or score", hint)


def _name(file: DefinitionFile, fields: Fields, kind: str, name: str) -> None:
    file.name = name
    if name and not _NAME.fullmatch(name):
        fixed = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[: form.NAME_LENGTH_MAX].strip("-")
        fields.wrong(
            kind,
            f"{name} cannot be a name",
            f"write {fixed}" if fixed else "",
            "a name has lower-case letters, digits and -, and begins and ends with a letter or digit",
        )
    elif len(name) > form.NAME_LENGTH_MAX:
        fields.wrong(kind, f"this name has {len(name)} characters", f"the longest has {form.NAME_LENGTH_MAX}")
    elif name in RESERVED_NAMES and kind == "segment":
        fields.wrong(
            kind, f"{name} cannot be the name of a segment", f"the topic segment.{name} already holds all changes"
        )


def _read_segment(file: DefinitionFile, fields: Fields) -> None:
    _name(file, fields, "segment", form.SEGMENT_NAME.read(fields))
    file.status = cast(Status, form.STATUS.read(fields))
    conditions = {key.name: key.read(fields) for key in (form.WHEN, form.ENTER, form.EXIT)}
    for role, placed in conditions.items():
        if placed is not None:
            file.expressions.append(PlacedExpression(cast(Role, role), "", placed))
    form.SEGMENT.check(fields)
    attach = _attach(file, fields)
    updates = _updates(fields, attach)
    segment = Segment(
        name=file.name,
        when=_node(conditions["when"]),
        enter=_node(conditions["enter"]),
        exit=_node(conditions["exit"]),
        for_ms=form.FOR.read(fields) or 0,
        hold_ms=form.HOLD.read(fields) or 0,
        cooldown_ms=form.COOLDOWN.read(fields) or 0,
        requires=_requires(file, fields),
        experiment=read_experiment(fields),
        each=read_each(fields),
        attach=tuple((name, placed.node) for name, placed in attach.items() if placed is not None),
        updates=updates,
        warmup=cast(Warmup, form.WARMUP.read(fields)),
        topic=form.TOPIC.read(fields),
        status=file.status,
        title=form.TITLE.read(fields),
        description=form.DESCRIPTION.read(fields),
        owner=form.OWNER.read(fields),
        tags=form.TAGS.read(fields),
        persona=read_persona(fields),
        tests=read_tests(fields, attach, [placed.node for placed in conditions.values() if placed is not None]),
        path=file.source.path,
        text=file.source.text,
    )
    if segment.each is None and any(each.value is not None for test in segment.tests for each in test.expect):
        hint = "leave value out, or add each: <property>"
        fields.wrong("segment", "a test expects something of one value, but the segment is not by value", hint)
    file.definition = segment


def _requires(file: DefinitionFile, fields: Fields) -> tuple[str, ...]:
    """The purposes, each with its place, since only the catalog knows which there are."""
    for item in form.REQUIRES.read(fields):
        name = item.value.strip()
        if name in file.requires:
            fields.source.wrong(item, f"{name} appears twice", "leave one of them out")
        file.requires[name] = item
    return tuple(file.requires)


def _node(placed: Placed[s.Expression] | None) -> s.Expression | None:
    return placed.node if placed is not None else None


def _attach(file: DefinitionFile, fields: Fields) -> dict[str, Placed[s.Expression] | None]:
    node = form.ATTACH.read(fields)
    if node is None:
        return {}
    names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
    inner = Fields(fields.source, node, names, "attach")
    found: dict[str, Placed[s.Expression] | None] = {}
    for name in dict.fromkeys(names):
        if not _ATTACH_NAME.fullmatch(name):
            inner.source.wrong(
                inner.key(name), f"{name} cannot be the name of a value", "write a name of letters, digits and _"
            )
        placed = found[name] = inner.expression(name)
        if placed is not None:
            file.expressions.append(PlacedExpression("attach", name, placed))
    return found


def _updates(fields: Fields, attach: dict[str, Placed[s.Expression] | None]) -> tuple[str, ...]:
    found: list[str] = []
    for item in form.UPDATES.read(fields):
        name = item.value.strip()
        if name in found:
            fields.source.wrong(item, f"{name} appears twice", "leave one of them out")
        elif name not in attach:
            hint = did_you_mean(name, attach) or "updates lists names out of attach"
            fields.source.wrong(item, f"{name} is not attached", hint)
        else:
            found.append(name)
    return tuple(found)


def _read_score(file: DefinitionFile, fields: Fields) -> None:
    _name(file, fields, "score", form.SCORE_NAME.read(fields))
    half_life_ms, within_ms = form.HALF_LIFE.read(fields), form.WITHIN.read(fields)
    form.SCORE.check(fields)
    for key, value in (("half_life", half_life_ms), ("within", within_ms)):
        if value == 0:
            fields.wrong(key, f"{key} must be longer than 0s")
    points: list[PointsOn | PointsWhen] = []
    for node in form.POINTS_LIST.read(fields):
        point = _points(file, form.POINTS.fields(fields.source, node))
        if point is not None:
            points.append(point)
    file.definition = Score(
        name=file.name,
        points=tuple(points),
        half_life_ms=half_life_ms,
        within_ms=within_ms,
        title=form.TITLE.read(fields),
        description=form.DESCRIPTION.read(fields),
        owner=form.OWNER.read(fields),
        tags=form.TAGS.read(fields),
        path=file.source.path,
        text=file.source.text,
    )


def _points(file: DefinitionFile, fields: Fields) -> PointsOn | PointsWhen | None:
    add = form.ADD.read(fields)
    if add == 0:
        fields.wrong("add", "add: 0 changes nothing", "give another number, or leave the entry out")
    form.POINTS.check(fields)
    pattern, condition = form.POINTS_ON.read(fields), form.POINTS_WHEN.read(fields)
    if pattern is not None:
        file.patterns.append(pattern)
        return PointsOn(pattern.node, add or 0)
    if condition is not None:
        file.expressions.append(PlacedExpression("points", "", condition))
        return PointsWhen(condition.node, add or 0)
    return None
