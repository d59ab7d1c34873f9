"""Terms of a publication: who, why, where from, and what it may replace."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.errors import UserError
from app.events.visible_text import visible_line

NOTHING_PUBLISHED: Final = "none"
"""In place of a version: the publication is for a topic in which nothing is published."""
BY_CHARACTERS_MAX: Final = 200
MESSAGE_CHARACTERS_MAX: Final = 2_000
_SOURCE: Final = re.compile(r"[a-z0-9][a-z0-9._:-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Author, reason and source; nothing is published where the rest does not hold.

    if_version: number or version of the publication that must be the latest; None: any. take_over: definitions of other
    sources may be overwritten and removed. keep_others: what other sources have published and this one does not have
    stays. restores: the number of an earlier publication that this is again, with the `sources` of its definitions.
    approved_by: who has approved exactly this, in the console.
    """

    by: str = ""
    message: str = ""
    source: str = "cli"
    if_version: str | None = None
    take_over: bool = False
    keep_others: bool = False
    restores: int = 0
    approved_by: str = ""
    sources: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if not _SOURCE.fullmatch(self.source):
            raise UserError(
                f"{visible_line(self.source)!r:.80} is no name of a source",
                hint="small letters, digits and ._:- such as git, console, cli or git:shop, at most 40",
            )
        for name, text, most in (
            ("author", self.by, BY_CHARACTERS_MAX),
            ("message", self.message, MESSAGE_CHARACTERS_MAX),
        ):
            if len(text) > most:
                raise UserError(f"the {name} has {len(text)} characters", hint=f"at most {most}")
            try:
                text.encode()
            except UnicodeEncodeError:
                raise UserError(f"the {name} is not Unicode text", hint="give it as UTF-8") from None
