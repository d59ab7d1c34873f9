"""Finds the metrics and labels of a PromQL expression. No parser: enough for the expressions of this repository."""

import re
from collections.abc import Iterator

KEYWORDS = frozenset({"and", "or", "unless", "by", "on", "ignoring", "without", "offset", "bool", "group_left", "inf"})
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_GROUPING = re.compile(r"\b(?:by|on|ignoring|without|group_left)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)?\{([^}]*)\}")
_RANGE = re.compile(r"\[[^\]]*\]|\boffset\s+\w+")
_NAME = re.compile(r"(?<![\w.$:])[a-zA-Z_:][a-zA-Z0-9_:]*\b(?!\s*\()")
_LABEL = re.compile(r"\w+(?=\s*(?:=~|!~|!=|=))")


def metric_names(expression: str) -> set[str]:
    """The names of the metrics.

    >>> sorted(metric_names('sum by (le) (rate(a_bucket{b="c"}[5m] offset 1h)) > on (d) e and f'))
    ['a_bucket', 'e', 'f']
    """
    bare = _TEXT.sub('""', expression)
    for pattern in (_GROUPING, _RANGE):
        bare = pattern.sub(" ", bare)
    bare = re.sub(r"\{[^}]*\}", " ", bare)
    return {name for name in _NAME.findall(bare) if name not in KEYWORDS}


def labels(expression: str) -> Iterator[tuple[str, str]]:
    """Pairs of a metric and a label that is asked of it; the metric is empty for labels that are grouped by.

    >>> sorted(labels('sum by (le, d) (rate(a{b="c", e!~"f=g"}[5m]))'))
    [('', 'd'), ('', 'le'), ('a', 'b'), ('a', 'e')]
    """
    bare = _TEXT.sub('""', expression)
    for group in _GROUPING.findall(bare):
        yield from (("", name.strip()) for name in group.split(",") if name.strip())
    for metric, matchers in _SELECTOR.findall(bare):
        yield from ((metric, name) for name in _LABEL.findall(matchers))
