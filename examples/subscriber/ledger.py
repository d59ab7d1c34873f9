"""Ledger of a subscriber: its position and the last change of each user, in one database.

The rule is one transaction: what a change does and how far the subscriber has read are written together. So it does not
matter when it is killed: either both are there after a restart, or neither. SQLite stands for the database that you
have; the subscribers of one group share one.
"""

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS positions (topic TEXT, number INTEGER, next INTEGER, PRIMARY KEY (topic, number));
CREATE TABLE IF NOT EXISTS latest (topic TEXT, user TEXT, change TEXT, PRIMARY KEY (topic, user));
CREATE TABLE IF NOT EXISTS handled (place INTEGER PRIMARY KEY, id TEXT UNIQUE, user TEXT, change TEXT);
CREATE TABLE IF NOT EXISTS gaps (topic TEXT, user TEXT, told TEXT);
"""
NEW_LIFE = 1_000_000
"""A user who was forgotten and comes back begins with the time in milliseconds as sequence: a leap, and no gap."""


class MovedError(Exception):
    """Somebody else has handled these records meanwhile: read again from where the ledger is."""


class Ledger:
    """`one_segment`: the topic is `segment.<name>`, not `segment.changes`."""

    def __init__(self, path: Path, *, one_segment: bool = False) -> None:
        self._one_segment = one_segment
        self._database = sqlite3.connect(path, isolation_level=None, timeout=30)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.executescript(SCHEMA)

    def position(self, topic: str, number: int) -> int | None:
        """The offset to read on from in a partition; None if nothing of it was ever handled."""
        found = self._database.execute(
            "SELECT next FROM positions WHERE topic = ? AND number = ?", (topic, number)
        ).fetchone()
        return None if found is None else int(found[0])

    def take(self, topic: str, number: int, records: Iterable[tuple[int, bytes | None]]) -> list[str]:
        """Handles some records of a partition, in order, as (offset, value). Returns the gaps that were noticed.

        All of them or none: an exception leaves the ledger as it was. Raises MovedError.
        """
        gaps: list[str] = []
        self._database.execute("BEGIN IMMEDIATE")
        try:
            before = self.position(topic, number)
            after = before
            for offset, value in records:
                if before is not None and offset < before:
                    raise MovedError(f"{topic}[{number}] stands at {before}, this is {offset}")
                after = offset + 1
                if value is not None:
                    gaps += self._handle(topic, json.loads(value))
            self._database.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", (topic, number, after))
            self._database.execute("COMMIT")
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        return gaps

    def _handle(self, topic: str, change: dict[str, Any]) -> list[str]:
        user = change["user"]
        # The id identifies a change: one that comes again (brokers without transactions) is found here.
        if self._database.execute("SELECT 1 FROM handled WHERE id = ?", (change["id"],)).fetchone():
            return []
        found = self._database.execute(
            "SELECT change FROM latest WHERE topic = ? AND user = ?", (topic, user)
        ).fetchone()
        told = None if found is None else gap(json.loads(found[0]), change, one_segment=self._one_segment)
        text = json.dumps(change)
        # Put your work here. An effect in this database happens exactly once; one elsewhere needs the id as its key.
        self._database.execute("INSERT INTO handled (id, user, change) VALUES (?, ?, ?)", (change["id"], user, text))
        self._database.execute("INSERT OR REPLACE INTO latest VALUES (?, ?, ?)", (topic, user, text))
        if told is None:
            return []
        self._database.execute("INSERT INTO gaps VALUES (?, ?, ?)", (topic, user, told))
        return [f"{user}: {told}"]


def gap(last: dict[str, Any], change: dict[str, Any], *, one_segment: bool) -> str | None:
    """Describes what is missing between two changes of one user; None if the second is the next."""
    step = change["sequence"] - last["sequence"]
    if step >= NEW_LIFE:
        return None
    if not one_segment:
        return None if step == 1 else f"sequence {change['sequence']} follows {last['sequence']}"
    # A topic of one segment shows only some of a user's changes, but all of one segment: in, out, in again.
    outside = last["change"] == "exited"
    entered = change["change"] == "entered"
    if step > 0 and entered == outside and change["times"] == last["times"] + entered:
        return None
    return f"{change['change']} {change['times']} follows {last['change']} {last['times']}"
