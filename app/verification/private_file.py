"""A file with personal data: only its owner may read it, and it is there as a whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any


@contextmanager
def private_file(path: Path) -> Iterator[Any]:
    """A binary file to write to; it takes its name when the block ends without an error. Raises OSError."""
    folder = path.parent
    with NamedTemporaryFile(dir=folder, prefix=f".{path.name}.", suffix=".part", delete=False) as file:
        part = Path(file.name)  # nobody else may read it: mode 0600
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)  # a crash must not bring the name back to the file before
    finally:
        os.close(handle)
