"""Prometheus expressions that several panels share."""

RATE = "[$__rate_interval]"


def quantiles(metric: str, *, by: str = "", where: str = "") -> list[tuple[str, str]]:
    """The median and the slowest of a hundred and of twenty, of a histogram."""
    group = f"le, {by}" if by else "le"
    name = f"{{{{{by}}}}} " if by else ""
    return [
        (f"histogram_quantile({share}, sum by ({group}) (rate({metric}_bucket{where}{RATE})))", f"{name}{legend}")
        for share, legend in ((0.5, "half within"), (0.95, "95 % within"), (0.99, "99 % within"))
    ]


def total(expression: str) -> str:
    """A sum that is 0, not empty, where nothing was counted yet."""
    return f"sum({expression}) or vector(0)"


def a_minute(metric: str, *, by: str, where: str) -> str:
    """Expression for occurrences a minute."""
    return f"60 * sum by ({by}) (rate({metric}{where}{RATE}))"
