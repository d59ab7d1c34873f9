"""The tables that are made from the program: commands, metrics and access lists. `make docs` writes them anew."""

from collections.abc import Sequence

from app.cli.main import COMMANDS
from app.metrics import CENSUS_METRICS, METRICS, READER_METRICS, SERVICE_METRICS
from app.runtime.kafka.access_list import Grant, access_lists
from app.settings import Settings

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
        for metric in (*METRICS, *READER_METRICS, *SERVICE_METRICS, *CENSUS_METRICS)
    ]


def access() -> list[Cells]:
    """The table whose first column is called `Kafka user of`, with the default names."""
    rows: list[Cells] = []
    for process, grants in access_lists(Settings(), sources=["the sources"]).items():

        def cell(*wanted: tuple[str, str], grants: Sequence[Grant] = grants) -> str:
            named = [_named(grant) for grant in grants if (grant.operation, grant.resource) in wanted]
            return ", ".join(dict.fromkeys(named))

        rows.append(
            (
                f"`shoal {process}`",
                cell(("Read", "topic")),
                cell(("Write", "topic")),
                cell(("Create", "topic")),
                cell(("Describe", "topic"), ("DescribeConfigs", "topic"), ("DescribeConfigs", "cluster")),
                cell(("Read", "group"), ("Write", "transactional-id")),
            )
        )
    return rows


def _named(grant: Grant) -> str:
    if grant.name == "the sources":
        return grant.name
    return f"`{grant.name}{'*' if grant.prefix else ''}`"


TABLES = {"Kafka user of": access, "command": commands, "metric": metrics}


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
