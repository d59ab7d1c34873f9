"""steps: what each change of the core has brought. Former versions, out of the history, on the same events in turn."""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from tests.benchmarks.events import ROOT, ROUNDS, Workload, calibrate
from tests.benchmarks.report import Result

EVENTS_MAX: Final = 60_000  # short rounds are more likely to run undisturbed on a shared machine
PROGRAM: Final = Path(__file__).with_name("step.py")
STEPS: Final = {
    "the first compiled catalog": "1004f76",
    "visits and leaves in line, settlement by plan": "5a212b1",
    "the usual message in line": "0387f91",
    "calls and copies saved": "3082a66",
    "visits watched, no settlement at each event": "8d01ed1",
    "no timer for what is false": "19ea9d3",
    "values counted once, short texts": "61fbb50",
    "the fast path": "bd7eb41",
    "as it is": "",
}


def run(workload: Workload) -> Result:
    """Rounds in turn, so that a busy moment of the machine meets all versions; the best of each counts."""
    lines = list(Workload(workload.seed, min(workload.events, EVENTS_MAX)).lines())
    rows: list[dict[str, Any]] = []
    invalid = ""
    with TemporaryDirectory(prefix="shoal-steps-") as temporary:
        events = Path(temporary, "events.jsonl")
        events.write_bytes(b"\n".join(line.strip() for line in lines))
        try:
            trees = {name: _tree(Path(temporary), commit) for name, commit in STEPS.items()}
        except subprocess.CalledProcessError:
            trees, invalid = {"as it is": ROOT}, "the history is not all here: git fetch --unshallow"
        best: dict[str, dict[str, float]] = {}
        for _ in range(ROUNDS):
            for name, tree in trees.items():
                found = _measured(tree, events)
                if name not in best or found["us_an_event"] < best[name]["us_an_event"]:
                    best[name] = found
        calibration_us = calibrate(lines)
    last = best["as it is"]["us_an_event"]
    for name, found in best.items():
        commit = {"commit": STEPS[name] or "now"}
        rows.append({"run": name} | commit | found | {"times_as_it_is": found["us_an_event"] / last})
    return Result("steps", workload.source, workload.seed, len(lines), calibration_us, rows, invalid)


def _tree(folder: Path, commit: str) -> Path:
    """A former version in a folder of its own, with its extension module; the checkout for none."""
    if not commit:
        return ROOT
    packed = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
    tree = folder / commit
    tree.mkdir()
    subprocess.run(["tar", "-x"], cwd=tree, input=packed, check=True)
    if (tree / "hatch_build.py").exists():
        subprocess.run([sys.executable, "hatch_build.py"], cwd=tree, check=True)
    return tree


def _measured(tree: Path, events: Path) -> dict[str, float]:
    command = [sys.executable, "-I", str(PROGRAM), str(tree), str(events), str(ROOT / "deploy" / "segments")]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{tree.name}: {done.stderr.decode()}")
    found: dict[str, float] = json.loads(done.stdout)
    return found
