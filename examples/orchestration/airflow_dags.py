"""DAGs of Airflow 3: definitions are checked and published; each night there are reports, a model, and checks.

Variables of the worker's environment are the settings of Shoal (KAFKA_BOOTSTRAP_SERVERS, REDIS_URL,
SHOAL_CATALOG=topic ...), and

    SHOP_SEGMENTS   the folder of definitions
    SHOP_EVENTS     a file of past events, such as events.jsonl.gz
    SHOP_FEATURES   a features file, with one label
    SHOAL_WAREHOUSE the folder of `shoal warehouse`
    SHOP_OUT        the folder for reports and models
    SHOP_EXAMPLES   the folder of this file

All tasks are commands, so each can be run by hand. `shoal` has to be on the PATH of the worker.
"""

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

START = pendulum.datetime(2026, 1, 1, tz="UTC")


def task(name: str, command: str) -> BashOperator:
    """A task that fails if any part of its command fails."""
    return BashOperator(task_id=name, bash_command=f"set -euo pipefail; {command}", append_env=True)


with DAG("segments_publish", schedule=None, start_date=START, catchup=False, max_active_runs=1) as definitions:
    # What is published when the run begins. Whoever publishes meanwhile is not overwritten: publish ends with 1.
    latest = task("latest", 'shoal catalog history --json | python3 "$SHOP_EXAMPLES/latest_publication.py"')
    validate = task("validate", 'shoal validate "$SHOP_SEGMENTS"')
    test = task("test", 'shoal test "$SHOP_SEGMENTS"')
    backtest = task("backtest", 'shoal backtest "$SHOP_EVENTS" --segments "$SHOP_SEGMENTS"')
    publish = task(
        "publish",
        'shoal publish "$SHOP_SEGMENTS" --source git --keep-others --by airflow --message "{{ run_id }}"'
        " --if-version \"{{ ti.xcom_pull(task_ids='latest') }}\"",
    )
    latest >> validate >> test >> backtest >> publish

with DAG("segments_nightly", schedule="15 3 * * *", start_date=START, catchup=False, max_active_runs=1) as nightly:
    export = task("export", "shoal warehouse --once")
    report = task(
        "report", 'shoal report conversion flows --warehouse "$SHOAL_WAREHOUSE" --html "$SHOP_OUT/report.html"'
    )
    rows = task("rows", 'shoal rows "$SHOP_EVENTS" --features "$SHOP_FEATURES" --output "$SHOP_OUT/rows.parquet"')
    train = task(
        "train",
        'shoal train "$SHOP_OUT/rows.parquet" --output "$SHOP_OUT/model.json" --report "$SHOP_OUT/model.md"',
    )
    freshness = task(
        "freshness",
        'shoal segments freshness --json | python3 "$SHOP_EXAMPLES/check_segments.py" freshness --hours 24',
    )
    drift = task("drift", 'shoal segments drift --json | python3 "$SHOP_EXAMPLES/check_segments.py" drift')
    export >> report
    rows >> train
    freshness >> drift
