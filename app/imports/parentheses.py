"""Parentheses around texts of expressions, only where they are needed."""


def has_outside(text: str, *words: str) -> bool:
    """True if one of the words stands in the text outside of parentheses and quotes.

    >>> has_outside("(a or b) and c = ' or '", "or"), has_outside("(a or b) or (c)", "or")
    (False, True)
    """
    depth, quoted, bare = 0, False, []
    for character in text:
        if character == "'":
            quoted = not quoted
        elif not quoted:
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(character, 0)
        bare.append(character if not quoted and depth == 0 and character not in "()[]'" else "_")
    return any(f" {word} " in "".join(bare) for word in words)


def in_and(text: str) -> str:
    """The text as a part of `and`."""
    return f"({text})" if has_outside(text, "or") else text


def in_not(text: str) -> str:
    """The text after `not`."""
    return f"({text})" if has_outside(text, "or", "and") else text
