"""The groups of experiments in SQL: the same as in the engine, by the shared cases."""

import json
from pathlib import Path

import duckdb

ROOT = Path(__file__).parents[2]
MACROS = ROOT / "deploy" / "warehouse" / "groups-duckdb.sql"
CASES = ROOT / "tests" / "unit" / "segments" / "evaluation" / "groups.json"


def test_the_group_of_each_shared_case_is_the_same_in_duckdb() -> None:
    cases = json.loads(CASES.read_text(encoding="utf-8"))["cases"]
    with duckdb.connect() as connection:
        connection.execute(MACROS.read_text(encoding="utf-8"))
        connection.execute("CREATE TABLE users (number INTEGER, salt VARCHAR, user_key VARCHAR)")
        connection.executemany(
            "INSERT INTO users VALUES (?, ?, ?)",
            [[number, case["salt"], case["user"]] for number, case in enumerate(cases)],
        )
        found = []
        for number, case in enumerate(cases):
            shares = ", ".join(f"('{name}', {steps / 100})" for name, steps in case["groups"])
            found += connection.execute(
                f"SELECT bucket_step(salt, user_key), group_of(salt, user_key, {case['from'] / 100}, [{shares}])"
                " FROM users WHERE number = ?",
                [number],
            ).fetchall()
    assert found == [(case["step"], case["group"]) for case in cases]
