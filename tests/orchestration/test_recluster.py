"""recluster.sh: what a week later has not changed ends with 0, what has with 1 and with drafts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.orchestration.conftest import EXAMPLES

USERS = 450
FEATURES = "features: visitors\nmoments: exists('Viewed')\nvalues: {adds: count('Added' within 7d)}\n"


def write_events(path: Path, *, looking: int, most: int = 6) -> None:
    """A third of the users adds `most` products before they view one, `looking` of the others add two."""
    lines: list[str] = []
    for user in range(USERS):
        adds = most if user % 3 == 0 else 2 if user % 3 == 1 and user // 3 < looking else 0
        for name in [*["Added"] * adds, "Viewed"]:
            second = f"{len(lines) // 60 // 60:02}:{len(lines) // 60 % 60:02}:{len(lines) % 60:02}"
            event = {"type": "track", "event": name, "userId": f"u{user}", "messageId": f"m{len(lines)}"}
            lines.append(json.dumps(event | {"timestamp": f"2026-01-05T{second}Z"}))
    path.write_text("\n".join(lines) + "\n")


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    given = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SHOP_EVENTS": str(folder / "events.jsonl"),
        "SHOP_FEATURES": str(folder / "features.yaml"),
        "SHOP_SEGMENTS": str(folder / "segments"),
        "SHOP_CLUSTERS": "visitors",
        "SHOP_OUT": str(folder),
    }
    return subprocess.run(command, env=given, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.long
def test_a_drift_ends_with_1_and_drafts_and_none_with_0(tmp_path: Path) -> None:
    (tmp_path / "features.yaml").write_text(FEATURES)
    write_events(tmp_path / "events.jsonl", looking=0)
    script, rows = str(EXAMPLES / "recluster.sh"), str(tmp_path / "rows.parquet")
    features = ("--features", str(tmp_path / "features.yaml"))
    assert run(tmp_path, "shoal", "rows", str(tmp_path / "events.jsonl"), *features, "--output", rows).returncode == 0
    written = ("--output", str(tmp_path / "segments"), "--prefix", "visitors", "--clusters", "2")
    made = run(tmp_path, "shoal", "cluster", rows, *written)
    assert made.returncode == 0, made.stderr
    same = run(tmp_path, script)
    assert (same.returncode, same.stderr) == (0, "")
    assert "0.0 % of the users would be in another cluster" in same.stdout
    write_events(tmp_path / "events.jsonl", looking=100, most=40)
    drifted = run(tmp_path, script)
    assert (drifted.returncode, drifted.stdout) == (1, "")
    assert "22.2 % of the users would be in another cluster: more than the threshold of 10 %" in drifted.stderr
    assert len(list(tmp_path.glob("drafts-*/visitors-*.yaml"))) >= 2
    (tmp_path / "events.jsonl").unlink()
    broken = run(tmp_path, script)
    assert broken.returncode == 2
    assert "rows: failed" in broken.stderr
