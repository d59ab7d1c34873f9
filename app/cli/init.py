"""`shoal init`: writes a first folder of segments."""

import json
import sys
from pathlib import Path
from typing import Final

from app.configuration.setting_value import SHIPPED
from app.console.output import counted, make_console, say
from app.errors import UserError
from app.segments.definitions.definition_schema import schema

TEMPLATE: Final = SHIPPED / "first-folder"
SCHEMA: Final = "definition.schema.json"
_PYTHON_VERSION: Final = "PYTHON_VERSION"
_SHOWN_MAX: Final = 10


def init(directory: Path, /) -> None:
    """Write a first folder of segments: three with tests, a README, a CI file, and settings for completion in editors.

    The folder may exist and hold other files. If one of the files to write exists, nothing is written.

    Example: `shoal init my-shop`

    Parameters
    ----------
    directory
        The folder. It is created if it does not exist.
    """
    texts = first_files()
    _refuse_to_overwrite(directory, [name for name in texts if _exists(directory / name)])
    for name, text in texts.items():
        _write(directory / name, text)
    segments = [name for name in texts if name.startswith("segments/")]
    console = make_console()
    say(
        console,
        f"{counted(len(segments), 'segment')} with tests in {directory / 'segments'}; README.md says what to do",
    )
    say(console, f"next: shoal test {directory / 'segments'}")


def first_files() -> dict[str, str]:
    """Path inside the folder -> text, of every file that is written."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    paths = sorted(path for path in TEMPLATE.rglob("*") if path.is_file())
    texts = {
        path.relative_to(TEMPLATE).as_posix(): path.read_text(encoding="utf-8").replace(_PYTHON_VERSION, version)
        for path in paths
    }
    texts[SCHEMA] = json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
    return texts


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from None


def _exists(path: Path) -> bool:
    """True also for a symbolic link that leads nowhere."""
    return path.exists() or path.is_symlink()


def _refuse_to_overwrite(directory: Path, names: list[str]) -> None:
    if not names:
        return
    shown = names[:_SHOWN_MAX]
    more = [f"and {len(names) - _SHOWN_MAX} more"] if len(names) > _SHOWN_MAX else []
    verb = "exists" if len(names) == 1 else "exist"
    raise UserError(
        f"{counted(len(names), 'file')} of a first folder {verb} in {directory}: nothing is overwritten",
        detail="\n".join(shown + more),
        hint="give a folder that does not exist, and copy from there",
    )
