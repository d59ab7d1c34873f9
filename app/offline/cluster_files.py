"""Definitions out of clusters: one file a cluster, whose condition is that of its leaves."""

from collections.abc import Collection, Mapping, Sequence
from math import inf
from typing import Final

import yaml

from app.offline.clustering import Cluster, Clustering, Split, Trait
from app.offline.recalibration import Recalibration, is_in_lines, with_condition
from app.offline.row_files import RowsMetadata
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.persona import NAME_CHARACTERS_MAX
from app.segments.definitions.problem import CatalogError
from app.segments.language.canonical import number_text

OWNER: Final = "shoal cluster"


def definition_files(
    clustering: Clustering, metadata: RowsMetadata, booleans: frozenset[str], *, prefix: str
) -> dict[str, str]:
    """File name -> text of a definition, for each cluster. `prefix` begins the names of the segments."""
    return {
        f"{prefix}-{cluster.name}.yaml": _definition(cluster, clustering, metadata, booleans, prefix=prefix)
        for cluster in clustering.clusters
    }


def new_drafts(
    recalibration: Recalibration,
    published: Mapping[str, str],
    metadata: RowsMetadata,
    booleans: frozenset[str],
    *,
    prefix: str,
) -> dict[str, str]:
    """Name of a segment -> the file of its new cluster: the published one with another condition, or a new one.

    published: name of a segment -> the text of its file. One that is not written in lines is made anew.
    """
    clustering = recalibration.clustering
    files: dict[str, str] = {}
    for cluster in clustering.clusters:
        name = f"{prefix}-{cluster.name}"
        text = published.get(name)
        if text is None or not is_in_lines(text):
            files[name] = _definition(cluster, clustering, metadata, booleans, prefix=prefix)
        else:
            condition = condition_of(cluster.rules, metadata.values, booleans)
            files[name] = with_condition(text, condition, description_of(cluster, clustering, metadata))
    return files


def problems_of(files: Mapping[str, str], *, only: Collection[str] | None = None) -> str:
    """The problems of the definitions by themselves; empty if there are none. only: those of files of these paths."""
    try:
        load_catalog(files)
    except CatalogError as error:
        found = [each for each in error.problems if only is None or each.path in only]
        return str(CatalogError(found)) if found else ""
    return ""


def _definition(
    cluster: Cluster, clustering: Clustering, metadata: RowsMetadata, booleans: frozenset[str], *, prefix: str
) -> str:
    when = condition_of(cluster.rules, metadata.values, booleans)
    head = {
        "segment": f"{prefix}-{cluster.name}",
        "title": cluster.name.replace("-", " ").capitalize(),
        "description": description_of(cluster, clustering, metadata),
        "owner": OWNER,
        "tags": ["cluster", prefix],
        "status": "draft",
        "persona": {
            "name": cluster.name.replace("-", " ").capitalize()[:NAME_CHARACTERS_MAX],
            "traits": [f"{each.column.replace('_', ' ')}: {_against_all(each)}" for each in cluster.traits],
        },
    }
    written = yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=110)
    return written + "warmup: wait\nwhen: >\n" + "".join(f"  {line}\n" for line in when)


def description_of(cluster: Cluster, clustering: Clustering, metadata: RowsMetadata) -> str:
    """Sizes and figures of a cluster, in words."""
    outcomes = [f"{label} {shown(own)} ({shown(of_all)})" for label, (own, of_all) in cluster.outcomes.items()]
    said = [
        f"{100 * cluster.share:.1f} % of {clustering.users:,} users of features {metadata.features} {metadata.version}",
        f"the condition finds {100 * cluster.recall:.1f} % of them",
        *(["median (of all users): " + ", ".join(each.said for each in cluster.traits)] if cluster.traits else []),
        *(["outcomes, mean (of all users): " + ", ".join(outcomes)] if outcomes else []),
    ]
    return "; ".join(said) + "."


def _against_all(trait: Trait) -> str:
    """A trait for people who write to the users: its median next to that of all users."""
    side = "more" if trait.distance > 0 else "less"
    return f"{side} than others ({shown(trait.median)}; all users: {shown(trait.median_of_all)})"


def shown(value: float | None) -> str:
    """A number for people."""
    return "none" if value is None else f"{value:.4g}"


def condition_of(
    rules: Sequence[Sequence[Split]], expressions: Mapping[str, str], booleans: frozenset[str]
) -> list[str]:
    """The lines of a condition: any of the rules."""
    if not rules:
        return ["false"]
    written = [[_part(split, expressions, booleans) for split in _shortest(rule)] or ["true"] for rule in rules]
    lines: list[str] = []
    for number, parts in enumerate(written):
        begin, end = ("(", ")") if len(written) > 1 else ("", "")
        lines.append(f"{'or ' if number else ''}{begin}{parts[0]}")
        lines += [f"and {part}" for part in parts[1:]]
        lines[-1] += end
    return lines


def _shortest(rule: Sequence[Split]) -> list[Split]:
    """The steps of a path without those that a later one includes."""
    kept: dict[tuple[str, bool], Split] = {}
    for split in rule:
        before = kept.get((split.column, split.above))
        if before is None:
            kept[split.column, split.above] = split
        else:
            tightest = max if split.above else min
            threshold = tightest(before.threshold, split.threshold)
            both = before.with_missing and split.with_missing
            kept[split.column, split.above] = Split(split.column, threshold, split.above, both)
    return list(kept.values())


def _part(split: Split, expressions: Mapping[str, str], booleans: frozenset[str]) -> str:
    expression = expressions[split.column]
    if split.column in booleans:
        return f"({expression})" if split.above else f"not ({expression})"
    if split.threshold == inf:
        return f"({expression}) is {'missing' if split.above else 'known'}"
    part = f"{expression} {'>' if split.above else '<='} {number_text(split.threshold)}"
    return f"({part} or ({expression}) is missing)" if split.with_missing else part
