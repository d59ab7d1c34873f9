"""The DAGs of the example, run by Airflow itself: each task is executed, on a broker and a Redis."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from tests.orchestration.conftest import EXAMPLES, Shop
from tests.support.own_environment import python_with

PACKAGES = Path(__file__).parent / "requirements.txt"
RUN = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("airflow_dags", sys.argv[1])
dags = importlib.util.module_from_spec(spec)
spec.loader.exec_module(dags)
run = getattr(dags, sys.argv[2]).test()
for one in run.get_task_instances():
    print("RESULT", one.task_id, one.state)
"""


async def airflow(shop: Shop, *arguments: str) -> subprocess.CompletedProcess[str]:
    own = {
        "AIRFLOW_HOME": str(shop.root / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLES),
    }
    return await asyncio.to_thread(
        subprocess.run,
        [str(python_with(PACKAGES)), *arguments],
        env=shop.environment | own,
        cwd=shop.root,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


async def states(shop: Shop, dag: str) -> dict[str, str]:
    """Runs a DAG: the state of each task."""
    done = await airflow(shop, "-c", RUN, str(EXAMPLES / "airflow_dags.py"), dag)
    found = [line.split()[1:] for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    assert found, done.stdout[-3_000:] + done.stderr[-3_000:]
    return dict(found)


async def shoal(shop: Shop, *arguments: str) -> str:
    done = await asyncio.to_thread(
        subprocess.run, ["shoal", *arguments], env=shop.environment, capture_output=True, text=True, check=True
    )
    return str(done.stdout)


@pytest.mark.long
@pytest.mark.timeout(1500)
async def test_airflow_publishes_what_holds_and_makes_the_reports_of_a_night(shop: Shop) -> None:
    await asyncio.to_thread(python_with, PACKAGES)
    migrated = await airflow(shop, "-m", "airflow", "db", "migrate")
    assert migrated.returncode == 0, migrated.stderr[-3_000:]
    tasks = ("latest", "validate", "test", "backtest", "publish")
    assert await states(shop, "definitions") == dict.fromkeys(tasks, "success")
    first = (await shoal(shop, "catalog", "history")).splitlines()
    assert len(first) == 2
    assert "airflow" in first[1]
    segment = shop.root / "segments" / "cart-abandoned.yaml"
    segment.write_text(segment.read_text().replace("{at: 30m, in: true", "{at: 30m, in: false"))
    failed = await states(shop, "definitions")
    assert failed["test"] == "failed"
    assert failed["publish"] == "upstream_failed"
    assert (await shoal(shop, "catalog", "history")).splitlines() == first
    at_night = ("export", "report", "rows", "train", "freshness", "drift")
    assert await states(shop, "nightly") == dict.fromkeys(at_night, "success")
    assert (shop.root / "out" / "report.html").exists()
    assert (shop.root / "out" / "model.json").exists()
