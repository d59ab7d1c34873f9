"""From what a batch brought about to what is written where. Pure."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any

import msgspec
from aiokafka.structs import TopicPartition

from app.runtime.delivery.delivery import Commit, PartitionRows, TopicRows
from app.runtime.kafka.partitioner import partition_of
from app.runtime.kafka.record_batch import NO_HEADERS, Header, Row
from app.runtime.records.envelope import POSITION_KEY, StoredPosition, encode_position, encode_profile, plain_prefix
from app.runtime.records.erasure_events import encode_erasure, erasure_headers
from app.runtime.records.identity_events import encode_identity, identity_headers
from app.runtime.records.journal import JournalEntry, encode_entry
from app.runtime.records.population_events import PARTITION as POPULATION_PARTITION
from app.runtime.records.population_events import counted_of, encode_population
from app.segments.evaluation.batch import ErasureStep, Linked, UserCount
from app.segments.evaluation.change import Change
from app.segments.partition.partition import Batch, DeadLetter, LateEvent
from app.settings import Topics

_decode_change = msgspec.json.Decoder(Change).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputTopics:
    """Output topics of a partition.

    partitions: how many the input topic has.
    own_topics: the segments that have a topic of their own. resendable: profiles carry their user's changes, so that
    those can be sent again; needless where a commit is written as a whole or not at all.
    """

    topics: Topics
    partition: int
    partitions: int
    own_topics: Set[str]
    source: str
    resendable: bool = True

    def change_rows(self, changes: Sequence[Change], values: Sequence[bytes]) -> list[TopicRows]:
        """Changes, and each one's encoded value, for the topic of all and for those of their segments."""
        if not changes:
            return []
        every: list[Row] = []
        by_topic: dict[str, list[Row]] = {self.topics.changes: every}
        own_topics = self.own_topics
        for change, value in zip(changes, values, strict=True):
            row = (change.user.encode(), value, change.headers(self.source))
            every.append(row)
            if change.segment in own_topics:
                by_topic.setdefault(self.topics.segment(change.segment), []).append(row)
        return list(by_topic.items())

    def resend(self, values: Sequence[bytes], links: Sequence[tuple[str, bytes]] = ()) -> Commit:
        """Changes and link records, as they were encoded, once more."""
        changes = self.change_rows([_decode_change(value) for value in values], values)
        return Commit(next_offset=-1, changes=changes, links=self.link_rows(links))

    def link_rows(self, links: Iterable[tuple[str, bytes]]) -> list[PartitionRows]:
        """Link records, each for the partition of its key."""
        rows: dict[int, list[Row]] = {}
        for key, value in links:
            encoded = key.encode()
            rows.setdefault(partition_of(encoded, self.partitions), []).append((encoded, value, NO_HEADERS))
        return [(TopicPartition(self.topics.clickstream, number), each) for number, each in sorted(rows.items())]

    def commit(self, outcome: Batch, position: StoredPosition, entries: Sequence[JournalEntry] = ()) -> Commit:
        """All that one outcome writes."""
        commit = Commit(next_offset=position.reached.offset)
        commit.announced = self._identity_rows(outcome.linked)
        commit.announced += self.announced(outcome.dead, outcome.late, entries)
        values = [change.encode() for change in outcome.changes]
        commit.changes = self.change_rows(outcome.changes, values)
        commit.links = self.link_rows((link.key, link.value) for link in outcome.links)
        commit.links += self._erasure_rows(outcome.erasures)
        commit.links += self._count_rows(outcome.counts)
        own: dict[str, list[bytes]] = {}
        sent: dict[str, list[tuple[str, bytes]]] = {}
        if self.resendable:
            for link in outcome.links:
                sent.setdefault(link.owner, []).append((link.key, link.value))
            for change, value in zip(outcome.changes, values, strict=True):
                own.setdefault(change.user, []).append(value)
        prefix = plain_prefix(position.reached)
        tombstones: list[Row] = []
        profiles = commit.profiles
        for user, profile in outcome.profiles.items():
            key = user.encode()
            if profile is None:
                # The tombstone comes after the position: until then, a restore must find the changes of this user.
                profiles.append(
                    (key, encode_profile(position.reached, own.get(user, ()), None, sent.get(user, ())), NO_HEADERS)
                )
                tombstones.append((key, None, NO_HEADERS))
            elif user in own or user in sent:
                value = encode_profile(position.reached, own.get(user, ()), profile, sent.get(user, ()))
                profiles.append((key, value, NO_HEADERS))
            else:
                profiles.append((key, prefix + profile, NO_HEADERS))
        commit.position = [(POSITION_KEY, encode_position(position), NO_HEADERS), *tombstones]
        return commit

    def _identity_rows(self, linked: Sequence[Linked]) -> list[TopicRows]:
        """Results of claims, key the user; all about one anonymous id are in one partition, in order."""
        rows: list[Row] = []
        for each in linked:
            headers = identity_headers(each, self.source)
            rows.append((each.to.encode(), encode_identity(each), headers))
        return [(self.topics.identity, rows)] if rows else []

    def _erasure_rows(self, steps: Iterable[ErasureStep]) -> list[PartitionRows]:
        """Steps of erasures, key the user: all about one person are in one partition, the end behind the others."""
        rows: dict[int, list[Row]] = {}
        for each in steps:
            user = each.user.encode()
            row: Row = (user, encode_erasure(each), erasure_headers(each, self.source))
            rows.setdefault(partition_of(user, self.partitions), []).append(row)
        return [(TopicPartition(self.topics.erasures, number), each) for number, each in sorted(rows.items())]

    def _count_rows(self, counts: Sequence[UserCount]) -> list[PartitionRows]:
        """Counts of the partition for censuses; the topic has one partition."""
        place = TopicPartition(self.topics.population, POPULATION_PARTITION)
        values = [encode_population(counted_of(count, partition=self.partition)) for count in counts]
        return [(place, [(None, value, NO_HEADERS) for value in values])] if values else []

    def announced(
        self, dead: Sequence[DeadLetter], late: Sequence[LateEvent], entries: Sequence[JournalEntry]
    ) -> list[TopicRows]:
        """Dead letters, late events, then journal entries: what the journal calls poisoned must be safe by then."""
        rows: list[TopicRows] = []
        if dead:
            rows.append((self.topics.dead_letters, [self.dead_row(each) for each in dead]))
        if late:
            rows.append((self.topics.late, [self._late_row(each) for each in late]))
        if entries:
            key = str(self.partition).encode()
            rows.append((self.topics.journal, [(key, encode_entry(entry), NO_HEADERS) for entry in entries]))
        return rows

    def dead_row(self, letter: DeadLetter) -> Row:
        """A dead letter: the record as it came, and in headers why, and where it was."""
        record = letter.record
        headers = [
            *_headers_of(record),
            ("shoal-reason", letter.reason.encode()),
            ("shoal-detail", letter.detail.encode(errors="replace")),
            *self._origin(record.offset),
        ]
        if letter.position is not None:
            headers.append(("shoal-position", str(letter.position).encode()))
        return record.key, record.value, headers

    def _late_row(self, event: LateEvent) -> Row:
        record = event.record
        late = ("shoal-late-ms", str(event.late_ms).encode())
        return record.key, record.value, [*_headers_of(record), late, *self._origin(record.offset)]

    def _origin(self, offset: int) -> list[Header]:
        return [
            ("shoal-source-topic", self.topics.clickstream.encode()),
            ("shoal-source-partition", str(self.partition).encode()),
            ("shoal-source-offset", str(offset).encode()),
        ]


def poison_letter(record: Any, error: BaseException) -> DeadLetter:
    """The dead letter of a record that no attempt could process."""
    return DeadLetter(record, "poison", f"{type(error).__name__}: {error}", None)


def _headers_of(record: Any) -> list[Header]:
    return list(getattr(record, "headers", None) or ())
