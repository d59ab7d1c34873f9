"""Conflicts of a publication with what is published: nothing is written, and whoever publishes decides what to do."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from app.errors import UserError
from app.events.instants import iso
from app.runtime.records.catalog_history import Step
from app.runtime.records.published_catalog import Publication

NAMES_TOLD = 20
STEPS_TOLD = 5


class PublishConflictError(UserError):
    """Nothing was published, since something else is or was. `present`: the latest publication; None for none.

    `steps`: the publications that are in the way, the oldest first. `names`: the definitions that are.
    """

    exit_code: ClassVar[int] = 1
    code: ClassVar[str] = "conflict"

    def __init__(
        self,
        message: str,
        *,
        present: Publication | None,
        steps: Sequence[Step] = (),
        names: Sequence[str] = (),
        detail: str | None = None,
        hint: str,
    ) -> None:
        super().__init__(message, detail=detail, hint=hint)
        self.present = present
        self.steps = tuple(steps)
        self.names = tuple(names)


class VersionConflictError(PublishConflictError):
    """Another version is published than the one that the publication was made for."""

    code: ClassVar[str] = "other-version"


class SourceConflictError(PublishConflictError):
    """The publication would overwrite or remove definitions of another source."""

    code: ClassVar[str] = "other-source"


class OvertakenError(PublishConflictError):
    """Another publisher began while this one was at work."""

    code: ClassVar[str] = "overtaken"


def version_conflict(wanted: str, present: Publication | None, since: Sequence[Step]) -> VersionConflictError:
    """The error for a version that is not the one published. `since`: the publications after the wanted one."""
    found = "nothing is published" if present is None else f"{told_publication(present)} is published"
    return VersionConflictError(
        f"the publication is for version {wanted}, but {found}",
        present=present,
        steps=since,
        detail=told_steps(since),
        hint="look at the difference (shoal catalog history, shoal catalog diff), and publish again for this version",
    )


def source_conflict(
    source: str, owners: Mapping[str, str], steps: Sequence[Step], present: Publication | None
) -> SourceConflictError:
    """The error for definitions of others. `owners`: source by name; `steps`: the latest publications of them."""
    names = sorted(owners)
    lines = [f"{name} ({owners[name]})" for name in names[:NAMES_TOLD]]
    if len(names) > NAMES_TOLD:
        lines.append(f"and {len(names) - NAMES_TOLD} more")
    what = "1 definition" if len(names) == 1 else f"{len(names)} definitions"
    said = told_steps(steps)
    return SourceConflictError(
        f"this publication by {source} would overwrite or remove {what} of another source",
        present=present,
        steps=steps,
        names=names,
        detail="\n".join(lines) + (f"\n{said}" if said else ""),
        hint="--keep-others leaves published what is not in the folder. --take-over overwrites and removes it; "
        "before that,\nshoal catalog show NAME prints a text, to be put into the folder",
    )


def overtaken(present: Publication | None, since: Sequence[Step]) -> OvertakenError:
    """The error for one whom a later publisher has fenced. `since`: what was published meanwhile."""
    who = told_steps(since) or "it is not finished yet"
    return OvertakenError(
        "another publisher began while this one was at work: nothing of this publication was written",
        present=present,
        steps=since,
        detail=who,
        hint="look at what is published now (shoal catalog history), and publish again",
    )


def told_steps(steps: Sequence[Step]) -> str | None:
    """A line for each of the last publications; None for none."""
    lines = [f"{told_publication(step.publication)}: {told_names(step)}" for step in steps[-STEPS_TOLD:]]
    return "\n".join(lines) or None


def told_publication(publication: Publication) -> str:
    """A publication in words: number, version, instant, author, source, reason."""
    number = f"{publication.number} " if publication.number else ""
    words = f"{number}({publication.version}, {iso(publication.published_ms)}"
    if publication.by:
        words += f", by {publication.by}"
    if publication.source:
        words += f", {publication.source}"
    if publication.message:
        words += f', "{publication.message}"'
    return words + ")"


def told_names(step: Step) -> str:
    """The names that a publication was about, with signs: + added, ~ changed, = rewritten, - removed."""
    signed = [
        f"{sign}{name}"
        for sign, names in (("+", step.added), ("~", step.changed), ("=", step.rewritten), ("-", step.removed))
        for name in names
    ]
    told = " ".join(signed[:NAMES_TOLD])
    return told + (f" and {len(signed) - NAMES_TOLD} more" if len(signed) > NAMES_TOLD else "")
