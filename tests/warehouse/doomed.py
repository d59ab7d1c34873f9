"""`shoal warehouse` that ends itself, as by SIGKILL, at a write: `python -m tests.warehouse.doomed NUMBER WHEN ...`.

WHEN: before the file is written, halfway in it, after it is written, or after it has its name.
"""

import os
import sys
from pathlib import Path
from typing import Any

from app.cli.main import main
from app.warehouse.store import FolderStore

WHENS = ("before", "halfway", "written", "named")
EXIT_CODE = 137


def doom(number: int, when: str) -> None:
    """Replaces what writes files by something that dies."""
    put = FolderStore._put
    replace = Path.replace
    puts = 0

    def dying_put(self: FolderStore, target: Path, data: bytes) -> str:
        nonlocal puts
        puts += 1
        if puts == number and when == "before":
            os._exit(EXIT_CODE)
        if puts == number and when == "halfway":
            target.parent.mkdir(parents=True, exist_ok=True)
            target.with_name(f".{target.name}.part").write_bytes(data[: len(data) // 2])
            os._exit(EXIT_CODE)
        version = put(self, target, data)
        if puts == number and when == "named":
            os._exit(EXIT_CODE)
        return version

    def dying_replace(self: Path, target: Any) -> Path:
        if puts == number and when == "written":
            os._exit(EXIT_CODE)
        return replace(self, target)

    FolderStore._put = dying_put  # type: ignore[method-assign]  # replaced on purpose
    Path.replace = dying_replace  # type: ignore[method-assign,assignment]  # replaced on purpose


if __name__ == "__main__":
    doom(int(sys.argv[1]), sys.argv[2])
    sys.exit(main(sys.argv[3:]))
