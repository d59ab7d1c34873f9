"""Texts that the console's server says to people, in the language of whoever asks.

They stand in the files of the pages' texts, one file a language. Code names a text by its key, and gives the values
that are filled in.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.resources import files
from typing import Final

LANGUAGES: Final = ("en", "de")
ENTRY: Final = re.compile(r"^  (\w+): (\[.*\]|'.*'),$", re.MULTILINE)
FORM: Final = re.compile(r"'((?:[^'\\]|\\.)*)'")
_HOLE: Final = re.compile(r"\{(\w+)\}")
_THOUSANDS: Final = {"en": ",", "de": "."}
_language: ContextVar[str] = ContextVar("language", default=LANGUAGES[0])


def read_texts(language: str) -> dict[str, tuple[str, ...]]:
    """The texts of a language by key: one form, or those for one and for several."""
    source = (files("app.web") / "static" / "words" / f"{language}.js").read_text(encoding="utf-8")
    return {key: tuple(map(_plain, FORM.findall(forms))) for key, forms in ENTRY.findall(source)}


def _plain(form: str) -> str:
    return re.sub(r"\\(.)", lambda escape: "\n" if escape[1] == "n" else escape[1], form)


_TEXTS: Final = {language: read_texts(language) for language in LANGUAGES}


def say(key: str, /, **values: str | int) -> str:
    """A text in the language of whoever asks. `n` chooses between the forms for one and for several.

    >>> say("said_times", n=1), say("said_times", n=1200)
    ('1 time', '1,200 times')
    """
    return _filled(key, values)


def _filled(key: str, values: Mapping[str, str | int]) -> str:
    language = _language.get()
    forms = _TEXTS[language][key]
    form = forms[0] if len(forms) == 1 or str(values.get("n")) == "1" else forms[1]
    return _HOLE.sub(lambda hole: _shown(values[hole[1]], language), form)


def translated(message: str) -> str:
    """A message of the program, which is in English, in the language of whoever asks.

    The texts whose keys begin with `error_` are those of such messages; one that none of them fits stays as it is.

    >>> with speaking("de"):
    ...     translated("there is no file march.jsonl"), translated("out of cheese")
    ('es gibt keine Datei march.jsonl', 'out of cheese')
    """
    if _language.get() == LANGUAGES[0]:
        return message
    for key, pattern in _ERRORS:
        if (found := pattern.fullmatch(message)) is not None:
            return _filled(key, found.groupdict())
    return message


def _pattern(form: str) -> re.Pattern[str]:
    parts = _HOLE.split(form)
    return re.compile("".join(f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts)))


_ERRORS: Final = sorted(
    ((key, _pattern(forms[0])) for key, forms in _TEXTS[LANGUAGES[0]].items() if key.startswith("error_")),
    key=lambda each: len(_HOLE.sub("", _TEXTS[LANGUAGES[0]][each[0]][0])),
    reverse=True,
)
"""Patterns of the messages, those with the most text of their own first: others may fit more than is meant."""


def language_of(accepted: str) -> str:
    """The first of our languages in the value of an Accept-Language header; the usual one where it has none.

    >>> language_of("fr, de-CH;q=0.9, en;q=0.8")
    'de'
    """
    wanted = (each.partition(";")[0].strip()[:2].lower() for each in accepted.split(","))
    return next((each for each in wanted if each in LANGUAGES), LANGUAGES[0])


def present_language() -> str:
    """The language of whoever asks."""
    return _language.get()


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Says everything in a language, in this task or thread, until the end of the block."""
    before = _language.set(language)
    try:
        yield
    finally:
        _language.reset(before)


def _shown(value: str | int, language: str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,}".replace(",", _THOUSANDS[language])


def holes(form: str) -> frozenset[str]:
    """The names of what is filled into a text."""
    return frozenset(_HOLE.findall(form))
