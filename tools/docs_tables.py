"""The tables that are made from the program: commands and metrics. `make docs` writes them anew."""

from app.cli.main import COMMANDS
from app.metrics import METRICS, READER_METRICS, SERVICE_METRICS

Cells = tuple[str, ...]


def commands() -> list[Cells]:
    """The table whose first column is called `command`."""
    return [(f"`shoal {name}`", summary) for name, (_, summary) in COMMANDS.items()]


def metrics() -> list[Cells]:
    """The table whose first column is called `metric`, with the names that Prometheus shows."""
    return [
        (
            f"`{metric.name}{'_total' if metric.kind == 'counter' else ''}`",
            metric.kind,
            ", ".join(f"`{label}`" for label in metric.labels),
            metric.meaning,
        )
        for metric in (*METRICS, *READER_METRICS, *SERVICE_METRICS)
    ]


TABLES = {"command": commands, "metric": metrics}


def with_tables(page: str) -> str:
    """The text of a page with these tables of today."""
    lines: list[str] = []
    skipping = False
    for line in page.splitlines(keepends=True):
        skipping = skipping and line.startswith("|")
        if not skipping:
            lines.append(line)
        head = lines[-2].strip("| \n").split(" | ")[0] if len(lines) > 1 else ""
        if not skipping and line.startswith("|---") and head in TABLES:
            lines += ["| " + " | ".join(cells) + " |\n" for cells in TABLES[head]()]
            skipping = True
    return "".join(lines)
