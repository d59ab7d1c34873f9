"""`shoal validate`: is everything in a folder of definitions written correctly, and what does it cost?"""

import json
import sys
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from app.catalogs.definitions_folder import read_definitions
from app.console.definitions import show_definitions
from app.console.output import counted, make_console, problem_text, say
from app.errors import UserError
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.definition_schema import schema as definition_schema
from app.segments.definitions.problem import CatalogError
from app.segments.review.catalog_limits import check_catalog
from app.settings import load_settings

EXIT_OK: Final = 0
EXIT_PROBLEMS: Final = 2


def validate(
    directory: Path | None = None,
    /,
    *,
    schema: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
) -> int:
    """Check a folder of definitions. Shows every problem, where it is and what to do; the exit code is 2 if there is
    any.

    If there is none, shows for each definition the state that it needs per user, in bytes, the time until its
    windows are complete, and the limits that can apply. Warns about segments that may let users in wrongly at first.
    If the workers run with other values of SHOAL_RETENTION, SHOAL_SESSION_GAP and SHOAL_LATENESS than the defaults,
    set the same here.

    Example: `shoal validate segments`

    Parameters
    ----------
    directory
        The folder with the definitions.
    schema
        File to write the JSON Schema of definition files to, for completion in editors; `-` for standard output.
    """
    if directory is None and schema is None:
        raise UserError("no folder to check", hint="give the folder that holds the definition files (.yaml)")
    if schema is not None:
        _write_schema(schema)
    return EXIT_OK if directory is None else _check(directory, to_stderr=schema == Path("-"))


def _write_schema(path: Path) -> None:
    text = json.dumps(definition_schema(), indent=2, ensure_ascii=False) + "\n"
    if str(path) == "-":
        sys.stdout.write(text)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None


def _check(directory: Path, *, to_stderr: bool) -> int:
    definitions = read_definitions(directory)
    rules = load_settings().time_rules
    try:
        catalog = load_catalog(definitions)
        check_catalog(catalog, rules)
    except CatalogError as error:
        console = make_console(stderr=True)
        for problem in error.problems:
            say(console, problem_text(problem))
            console.print()
        files = counted(len({problem.path for problem in error.problems}), "file")
        say(console, f"{counted(len(error.problems), 'problem')} in {files} of {len(definitions)}", "bold red")
        return EXIT_PROBLEMS
    show_definitions(make_console(stderr=to_stderr), catalog, rules)
    return EXIT_OK
