"""`shoal import`: definitions of other products, translated into files of definitions."""

from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from app.console.output import counted, make_console, say
from app.errors import UserError
from app.imports.translation import Translation, translate

EXIT_OK: Final = 0
EXIT_LEFT_OUT: Final = 1
FILE_BYTES_MAX: Final = 20_000_000
_SHOWN_MAX: Final = 10


def import_definitions(
    product: Literal["segment-engage", "klaviyo", "customerio", "posthog"],
    file: Path,
    /,
    *,
    output: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    names: Path | None = None,
) -> int:
    """Translate the segments, audiences or cohorts of another product into files of definitions with tests.

    The file is the JSON that the API of the product gives; docs/coming-from.md says how to get it. A part that has no
    equal is left out and shown in a line: its place in the JSON, what it is, why, and what is nearest. A segment with
    such a part becomes a draft: it runs in tests and backtests only, until you complete it. The exit code is 1 if a
    part was left out. What is written passes `shoal validate` and `shoal test`. No existing file is overwritten.

    Example: `shoal import klaviyo segments.json --names metrics.json --output segments`

    Parameters
    ----------
    product
        The product that the file is from.
    file
        The JSON.
    output
        The folder to write to. It is created if it does not exist. Default: `imported`.
    names
        JSON with the names of ids, for Klaviyo: the answer of `GET /api/metrics`, or an object of id and name.
    """
    folder = output or Path("imported")
    more_names = None if names is None else _read(names)
    translation = translate(product, _read(file), str(file), more_names, str(names))
    _write(folder, translation)
    console = make_console()
    for gap in translation.gaps:
        say(console, str(gap), "" if gap.left_out else "dim")
    if translation.gaps:
        say(console)
    return _summary(folder, translation)


def _summary(folder: Path, translation: Translation) -> int:
    console = make_console()
    left_out = sum(gap.left_out for gap in translation.gaps)
    drafts = f", {counted(translation.drafts, 'draft')} of them" if translation.drafts else ""
    written = f"{counted(len(translation.files), 'segment')}{drafts}, with {counted(translation.tests, 'test')}"
    say(console, f"{written}, in {folder}; {counted(left_out, 'part')} left out")
    if translation.files:
        say(console, f"next: shoal validate {folder}, then shoal test {folder}")
    return EXIT_LEFT_OUT if left_out else EXIT_OK


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise UserError(f"{path} has more than {FILE_BYTES_MAX:,} bytes", hint="give the definitions alone")
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None


def _write(folder: Path, translation: Translation) -> None:
    existing = [name for name in translation.files if (folder / name).exists() or (folder / name).is_symlink()]
    if existing:
        raise UserError(
            f"{counted(len(existing), 'file')} to write {'exists' if len(existing) == 1 else 'exist'} in {folder}:"
            " nothing is overwritten",
            detail="\n".join(existing[:_SHOWN_MAX]),
            hint="give another folder with --output",
        )
    for name, text in translation.files.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / name).open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise UserError(f"cannot write {folder / name}: {error.strerror}") from None
