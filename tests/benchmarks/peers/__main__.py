"""`python -m tests.benchmarks.peers`: some peers on a load of one's choice; exit code 1 if a run is invalid."""

import argparse
import sys
from pathlib import Path
from typing import Final

from rich.console import Console

from app.console.running import quiet_clients
from tests.benchmarks import report
from tests.benchmarks.events import ROOT
from tests.benchmarks.peers.comparison import PEERS, compare
from tests.benchmarks.synthetic import SPREADS, Synthetic

EVENTS: Final = 2_000_000
EVENTS_MIN: Final = 10_000


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--spread", choices=SPREADS, default="uniform", help="of events over users")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--peers", nargs="+", default=[""], help="those whose names begin with one of these; all")
    parser.add_argument("--output", type=Path, default=ROOT / ".cache" / "bench", help="folder of the JSON file")
    given = parser.parse_args()
    begins = tuple(name.lower() for name in given.peers)
    chosen = [peer for peer in PEERS if peer.name.lower().startswith(begins)]
    if not chosen:
        parser.error(f"--peers {' '.join(given.peers)}: there are {'; '.join(peer.name for peer in PEERS)}")
    if given.events < EVENTS_MIN:
        parser.error(f"--events {given.events}: at least {EVENTS_MIN:,}")
    quiet_clients()
    console = Console(width=None if sys.stdout.isatty() else 200)
    result = compare(Synthetic(given.events, given.spread, given.seed), chosen)
    report.show_result(result, console)
    console.print(f"written to {report.write(result, given.output)}", highlight=False, soft_wrap=True)
    return 1 if result.invalid else 0


if __name__ == "__main__":
    sys.exit(main())
