"""Says which segments get no events any more, or have drifted; exit code 1 if there are any.

shoal segments freshness --json | python3 check_segments.py freshness --hours 24
shoal segments drift --json | python3 check_segments.py drift
"""

import argparse
import json
import sys
from datetime import datetime, timedelta
from typing import Any


def stale(report: dict[str, Any], hours: float) -> list[str]:
    """Segments whose last event is older, or was not among the newest records."""
    oldest = datetime.fromisoformat(report["at"]) - timedelta(hours=hours)
    found = []
    for row in report["segments"]:
        last = row["last_event"]
        if last is None:
            found.append(f"{row['segment']}: none of its events was found: {', '.join(row['kinds'])}")
        elif datetime.fromisoformat(last) < oldest:
            found.append(f"{row['segment']}: its last event came at {last}")
    return found


def drifted(report: dict[str, Any]) -> list[str]:
    """Segments whose share of all memberships is quite another one."""
    return [
        f"{row['segment']}: {row['share_before']:.1%} of all memberships before, {row['share']:.1%} now"
        for row in report["segments"]
        if row["verdict"] == "large"
    ]


def main() -> int:
    """Reads a report, prints what is wrong; the exit code."""
    parser = argparse.ArgumentParser(description="Checks a report of shoal segments, which it reads from its input.")
    parser.add_argument("report", choices=["freshness", "drift"])
    parser.add_argument("--hours", type=float, default=24, help="with freshness: how old the last event may be")
    given = parser.parse_args()
    report = json.load(sys.stdin)
    found = stale(report, given.hours) if given.report == "freshness" else drifted(report)
    sys.stdout.writelines(f"{line}\n" for line in found)
    sys.stdout.write(f"{len(report['segments'])} segments, {len(found)} to look at\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
