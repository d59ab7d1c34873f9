"""The texts of the pages, and what else of a page a reader would see."""

import re
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[2] / "app" / "web" / "static"
LANGUAGES: Final = ("en", "de")
_ENTRY: Final = re.compile(r"^  (\w+): (\[.*\]|'.*'),$", re.MULTILINE)
_HOLE: Final = "\0"


def texts_of(language: str) -> dict[str, list[str]]:
    """The texts of a language by key: one form, or those for one and for several."""
    source = (FOLDER / "words" / f"{language}.js").read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for key, forms in _ENTRY.findall(source):
        assert key not in found, f"{key} is in {language}.js twice"
        found[key] = re.findall(r"'((?:[^'\\]|\\.)*)'", forms)
    assert len(found) == source.count("',\n") + source.count("'],\n"), "a line is no text"
    return found


def templates(source: str) -> list[str]:
    """The html`...` of a file, each with a zero character where JavaScript stands; also those within others."""
    return [_template(source, match.end())[0] for match in re.finditer(r"html`", source)]


def _template(source: str, at: int) -> tuple[str, int]:
    """The text of a template from behind its first accent on, and the place behind its last one."""
    text = ""
    while source[at] != "`":
        if source.startswith("${", at):
            at = _behind(source, at + 2)
            text += _HOLE
            continue
        text += source[at]
        at += 1
    return text, at + 1


def _behind(source: str, at: int) -> int:
    """The place behind the brace that ends an expression."""
    depth = 1
    while depth:
        if source[at] == "`":
            at = _template(source, at + 1)[1]
            continue
        if source[at] in "'\"":
            at = source.index(source[at], at + 1)
        depth += {"{": 1, "}": -1}.get(source[at], 0)
        at += 1
    return at


def seen_of(template: str) -> list[str]:
    """Words of a template that a reader sees or hears: beside its tags, and in attributes that are texts."""
    spoken = re.findall(r"\b(?:aria-label|title|alt|placeholder)=\"([^\"]*)\"", template)
    rest = re.sub(r"<(code|pre|svg)\b.*?</\1>", "", template, flags=re.DOTALL)
    rest = re.sub(r"<(?:[^<>\"]|\"[^\"]*\")*>", "\n", rest)
    return [each for each in (*spoken, *rest.split("\n")) if re.search(r"[A-Za-z]{2}", each)]
