"""The dashboards as files. `python -m tools.dashboards.files` writes deploy/grafana anew."""

import json
from collections.abc import Iterator
from pathlib import Path

from tools.dashboards.connections import connections
from tools.dashboards.operations import operations
from tools.dashboards.overview import overview

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana"
DASHBOARDS = {"overview.json": overview, "operations.json": operations, "connections.json": connections}


def texts() -> Iterator[tuple[Path, str]]:
    """Each file, and what belongs into it."""
    for name, make in DASHBOARDS.items():
        yield FOLDER / name, json.dumps(make(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for path, text in texts():
        path.write_text(text, encoding="utf-8")
