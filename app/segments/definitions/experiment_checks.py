"""Checks of experiments that need more than one definition file: names, salts, and places in a layer."""

from collections.abc import Iterator, Sequence

from app.segments.definitions.definition import Segment
from app.segments.definitions.definition_file import DefinitionFile
from app.segments.definitions.experiment import STEPS_OF_ONE_PER_CENT, Experiment
from app.segments.definitions.problem import Problem


def check_experiments(files: Sequence[DefinitionFile], holdout: Experiment | None) -> Iterator[Problem]:
    """Experiments of one name that differ, and those that would divide the users in the same way."""
    known: list[tuple[Experiment, str]] = [] if holdout is None else [(holdout, "catalog.yaml")]
    for file in files:
        definition = file.definition
        if not isinstance(definition, Segment) or definition.experiment is None or file.fields is None:
            continue
        own = definition.experiment
        if any(own == other for other, _ in known):
            continue
        for other, path in known:
            told = _difference(own, other)
            if told is None:
                continue
            node = file.fields.get("experiment") or file.fields.node
            yield file.source.problem(node.start_mark.index, node.end_mark.index, *told, f"{path} has the other")
            break
        else:
            known.append((own, file.source.path))


def _difference(own: Experiment, other: Experiment) -> tuple[str, str] | None:
    """Problem of two experiments, and its remedy."""
    if own.name == other.name:
        return (
            f"there are two experiments {own.name}",
            "give one of them another name, or write the same groups, salt and start in both",
        )
    if own.layer is not None and own.layer == other.layer:
        if own.from_step < other.end_step and other.from_step < own.end_step:
            place = other.end_step / STEPS_OF_ONE_PER_CENT
            hint = f"write from: {place:g}" if place < 100 else "make the groups of one of them smaller"
            return f"{own.name} and {other.name} have the same users in the layer {own.layer}", hint
        return None
    if own.salt == other.salt:
        return (
            f"{own.name} divides the users in the same way as {other.name}",
            "give one of them another salt, or the same layer to both",
        )
    return None
