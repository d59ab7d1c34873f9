"""Definition files -> one checked, ordered, versioned Catalog.

Reads texts, not files: whoever has files or topics hands in `path -> text`.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

import msgspec

from app.segments.definitions.catalog_checks import check_files
from app.segments.definitions.catalog_settings import (
    SettingsFile,
    is_settings_file,
    read_catalog_settings,
    repeated,
    settings_meanings,
)
from app.segments.definitions.definition import Catalog, CatalogSettings, Definition, PointsOn, Score, Segment
from app.segments.definitions.definition_file import DefinitionFile
from app.segments.definitions.dependencies import settlement_order, subject
from app.segments.definitions.deployed_model import read_any_definition
from app.segments.definitions.problem import CatalogError, Problem
from app.segments.language import canonical

__all__ = ["CatalogError", "Problem", "definition_version", "load_catalog"]


def load_catalog(files: Mapping[str, str], *, more: Iterable[DefinitionFile] = ()) -> Catalog:
    """The catalog that the files (path -> YAML text) make together.

    `more`: definitions that were read from other files. Raises CatalogError with all problems of all files.
    """
    paths = sorted(files)
    read = [read_any_definition(path, files[path]) for path in paths if not is_settings_file(path)]
    read += more
    settings: list[SettingsFile] = []
    found = CatalogSettings()
    for path in paths:
        if is_settings_file(path):
            settings.append(read_catalog_settings(path, files[path], found))
            found = settings[-1].settings
    problems = check_files(read, found)
    problems += [problem for file in settings for problem in file.source.problems] + repeated(settings)
    if problems:
        raise CatalogError(list(dict.fromkeys(problems)))
    return _catalog([file.definition for file in read if file.definition is not None], found)


def _catalog(definitions: Iterable[Definition], settings: CatalogSettings) -> Catalog:
    definitions = tuple(definitions)
    segments = {d.name: d for d in definitions if isinstance(d, Segment)}
    scores = {d.name: d for d in definitions if isinstance(d, Score)}
    ordered = settlement_order(segments.values(), scores.values())
    versions = sorted(map(meaning, definitions))
    versions += settings_meanings(settings).values()
    return Catalog(
        segments=tuple(segments[name] for name in ordered if segments[name].model is None),
        scores=tuple(scores[name] for name in sorted(scores)),
        version=sha256(b"\n".join(versions)).hexdigest()[:12],
        settings=settings,
        models=tuple(segments[name] for name in sorted(segments) if segments[name].model is not None),
    )


# ---- versions


def definition_version(definition: Definition) -> str:
    """Six hexadecimal digits that change when what the definition means changes.

    Title, description, owner, tags, tests, comments and the spelling of expressions are no part of it.
    """
    return sha256(meaning(definition)).hexdigest()[:6]


def meaning(definition: Definition) -> bytes:
    """All that makes a definition what it is, in one spelling."""
    if isinstance(definition, Segment):
        return msgspec.json.encode(_segment_meaning(definition))
    points = [
        {"on" if isinstance(p, PointsOn) else "when": canonical.text(subject(p)), "add": canonical.number_text(p.add)}
        for p in definition.points
    ]
    return msgspec.json.encode(
        {
            "score": definition.name,
            "half_life_ms": definition.half_life_ms,
            "within_ms": definition.within_ms,
            "points": points,
        }
    )


def _segment_meaning(segment: Segment) -> dict[str, Any]:
    conditions = {
        key: canonical.text(condition)
        for key, condition in (("when", segment.when), ("enter", segment.enter), ("exit", segment.exit))
        if condition is not None
    }
    return {
        "segment": segment.name,
        **conditions,
        "for_ms": segment.for_ms,
        "hold_ms": segment.hold_ms,
        "cooldown_ms": segment.cooldown_ms,
        **({"requires": segment.requires} if segment.requires else {}),
        **({"experiment": segment.experiment.meaning()} if segment.experiment is not None else {}),
        **({"each": segment.each.text} if segment.each is not None else {}),
        "attach": [[name, canonical.text(expression)] for name, expression in segment.attach],
        "updates": sorted(segment.updates),
        "warmup": segment.warmup,
        "topic": segment.topic,
        "status": segment.status,
        **({"model": segment.model.version} if segment.model is not None else {}),
    }
