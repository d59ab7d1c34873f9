"""The tables of the warehouse: their topics and columns."""

from dataclasses import dataclass
from typing import Final, Literal

from app.errors import UserError
from app.settings import Settings
from app.warehouse.rows import ReadRow, change_row, dead_letter_row, event_row, identity_row

Type = Literal["text", "whole", "small", "time"]

PLACE: Final[dict[str, Type]] = {"kafka_partition": "small", "kafka_offset": "whole", "kafka_time": "time"}
"""Columns of every table: where the record of the row is."""
COLUMNS: Final[dict[str, dict[str, Type]]] = {
    "events": {
        "user_key": "text",
        "happened_at": "time",
        "received_at": "time",
        "type": "text",
        "event": "text",
        "name": "text",
        "user_id": "text",
        "anonymous_id": "text",
        "message_id": "text",
        "properties": "text",
        "traits": "text",
        "context": "text",
        "problem": "text",
    },
    "changes": {
        "id": "text",
        "user_key": "text",
        "segment": "text",
        "version": "text",
        "change": "text",
        "times": "whole",
        "happened_at": "time",
        "sequence": "whole",
        "cause": "text",
        "valid_until": "time",
        "cause_json": "text",
        "evidence_json": "text",
        "attach_json": "text",
        "group_name": "text",
        "experiments_json": "text",
        "value_json": "text",
        "source": "text",
        "problem": "text",
    },
    "identity": {
        "id": "text",
        "from_id": "text",
        "to_user": "text",
        "happened_at": "time",
        "why": "text",
        "result": "text",
        "problem": "text",
    },
    "dead_letters": {
        "key": "text",
        "reason": "text",
        "detail": "text",
        "source_topic": "text",
        "source_partition": "whole",
        "source_offset": "whole",
        "value": "text",
    },
    "undelivered": {
        "destination": "text",
        "key": "text",
        "reason": "text",
        "detail": "text",
        "source_topic": "text",
        "source_partition": "whole",
        "source_offset": "whole",
        "value": "text",
    },
}
OPTIONAL: Final = frozenset({"undelivered"})
"""Tables of topics that need not exist: no destination has run yet."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `columns`: type by name, in order."""

    name: str
    topic: str
    columns: dict[str, Type]
    read: ReadRow


def wanted_tables(settings: Settings) -> list[Table]:
    """The tables of the setting `warehouse_tables`. Raises UserError for a name that is none."""
    topics = settings.topics
    sources: dict[str, tuple[str, ReadRow]] = {
        "events": (topics.clickstream, event_row(settings.user_ids)),
        "changes": (topics.changes, change_row),
        "identity": (topics.identity, identity_row),
        "dead_letters": (topics.dead_letters, dead_letter_row),
        "undelivered": (f"{topics.destinations}.dead-letter", dead_letter_row),
    }
    names = [name.strip() for name in settings.warehouse_tables.split(",") if name.strip()]
    for name in names:
        if name not in sources:
            raise UserError(f"there is no table {name!r}", hint=f"SHOAL_WAREHOUSE_TABLES: some of {', '.join(sources)}")
    if not names:
        raise UserError("SHOAL_WAREHOUSE_TABLES names no table", hint=f"some of {', '.join(sources)}")
    return [Table(name, sources[name][0], PLACE | COLUMNS[name], sources[name][1]) for name in dict.fromkeys(names)]
