"""Checks the events that `shoal warehouse` has exported, with pandera. Exit code 1 if a check fails; each has a line.

    python check_events.py /data/warehouse --since 2026-01-05

It needs pandera[pandas] and pyarrow. Copy it, and write down what is true of your events in `EVENTS` and `ORDERS`.
"""

import argparse
import json
import sys

import pandas
import pandera.pandas as pandera
from pandera.errors import SchemaErrors

COLUMNS = [
    *("kafka_partition", "kafka_offset", "user_key", "happened_at", "received_at"),
    *("type", "event", "message_id", "properties", "problem"),
]
UNUSABLE_MAX = 0.01  # of all rows

EVENTS = pandera.DataFrameSchema(
    {
        "user_key": pandera.Column(str, pandera.Check.str_length(1, 200)),
        "type": pandera.Column(str, pandera.Check.isin(["track", "page", "screen", "identify", "group", "alias"])),
        "event": pandera.Column(str, pandera.Check.str_length(1, 200), nullable=True),
        "happened_at": pandera.Column("datetime64[ms, UTC]"),
        "received_at": pandera.Column("datetime64[ms, UTC]"),
    },
    checks=[
        pandera.Check(
            lambda rows: rows["happened_at"] <= rows["received_at"] + pandas.Timedelta(days=1),
            name="no clock is a day fast",
        ),
        pandera.Check(lambda rows: rows["event"].notna() | (rows["type"] != "track"), name="a track has an event"),
    ],
    unique=["kafka_partition", "kafka_offset"],
)
ORDERS = pandera.DataFrameSchema(
    {
        "order_id": pandera.Column(str, pandera.Check.str_length(min_value=1)),
        "revenue": pandera.Column(
            object,
            pandera.Check(
                lambda values: pandas.to_numeric(values, errors="coerce").between(0, 100_000), name="from 0 to 100,000"
            ),
        ),
    }
)


def read(folder: str, since: str) -> pandas.DataFrame:
    """Events of the days from `since` on; those of Shoal's own are left out."""
    rows = pandas.read_parquet(f"{folder}/events", columns=COLUMNS, filters=[("date", ">=", since)])
    return rows[~rows["type"].isin(["watermark", "link"])]


def orders_of(rows: pandas.DataFrame) -> pandas.DataFrame:
    """The properties that are checked, of all orders."""
    found = rows[rows["event"] == "Order Completed"]
    properties = [json.loads(text or "{}") for text in found["properties"]]
    values = {name: [each.get(name) for each in properties] for name in ORDERS.columns}
    return pandas.DataFrame(values, index=found.index, dtype=object)


def described(case: pandas.Series) -> str:
    """A check that failed: with its column, unless it looks at whole rows."""
    return str(case["check"]) if case["schema_context"] == "DataFrameSchema" else f"{case['column']}: {case['check']}"


def failures(rows: pandas.DataFrame) -> list[str]:
    """A line for each check that fails, with an example."""
    found = []
    unusable = rows["problem"].notna()
    if len(rows) and unusable.mean() > UNUSABLE_MAX:
        reasons = rows["problem"].value_counts().to_dict()
        found.append(f"unusable: {unusable.mean():.1%} of {len(rows)} rows, {UNUSABLE_MAX:.0%} may be: {reasons}")
    usable = rows[~unusable]
    for name, schema, checked in (("events", EVENTS, usable), ("orders", ORDERS, orders_of(usable))):
        try:
            schema.validate(checked, lazy=True)
        except SchemaErrors as errors:
            for check, cases in errors.failure_cases.groupby(errors.failure_cases.apply(described, axis=1)):
                first = cases.iloc[0]
                place = rows.loc[first["index"], ["kafka_partition", "kafka_offset"]].tolist()
                found.append(f"{name}: {check}: {cases['index'].nunique()} rows, the first at {place}")
    return found


def main() -> int:
    """Reads, checks, prints; the exit code."""
    parser = argparse.ArgumentParser(description="Checks exported events.")
    parser.add_argument("folder", help="folder of shoal warehouse")
    parser.add_argument("--since", default="0001-01-01", help="first day, such as 2026-01-05")
    given = parser.parse_args()
    rows = read(given.folder, given.since)
    if rows.empty:
        sys.stdout.write(f"no event since {given.since}\n")
        return 1
    found = failures(rows)
    sys.stdout.writelines(f"{line}\n" for line in found)
    sys.stdout.write(f"{len(rows)} events, {len(found)} checks failed\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
