"""Text from outside made safe to show: no terminal, page or log acts on what an event or a file holds."""

from typing import Final

_BIDI_AND_LINES: Final = (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF)
"""Marks, embeddings, overrides and isolates that reorder what is read, separators of lines, and the invisible BOM."""
_CONTROLS: Final = (*range(0x20), *range(0x7F, 0xA0), *_BIDI_AND_LINES, *range(0xD800, 0xE000))
"""Also halves of surrogate pairs, which cannot be written at all."""
_IN_JSON: Final = {code: f"\\u{code:04x}" for code in _CONTROLS if code >= 0x7F}
_IN_A_LINE: Final = {code: f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" for code in _CONTROLS}
_IN_A_LINE.update({ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"})
_IN_LINES: Final = {code: shown for code, shown in _IN_A_LINE.items() if code not in (ord("\n"), ord("\t"))}


def visible(text: str) -> str:
    r"""The text with control characters shown as escapes; ends of lines and tabs stay.

    >>> visible("a\x1b[31m b\u202ec\nd")
    'a\\x1b[31m b\\u202ec\nd'
    """
    return text if text.isascii() and text.isprintable() else text.translate(_IN_LINES)


def visible_line(text: str) -> str:
    r"""The same of a text that is one line: what it says cannot look like another line.

    >>> visible_line("u-1\nequal: all is right")
    'u-1\\nequal: all is right'
    """
    return text if text.isascii() and text.isprintable() else text.translate(_IN_A_LINE)


def visible_json(text: str) -> str:
    r"""JSON that means the same, without characters that a terminal acts on.

    >>> visible_json('{"user": "\u202eann"}')
    '{"user": "\\u202eann"}'
    """
    return text if text.isascii() else text.translate(_IN_JSON)
