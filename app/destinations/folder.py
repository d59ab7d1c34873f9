"""A folder of destinations."""

from collections.abc import Mapping
from pathlib import Path

from app.catalogs.definitions_folder import read_definitions
from app.destinations.destination import Destination
from app.destinations.destination_file import DestinationFile
from app.errors import UserError
from app.segments.definitions.problem import Problem


def load_destinations(folder: Path, *, environ: Mapping[str, str], private: bool) -> list[Destination]:
    """The destinations of a folder, by name. Raises UserError with every problem where any cannot be used."""
    made: dict[str, Destination] = {}
    problems: list[Problem] = []
    for path, text in read_definitions(folder).items():
        file = DestinationFile(path, text, environ=environ, private=private)
        destination = file.read()
        problems += file.source.problems
        if destination is None:
            continue
        if destination.name in made:
            other = made[destination.name].path
            file.source.wrong_at(0, 0, f"there is another destination {destination.name}", f"it stands in {other}")
            problems += file.source.problems
        made[destination.name] = destination
    if problems:
        count = len(problems)
        what = "1 problem" if count == 1 else f"{count} problems"
        raise UserError(f"{what} in {folder}", detail="\n\n".join(map(str, sorted(problems))))
    return [made[name] for name in sorted(made)]
