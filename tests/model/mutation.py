"""A bug on purpose: one change of a text of the code."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mutation:
    """`before` stands in the file exactly once."""

    name: str
    path: str
    before: str
    after: str

    def apply(self, root: Path) -> None:
        """Changes the file below `root`; ValueError if the text is not there once."""
        file = root / self.path
        text = file.read_text()
        if text.count(self.before) != 1:
            raise ValueError(f"{self.path} has {text.count(self.before)} times: {self.before!r}")
        file.write_text(text.replace(self.before, self.after))
