"""`python -m tools.performance_page [FOLDER]`: takes over the figures of a run, and writes the page anew."""

import argparse
import sys
from pathlib import Path

from app.errors import UserError
from tools.performance_page import page


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.performance_page", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="where make bench has written (docs/figures)")
    folder = parser.parse_args().folder
    try:
        if folder is not None:
            page.take(folder)
        page.write()
    except UserError as error:
        parser.exit(2, f"error: {error}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
