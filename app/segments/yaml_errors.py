"""What a YAML parser says, in words for people who know no YAML."""

from typing import TYPE_CHECKING

import yaml

from app.segments.problem import Problem

if TYPE_CHECKING:
    from app.segments.yaml_source import Source


def describe(error: yaml.YAMLError, source: "Source") -> Problem:
    """The problem behind an error of PyYAML."""
    mark = getattr(error, "problem_mark", None)
    message = getattr(error, "problem", None) or str(error)
    at = mark.index if mark is not None else 0
    return source.problem(at, at + 1, f"this is no YAML: {message}")
