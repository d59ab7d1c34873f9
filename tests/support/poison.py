"""A partition that fails at some events: what a mistake of ours would look like."""

from collections.abc import Iterable

from app.segments.partition.partition import Batch, Partition, RecordLike

MARK = b"Poisonous"


class FragilePartition(Partition):
    """Fails at every record that has the mark, `times` times in all (always, if None). Changed users are lost."""

    failures = 0
    times: int | None = None

    def process(self, records: Iterable[RecordLike]) -> Batch:
        """As the original, until it meets the mark."""
        return super().process(self._checked(records))

    def _checked(self, records: Iterable[RecordLike]) -> Iterable[RecordLike]:
        for record in records:
            if record.value is not None and MARK in record.value:
                cls = type(self)
                if cls.times is None or cls.failures < cls.times:
                    cls.failures += 1
                    raise RuntimeError("cannot digest this")
            yield record
