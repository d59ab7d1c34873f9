"""Explains errors of the YAML parser to people who do not know YAML."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from app.segments.definitions.problem import Problem
from app.segments.definitions.source_text import SourceText

_QUOTED_VALUE = re.compile(r"""\s*(?:- +)?(?P<key>[\w-]+): +(?P<value>(?P<quote>['"]).*)""")
_KEY = re.compile(r"\s*(?:- +)*[\w-]+:(?: |$)")
_BLOCK_HINT = "put the whole value in double quotes, or write >- after the colon and the value on the lines below"


@dataclass(frozen=True, slots=True)
class _Said:
    """Error of the parser with its offsets in the file; `begun` is the start of what it could not end."""

    source: SourceText
    problem: str
    context: str
    at: int
    begun: int

    @property
    def line(self) -> str:
        """The line of the place."""
        return self.source.line_text(self.source.line_number(self.at))

    @property
    def column(self) -> int:
        return self.at - self.source.offset_of_line(self.source.line_number(self.at))

    def wrong(self, message: str, hint: str, *, at: int | None = None, length: int = 1, detail: str = "") -> Problem:
        start = self.at if at is None else at
        return self.source.problem(start, start + length, message, hint, detail)

    def line_end(self, at: int) -> int:
        """Number of characters of its line that follow an offset."""
        line = self.source.line_number(at)
        return len(self.source.line_text(line).rstrip()) - (at - self.source.offset_of_line(line))


def describe(error: yaml.YAMLError, source: SourceText) -> Problem:
    """The problem behind an error of PyYAML."""
    if isinstance(error, yaml.reader.ReaderError):
        at = int(error.position)
        return source.problem(
            at, at + 1, "this character is not allowed in a definition", "remove it, or type it again"
        )
    marked: Any = error
    at = _index(getattr(marked, "problem_mark", None), source)
    begun = _index(getattr(marked, "context_mark", None), source, default=at)
    problem, context = (str(getattr(marked, name, None) or "") for name in ("problem", "context"))
    said = _Said(source, problem, context, at, begun)
    for rule in _RULES:
        found = rule(said)
        if found is not None:
            return found
    return said.wrong("this is not valid YAML", "check the indentation and the quotes of this line", detail=problem)


def _index(mark: Any, source: SourceText, default: int = 0) -> int:
    return min(int(mark.index), len(source.text)) if mark is not None else default


def _documents(said: _Said) -> Problem | None:
    if "another document" not in said.problem:
        return None
    return said.wrong("a file holds one definition", "move what follows --- into a file of its own", length=3)


def _tab(said: _Said) -> Problem | None:
    if r"'\t'" not in said.problem:
        return None
    return said.wrong("a tab is not allowed here", "indent with spaces, not with tabs")


def _continues_behind_quote(said: _Said) -> Problem | None:
    match = _QUOTED_VALUE.fullmatch(said.line)
    if match is None or "flow" in said.context or ("<scalar>" not in said.problem and "<block" not in said.problem):
        return None
    key, value = match["key"], match["value"].rstrip()
    hint = f'write {key}: "{value}"' if '"' not in value else _BLOCK_HINT
    return said.wrong(
        "the value continues after its closing quote",
        hint,
        length=said.line_end(said.at),
        detail="in YAML, a value that begins with a quote ends at the next quote",
    )


def _flow(said: _Said) -> Problem | None:
    if "<stream end>" in said.problem:
        opened = max(said.source.text.rfind("["), said.source.text.rfind("{"))
        if opened >= 0:
            return said.wrong(f"this {said.source.text[opened]} is not closed", "close it, or leave it out", at=opened)
    if "while parsing a flow" not in said.context:
        return None
    sign = said.source.text[said.begun : said.begun + 1]
    closing = {"{": "}", "[": "]"}.get(sign, "}")
    if said.source.line_number(said.at) != said.source.line_number(said.begun):
        return said.wrong(f"this {sign} is not closed", f"a {closing} is missing", at=said.begun)
    return said.wrong(
        f"YAML cannot read this between {sign} {closing}",
        "put an expression in double quotes: {on: \"'Product Viewed' where price > 100\", add: 5}",
        detail="between { }, commas, quotes and brackets have a special meaning",
    )


def _open_quote(said: _Said) -> Problem | None:
    if "quoted scalar" not in said.context or "end of stream" not in said.problem:
        return None
    return said.wrong("this quote is not closed", "close it, or leave it out", at=said.begun)


def _escape(said: _Said) -> Problem | None:
    if "escape character" not in said.problem:
        return None
    return said.wrong(
        "a \\ means something else between double quotes",
        "write \\\\, or leave the double quotes out",
    )


def _closing(said: _Said) -> Problem | None:
    match = re.search(r"found '([\]}])'", said.problem)
    if match is None:
        return None
    opening = {"]": "[", "}": "{"}[match[1]]
    return said.wrong(f"there is no {opening} for this {match[1]}", "leave it out, or put the value in double quotes")


def _indentation(said: _Said) -> Problem | None:
    match = _KEY.match(said.line)
    wrong_key = "mapping values" in said.problem and match is not None and match.end() >= said.column
    if not wrong_key and "<block" not in said.problem and "<document start>" not in said.problem:
        return None
    start = said.source.offset_of_line(said.source.line_number(said.at))
    blanks = len(said.line) - len(said.line.lstrip())
    return said.wrong(
        "this line is indented differently from those around it",
        "lines that belong together begin in the same column",
        at=start + blanks,
        length=len(said.line.strip()) or 1,
    )


def _colon(said: _Said) -> Problem | None:
    if "mapping values" not in said.problem:
        return None
    return said.wrong("a value without quotes cannot contain a colon and a space", _BLOCK_HINT)


def _no_key(said: _Said) -> Problem | None:
    if "expected ':'" not in said.problem:
        return None
    hint = "write a colon and a value, or indent the line if it continues the line above"
    line = said.source.line_text(said.source.line_number(said.begun))
    if re.match(r"\s*(?:- +)*[\w-]+:\S", line):
        hint = "a space is missing after the colon"
    return said.wrong(
        "this line is not of the form key: value",
        hint,
        at=said.begun,
        length=max(1, said.line_end(said.begun)),
    )


def _first_sign(said: _Said) -> Problem | None:
    """A value that begins with a sign of YAML."""
    if "block scalar" in said.context:
        tag = re.search(r": +(![^ ]*)", said.line)
        if tag is not None:
            rest = said.line[tag.start(1) + 1 :].strip()
            at = said.source.offset_of_line(said.source.line_number(said.at)) + tag.start(1)
            return said.wrong("a value cannot begin with !", f"write not {rest}", at=at)
        sign = said.source.text[said.begun : said.begun + 1]
        return said.wrong(
            f"no text is allowed after {sign} on its line",
            "write >- after the colon and the value on the lines below",
            at=said.begun,
            length=said.line_end(said.begun),
        )
    if "undefined alias" in said.problem or "while scanning an a" in said.context:
        at = said.at if "undefined alias" in said.problem else said.begun
        return said.wrong(
            f"a value cannot begin with {said.source.text[at : at + 1]}", "put it in double quotes", at=at
        )
    if "cannot start any token" in said.problem:
        sign = said.source.text[said.at : said.at + 1]
        return said.wrong(f"a value cannot begin with {sign}", "put it in double quotes, or leave the sign out")
    if "sequence entries" in said.problem:
        return said.wrong("a list begins on a line of its own", "move the - to the next line")
    return None


_RULES: tuple[Callable[[_Said], Problem | None], ...] = (
    _documents,
    _tab,
    _continues_behind_quote,
    _flow,
    _open_quote,
    _escape,
    _no_key,
    _closing,
    _indentation,
    _colon,
    _first_sign,
)
