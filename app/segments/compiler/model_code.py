"""A model becomes one Python function: the values of a moment -> their numbers, and the sum of weights or leaves.

Of a model with several classes the function gives one sum a class. Trees are nested ifs, all in one function. It does
what `model_forecast` does, in the same order, so the sums are equal to the last bit; a test compares them.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from struct import Struct
from typing import Any, Final, TypeAlias

from msgspec import UNSET, UnsetType

from app.segments.compiler.code_writer import CodeWriter, Namespace
from app.segments.definitions.definition import Segment
from app.segments.definitions.model_file import Column, Model, Summed, Tree, names_of
from app.segments.definitions.model_forecast import contributions, logarithm, number, probabilities, probability
from tables.profile import SENT, Membership, Profile

VALUE: Final = "value"
CLASSES: Final = "classes"
VERSION: Final = "version"
NUMBERS: Final = "numbers"
"""Parts of a score in a profile: the probability (of a model with classes that of each, by name), the version of the
model, and the numbers that it came from."""
MODELS_KEPT: Final = 64
TOLD_MAX: Final = 3
"""Columns that a change tells."""
WHOLE_BELOW: Final = 1024
LOGARITHMS: Final = tuple(logarithm(float(whole)) for whole in range(WHOLE_BELOW))

Attach: TypeAlias = Callable[[Profile, int, str], dict[str, Any]]


def packing(model: Model) -> Struct:
    """The form in which a profile has the numbers: trees compare floats of 32 bits."""
    return Struct(f"<{len(names_of(model.columns))}{'d' if model.kind == 'linear' else 'f'}")


def attach_of(segment: Segment, values: Attach) -> Attach | None:
    """Returns what is remembered of an entry: the attached values, or the score that a model makes of them."""
    if segment.model is not None:
        return _scoring(segment.model, values)
    return values if segment.attach else None


def _scoring(model: Model, values: Attach) -> Attach:
    version = model.version
    if model.classes:
        sums = class_scorer(model)

        def attach_classes(profile: Profile, now: int, user: str) -> dict[str, Any]:
            found, numbers = sums(values(profile, now, user))
            return {CLASSES: probabilities(model, found), VERSION: version, NUMBERS: numbers}

        return attach_classes
    score = scorer(model)

    def attach(profile: Profile, now: int, user: str) -> dict[str, Any]:
        found, numbers = score(values(profile, now, user))
        return {VALUE: probability(model, found), VERSION: version, NUMBERS: numbers}

    return attach


@lru_cache(MODELS_KEPT)
def scorer(model: Model) -> Callable[[dict[str, Any]], tuple[float, bytes]]:
    """The function from a row to the sum, and the packed numbers."""
    found: Callable[[dict[str, Any]], tuple[float, bytes]] = _compiled(model, (model,), "s0")
    return found


@lru_cache(MODELS_KEPT)
def class_scorer(model: Model) -> Callable[[dict[str, Any]], tuple[tuple[float, ...], bytes]]:
    """The function from a row to the sum of each class, and the packed numbers."""
    sums = "".join(f"s{place}, " for place in range(len(model.classes)))
    found: Callable[[dict[str, Any]], tuple[tuple[float, ...], bytes]] = _compiled(model, model.classes, f"({sums})")
    return found


def _compiled(model: Model, summed: Sequence[Summed], told: str) -> Any:
    form = packing(model)
    code = CodeWriter(Namespace())
    code.namespace.values.update(number=number, pack=form.pack, unpack=form.unpack, log=_logarithm)
    numbers = []
    for column in model.columns:
        value = f"v[{column.name!r}]"
        if column.categories is None:
            numbers.append(f"number({value})")
        else:
            numbers += [f"1.0 if {value} == {category!r} else 0.0" for category in column.categories]
    with code.block("def score(v)"):
        code.line(f"b = pack({', '.join(numbers)})")
        code.line(f"{''.join(f'n{place}, ' for place in range(len(numbers)))}= unpack(b)")
        for place, each in enumerate(summed):
            _write_sum(code, each)
            code.line(f"s{place} = t")
        code.line(f"return {told}, b")
    return code.load(f"<model {model.name}>")["score"]


def _write_sum(code: CodeWriter, of: Summed) -> None:
    """Writes what sets `t` to the sum for the numbers `n0`, `n1` ..."""
    if of.linear is not None:
        code.line(f"t = {of.linear.intercept!r}")
        parts = zip(of.linear.weights, of.linear.mean, of.linear.deviation, strict=True)
        for place, (weight, mean, deviation) in enumerate(parts):
            raw = f"log(n{place})" if of.linear.logarithm[place] else f"n{place}"
            code.line(f"t += {weight!r} * (({raw} - {mean!r}) / {deviation!r})")
        return
    code.line(f"t = {of.base!r}")
    for tree in of.trees:
        _write_tree(code, tree, 0)


@lru_cache(MODELS_KEPT)
def explaining(
    model: Model, of_class: str | None = None
) -> Callable[[Membership | None], dict[str, float] | UnsetType]:
    """The function from the moments of a user to the columns that did most to their score; UNSET: another model's.

    of_class: one of the classes of the model; what did most to the sum of this class.
    """
    form, version = packing(model), model.version
    of: Summed = next((each for each in model.classes if each.name == of_class), model)
    contributed = contributing(of, model.columns) if of.trees else None

    def because(member: Membership | None) -> dict[str, float] | UnsetType:
        score = None if member is None else member[SENT]
        if score is None or score[VERSION] != version:
            return UNSET
        numbers = form.unpack(score[NUMBERS])
        found = contributions(of, model.columns, numbers) if contributed is None else contributed(numbers)
        parts = {name: round(part, 6) for name, part in found.items()}
        most = sorted((name for name in parts if parts[name]), key=lambda name: -abs(parts[name]))[:TOLD_MAX]
        return {name: parts[name] for name in most}

    return because


def contributing(of: Summed, columns: tuple[Column, ...]) -> Callable[[Sequence[float]], dict[str, float]]:
    """The function from the numbers of a row to the part of each column in a sum of trees; as `contributions`."""
    numbers = names_of(columns)
    place = {name: each for each, name in enumerate(dict.fromkeys(numbers))}
    of_number = [place[name] for name in numbers]
    code = CodeWriter(Namespace())
    with code.block("def parts(numbers)"):
        code.line(f"{''.join(f'n{each}, ' for each in range(len(numbers)))}= numbers")
        code.line(f"{''.join(f'c{each} = ' for each in place.values())}0.0")
        for tree in of.trees:
            _write_parts(code, tree, 0, of_number)
        code.line(f"return {{{', '.join(f'{name!r}: c{each}' for name, each in place.items())}}}")
    found: Callable[[Sequence[float]], dict[str, float]] = code.load("<contributions>")["parts"]
    return found


def _write_parts(code: CodeWriter, tree: Tree, node: int, of_number: Sequence[int]) -> None:
    """Writes what each decision below a node changes in the mean of the leaves, for the column that it is about."""
    if (number := tree.feature[node]) < 0:
        return
    ways = ((f"if n{number} <= {tree.threshold[node]!r}", tree.left[node]), ("else", tree.right[node]))
    for asked, below in ways:
        with code.block(asked):
            code.line(f"c{of_number[number]} += {tree.value[below] - tree.value[node]!r}")
            _write_parts(code, tree, below, of_number)


def _write_tree(code: CodeWriter, tree: Tree, node: int) -> None:
    if tree.feature[node] < 0:
        code.line(f"t += {tree.value[node]!r}")
        return
    with code.block(f"if n{tree.feature[node]} <= {tree.threshold[node]!r}"):
        _write_tree(code, tree, tree.left[node])
    with code.block("else"):
        _write_tree(code, tree, tree.right[node])


def _logarithm(each: float) -> float:
    """As `logarithm`; that of small whole numbers is at hand, as most columns count something."""
    if each <= 0.0:
        return 0.0
    if each < WHOLE_BELOW and each == (whole := int(each)):
        return LOGARITHMS[whole]
    return logarithm(each)
