"""A folder of definition files, as texts."""

from collections.abc import Iterator
from pathlib import Path

from app.errors import UserError
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.definition import Catalog
from app.segments.definitions.deployed_model import is_model_file
from app.segments.definitions.problem import CatalogError
from app.segments.evaluation.time_rules import TimeRules
from app.segments.review.catalog_limits import check_catalog

SUFFIXES = (".yaml", ".yml")
FILE_BYTES_MAX = 1_000_000
DEFAULT_RULES = TimeRules()


def read_definitions(directory: Path) -> dict[str, str]:
    """Path -> text of every definition file in the folder and below, in order of their names.

    Raises UserError where there is no such folder, nothing in it, or a file that is no UTF-8 text.
    """
    if not directory.exists():
        raise UserError(f"no folder {directory}", hint="give the folder that holds the definition files (.yaml)")
    if directory.is_file():
        raise UserError(f"{directory} is a file", hint="give the folder that holds it")
    paths = sorted(path for path in definition_files(directory) if path.is_file())
    if not paths:
        raise UserError(f"no definition files (.yaml) in {directory}", hint="shoal init FOLDER writes first ones")
    return {str(path): read_definition_text(path) for path in paths}


def definition_files(directory: Path) -> Iterator[Path]:
    """Yields files of the folder and below that look like definition files, in no order.

    What begins with a dot is left out, with all below it: a ConfigMap that Kubernetes mounts holds each file once more
    in folders like `..data`, and editors put their own files there.
    """
    for path in directory.rglob("*"):
        is_definition = path.suffix in SUFFIXES or is_model_file(path.name)
        if is_definition and not any(part.startswith(".") for part in path.relative_to(directory).parts):
            yield path


def read_definition_text(path: Path) -> str:
    """The text of one definition file. UserError for what is no short UTF-8 text."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise UserError(f"{path} has more than {FILE_BYTES_MAX} bytes", hint="a definition file is a short text")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not UTF-8 text (byte {error.start})", hint="save it as UTF-8 in your editor"
        ) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None


def load_segments(directory: Path, rules: TimeRules | None = DEFAULT_RULES) -> Catalog:
    """The checked catalog of a folder, for workers with these rules; None: for one who only looks.

    Raises UserError with every problem where it cannot be used.
    """
    definitions = read_definitions(directory)
    try:
        catalog = load_catalog(definitions)
        if rules is not None:
            check_catalog(catalog, rules)
        return catalog
    except CatalogError as error:
        count = len(error.problems)
        what = "1 problem" if count == 1 else f"{count} problems"
        raise UserError(f"{what} in {directory}", detail=str(error)) from None
