"""The report of `shoal privacy report`: the table that a record of processing activities wants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.console.output import say
from app.runtime.kafka.topics import TopicSpec
from app.segments.language.durations import format_duration
from app.segments.review.processing import Processing
from app.settings import Settings

KEPT_FOR_EVER: Final = "-1"
ALWAYS: Final = ("userId, anonymousId, previousId", "messageId, timestamp, receivedAt", "type, event or name")


@dataclass(frozen=True, slots=True)
class KeptTopic:
    """A topic with records about users, and how long it keeps them. `is_as_it_is`: Kafka said so; else it is what a
    new topic gets."""

    name: str
    retention: str
    is_as_it_is: bool


@dataclass(frozen=True, slots=True)
class Processor:
    """Somebody who gets personal data."""

    name: str
    kind: str
    gets: str


@dataclass(frozen=True, slots=True)
class PrivacyReport:
    """Fields, purposes, retention, topics, processors."""

    processing: Processing
    profiles_kept: str
    topics: tuple[KeptTopic, ...]
    processors: tuple[Processor, ...]
    collector_keeps: str
    collector_ids: str


def kept_topics(
    settings: Settings, specs: Sequence[TopicSpec], told: Mapping[str, Mapping[str, str]]
) -> tuple[KeptTopic, ...]:
    """Topics with their retention: as Kafka told it, or else as a new topic gets it."""
    topics = settings.topics
    about_nobody = {topics.catalog, topics.catalog_history, topics.population}
    found = []
    for spec in specs:
        if spec.name in about_nobody:
            continue
        config = told.get(spec.name) or dict(spec.config)
        found.append(KeptTopic(spec.name, _retention(config, settings), is_as_it_is=bool(told.get(spec.name))))
    return tuple(found)


def _retention(config: Mapping[str, str], settings: Settings) -> str:
    if "compact" in config.get("cleanup.policy", "delete"):
        return f"the newest of each user, until {format_duration(settings.retention_ms)} after their last event"
    retention = config.get("retention.ms")
    if retention is None:
        return "as the broker says (7d unless it was changed)"
    return "for ever" if retention == KEPT_FOR_EVER else format_duration(int(retention))


def show_report(console: Console, report: PrivacyReport) -> None:
    """Prints the report as tables."""
    found = report.processing
    say(
        console,
        f"catalog {found.catalog}; the collector takes of events: {report.collector_keeps}, {report.collector_ids}",
    )
    _table(
        console,
        "Purposes: definitions",
        ("definition", "title", "owner", "status", "requires consent", "sends"),
        [
            (each.name, each.title, each.owner, each.status, ", ".join(each.consent), ", ".join(each.sends))
            for each in found.definitions
        ],
    )
    _table(
        console,
        "Purposes: consent",
        ("purpose", "by default", "said in", "needed to collect", "required by"),
        [
            (each.name, each.default, each.place, "yes" if each.collect else "no", ", ".join(each.segments))
            for each in found.purposes
        ],
    )
    always = [(fields, "every event", "all: whose the event is, and when") for fields in ALWAYS]
    _table(
        console,
        "Fields that are read",
        ("field", "of events", "by definitions"),
        always + [(each.place, ", ".join(each.events), ", ".join(each.definitions)) for each in found.fields],
    )
    _table(
        console,
        f"Remembered of each user: until {report.profiles_kept} after their last event",
        ("value", "for definitions"),
        [(each.words, ", ".join(each.definitions)) for each in found.remembered],
    )
    _table(
        console,
        "Topics",
        ("topic", "keeps records", "known from"),
        [(each.name, each.retention, "Kafka" if each.is_as_it_is else "settings") for each in report.topics],
    )
    _table(
        console,
        "Processors",
        ("name", "kind", "gets"),
        [(each.name, each.kind, each.gets) for each in report.processors],
    )


def _table(console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    say(console)
    say(console, title, style="bold")
    if not rows:
        say(console, "none")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)
