"""Texts in cells of CSV files, which spreadsheets open."""

import re
from typing import Final

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of texts that a spreadsheet would compute."""
_GUARD: Final = "'"
_NUMBER: Final = re.compile(r"[0-9][0-9.eE+-]*")
"""A text that a spreadsheet would read as a number or a date, and write otherwise."""


def cell_of(text: str) -> str:
    """A text as a cell: an apostrophe stands before one that would be computed.

    >>> cell_of("=1+1"), cell_of("ann")
    ("'=1+1", 'ann')
    """
    return _GUARD + text if text.startswith(FORMULA) else text


def kept_cell_of(text: str) -> str:
    """A text as a cell that comes back as it was, also if a spreadsheet saves the file: `text_of` reads it.

    >>> kept_cell_of("=1+1"), kept_cell_of("0042"), kept_cell_of("ann"), kept_cell_of("'=x")
    ("'=1+1", "'0042", 'ann', "''=x")
    """
    return _GUARD + text if _is_changed(text.lstrip(_GUARD)) else text


def text_of(cell: str) -> str:
    """The text of a cell that `kept_cell_of` has made.

    >>> text_of("'=1+1"), text_of("ann"), text_of("'t"), text_of("''=x")
    ('=1+1', 'ann', "'t", "'=x")
    """
    return cell[1:] if cell.startswith(_GUARD) and _is_changed(cell.lstrip(_GUARD)) else cell


def _is_changed(text: str) -> bool:
    return text.startswith(FORMULA) or _NUMBER.fullmatch(text) is not None
