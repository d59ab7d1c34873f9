"""`shoal explain`: why a user is in a segment, or not, at an instant."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from app.catalogs.definitions_folder import load_segments
from app.console.backtesting import show_unusable
from app.console.explaining import show_explanation
from app.console.names import suggestion
from app.console.options import read_instant_ms
from app.console.output import counted, make_console, show_exact
from app.errors import UserError
from app.offline.backtest import BATCH_RECORDS, FileRecord
from app.offline.event_files import UNUSABLE_HINT, EventFiles
from app.offline.explainer import Explainer, needed_of
from app.offline.explanation import Explanation
from app.offline.persons_keys import keys_of
from app.offline.user_history import UserHistory
from app.offline.value_census import ValueCensus
from app.segments.definitions.definition import Catalog
from app.segments.language import canonical
from app.settings import load_settings
from tables.by_value import written, written_keys
from tables.counted import Counted
from tables.values import Scalar, key_of


def explain(
    files: Annotated[list[Path], Parameter(consume_multiple=True)],
    /,
    *,
    user: str,
    segment: str,
    segments: Path,
    at: str | None = None,
    value: str | None = None,
    changes: int = 5,
) -> int:
    """Explain why a user is in a segment, or not, at an instant. Shows each part of the condition and the next
    change.

    Example: `shoal explain events.jsonl.gz --user u-42 --segment cart-abandoned --segments segments`

    Parameters
    ----------
    files
        Messages in the Segment spec, in order: one JSON object a line (.jsonl, .gz), or Parquet with those columns.
        Only the user's events are played, with identity.yaml those of all keys of the person; those of others only move
        the clock, as in a backtest.
    user
        The userId, or the anonymousId of a user without one.
    segment
        The name of the segment, which may be a draft.
    segments
        The folder with the definitions.
    at
        The instant, such as 2026-01-05T10:30:00Z; later events are left out. Default: the end of the files.
    value
        Of a segment by value (`each`): the value to explain, such as a product. A text that is also a number, such as
        "5", in quotes. Without: all values that are known.
    changes
        Number of the user's latest changes to show.
    """
    if changes < 0:
        raise UserError(f"--changes is {changes}", hint="a whole number, 0 for none")
    at_ms = None if at is None else read_instant_ms(at, option="--at")
    settings = load_settings()
    rules = settings.time_rules
    user = _named_in(files, user, settings.incoming_ids.key_of(user))
    catalog = load_segments(segments, rules)
    _check_segment(catalog, segment, segments)
    asked = _read_value(catalog, segment, value)
    messages = EventFiles(files)
    policy = catalog.settings.identity
    keys = () if policy is None else keys_of(EventFiles(files), user, policy, rules.user_ids)
    explainer = Explainer(catalog, segment, user, rules, keys=keys)
    values = ValueCensus(needed_of(catalog, catalog.segment(segment)))
    history = UserHistory(messages, user, until_ms=at_ms, rules=rules, keys=keys)
    console = make_console()
    with console.status("reading events"):
        records = _heard(history, messages, values)
        while batch := list(islice(records, BATCH_RECORDS)):
            explainer.play(batch)
        _check_user(history, user, files)
        end_ms = max(history.last_ms, at_ms if at_ms is not None else -1)
        explainer.advance(end_ms)
        told = explainer.explain(end_ms)
        if value is not None:
            told = explainer.explain(end_ms, _known_value(told, value, asked))
    show_explanation(console, told, explainer.heard, catalog, changes_max=changes, first_ms=history.first_ms)
    show_unusable(console, values.unusable())
    return 0


def _named_in(files: list[Path], user: str, key: str) -> str:
    """The user as the files name them: by the key, where these come from topics with pseudonyms."""
    found = key != user and any(key.encode() in message for message in EventFiles(files))
    return key if found else user


def _heard(history: UserHistory, messages: EventFiles, values: ValueCensus) -> Iterator[FileRecord]:
    """The records of the history; the values of the user's own are heard on the way."""
    for record in history.records():
        if history.at_own:
            values.hear(record.value or b"", messages.place)
        yield record


def _check_segment(catalog: Catalog, segment: str, folder: Path) -> None:
    names = [each.name for each in catalog.segments]
    if segment in names:
        return
    if any(score.name == segment for score in catalog.scores):
        using = f"ask for a segment that uses score('{segment}')"
        raise UserError(f"{segment} is a score, and nobody is in a score", hint=using)
    raise UserError(f"no segment {segment} in {folder}", hint=suggestion(segment, names))


def _read_value(catalog: Catalog, segment: str, value: str | None) -> list[str]:
    """The keys that the value of the question may mean."""
    if value is None:
        return []
    if catalog.segment(segment).each is None:
        raise UserError(f"--value is {value}, but {segment} has no values (each)", hint="leave --value out")
    return written_keys(value)


def _known_value(told: Explanation, value: str, asked: list[str]) -> Scalar:
    """The value of the question, as it is known now, or was before."""
    known = {key_of(each.value, Counted()): each.value for each in told.values}
    known |= {key_of(each.value, Counted()): each.value for each in told.last if each.value is not None}
    for key in asked:
        if key in known:
            return known[key]
    each = told.segment.each
    of = "" if each is None else f" {canonical.path_text(each.path)}"
    raise UserError(
        f"{told.segment.name} knows nothing of the{of} {value} of user {told.user} at {show_exact(told.at_ms)}",
        detail="no event with this value matches its patterns, or all its windows have passed since",
        hint=suggestion(value, map(written, known.values())),
    )


def _check_user(history: UserHistory, user: str, files: list[Path]) -> None:
    if history.events or history.later:
        return
    named = ", ".join(map(str, files))
    if not history.count:
        raise UserError(f"there is no message in {named}")
    if not history.users:
        raise UserError(
            f"none of the {counted(history.count, 'line')} of {named} is a message that can be used",
            detail=history.first_unreadable,
            hint=UNUSABLE_HINT,
        )
    raise UserError(
        f"no event of user {user} in {named}",
        detail=f"{counted(len(history.users), 'user')} until {show_exact(history.last_ms)}",
        hint=suggestion(user, history.users),
    )
