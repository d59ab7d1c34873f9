"""The dbt package: its models are the views, and dbt gets the same results from the same files."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest

from app.configuration.setting_value import SHIPPED
from tests.support.own_environment import python_with
from tests.warehouse.history import write_history

PACKAGES = Path(__file__).parent / "requirements.txt"
PACKAGE = SHIPPED / "warehouse" / "dbt"
VIEWS = dict(
    re.findall(
        r"CREATE OR REPLACE VIEW (\w+) AS\n(.*?);\n",
        (SHIPPED / "warehouse" / "views.sql").read_text("utf-8"),
        re.DOTALL,
    )
)
GOAL = "{{ dbt.string_literal(dbt.escape_single_quotes(var('goal'))) }}"


def plain(model: str) -> str:
    """The SQL of a model, with the plain names of its tables."""
    text = re.sub(r"^--.*\n", "", model, flags=re.MULTILINE).replace(GOAL, "'Order Completed'").strip()
    text = text.replace("{{ source('shoal', 'events') }} AS events", "events")
    text = re.sub(r"\{\{ source\('shoal', '(\w+)'\) \}\}", r"\1", text)
    return re.sub(r"\{\{ ref\('(\w+)'\) \}\}", r"\1", text)


def test_a_model_is_the_view_of_its_name() -> None:
    models = {path.stem: plain(path.read_text("utf-8")) for path in PACKAGE.glob("models/*.sql")}
    assert models == VIEWS


def dbt(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs dbt on a copy of the package."""
    python = python_with(PACKAGES)
    home = {"HOME": str(folder), "PATH": os.environ["PATH"], "DO_NOT_TRACK": "1", "NO_COLOR": "1"}
    return subprocess.run(
        [str(python), "-c", "from dbt.cli.main import cli; cli()", *arguments, "--profiles-dir", "."],
        cwd=folder,
        env=home | variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.long
@pytest.mark.timeout(900)
def test_dbt_gets_what_the_views_get(tmp_path: Path) -> None:
    folder, files, database = tmp_path / "dbt", tmp_path / "warehouse", tmp_path / "shop.duckdb"
    shutil.copytree(PACKAGE, folder)
    write_history(files)
    variables = {"SHOAL_WAREHOUSE": str(files), "WAREHOUSE_DUCKDB": str(database)}
    built = dbt(folder, "build", "--vars", json.dumps({"goal": "Order Completed"}), **variables)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "WARN=0 ERROR=0 SKIP=0" in built.stdout
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name in ("tables-duckdb.sql", "views.sql"):
            connection.execute((SHIPPED / "warehouse" / name).read_text("utf-8").replace("WAREHOUSE", str(files)))
        connection.execute(f"ATTACH '{database}' AS shop (READ_ONLY)")
        for view in VIEWS:
            found = connection.execute(f"SELECT * FROM shop.main.{view} ORDER BY ALL")
            columns = [each[0] for each in found.description]
            rows = found.fetchall()
            wanted = connection.execute(f"SELECT * FROM main.{view} ORDER BY ALL")
            assert columns == [each[0] for each in wanted.description]
            assert rows == wanted.fetchall(), view
            assert rows, f"{view} is empty: it would show no difference"
    other = dbt(folder, "build", "--vars", json.dumps({"goal": "Nobody's Event"}), **variables)
    assert other.returncode == 0, other.stdout
    with duckdb.connect(str(database), read_only=True) as connection:
        assert connection.execute("SELECT sum(conversions) FROM main.segment_conversions").fetchall() == [(0,)]


@pytest.mark.long
@pytest.mark.timeout(900)
def test_dbt_finds_a_row_that_is_there_twice(tmp_path: Path) -> None:
    folder, files = tmp_path / "dbt", tmp_path / "warehouse"
    shutil.copytree(PACKAGE, folder)
    write_history(files)
    one = next(files.glob("changes/*/*.parquet"))
    shutil.copy(one, one.with_name("copy.parquet"))
    built = dbt(folder, "build", SHOAL_WAREHOUSE=str(files), WAREHOUSE_DUCKDB=str(tmp_path / "shop.duckdb"))
    assert built.returncode == 1
    assert re.search(r"FAIL \d+ each_record_is_one_row", built.stdout), built.stdout
