"""Modules that the simulator runs use no event loop, clock or chance, which would escape the simulated time."""

import ast
from pathlib import Path

import pytest

RUNTIME = Path(__file__).parents[3] / "app" / "runtime"
SIMULATED = (
    "delivery/at_least_once",
    "delivery/commit",
    "delivery/delivery",
    "records/envelope",
    "delivery/exactly_once",
    "partition/idle_clock",
    "records/journal",
    "partition/lifecycle",
    "partition/partition_state",
    "partition/partition_task",
    "partition/quarantine",
    "partition/restore",
    "partition/failures",
    "partition/partition_context",
    "partition/environment",
)
FORBIDDEN = {"asyncio", "random", "secrets", "threading", "time"}


@pytest.mark.parametrize("name", SIMULATED)
def test_it_imports_none(name: str) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse((RUNTIME / f"{name}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {each.name.partition(".")[0] for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            imported.add(node.module.partition(".")[0])
    assert not imported & FORBIDDEN
