"""Rows made into record batches, as Kafka stores them (https://kafka.apache.org/documentation/#recordbatch).

Where there was a C compiler at the installation, the rows of a batch are encoded by an extension module in one go:
aiokafka's builder takes one record at a time, and several times as long. Else that builder does it.
"""

import struct
from collections.abc import Callable
from itertools import islice
from typing import Any, Final, TypeAlias

from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.util import calc_crc32c

from app.settings import Compression

INTERFACE: Final = 1
"""Counts what the extension module and this one agreed on."""

try:
    from app.runtime.kafka import _record_batch
except ImportError:  # no C compiler where this was installed
    BUILT = False
else:
    BUILT = True
    if _record_batch.INTERFACE != INTERFACE:
        raise RuntimeError(
            "the extension module app/runtime/kafka/_record_batch was built from another version; "
            "build it again (make setup)"
        )

Header: TypeAlias = tuple[str, bytes]
Row: TypeAlias = tuple[bytes | None, bytes | None, list[Header]]
"""One record to be written: key, value (None: a tombstone), headers. A plain tuple: there are as many as profiles."""

NO_HEADERS: list[Header] = []

FORMAT: Final = 2
TRANSACTIONAL: Final = 0x10
NO_LEADER_EPOCH: Final = -1
_BEFORE_CRC = struct.Struct(">qiibI")  # offset, length of what follows it, leader epoch, format, checksum
_AFTER_CRC = struct.Struct(">hiqqqhii")  # attributes, last offset, first and last time, producer (3), records
_LENGTH_FROM = struct.calcsize(">qi")
_HEAD_BYTES = _BEFORE_CRC.size + _AFTER_CRC.size
_CODECS: dict[Compression, tuple[int, Callable[[bytes], bytes]]] = {
    "none": (0, bytes),
    "gzip": (1, gzip_encode),
    "snappy": (2, snappy_encode),
    "lz4": (3, lz4_encode),
    "zstd": (4, zstd_encode),
}


class RecordBatches:
    """Makes the batches of one producer: how large at most, how compressed, whether within transactions."""

    def __init__(self, compression: Compression, *, bytes_max: int, transactional: bool, encoded: bool = BUILT) -> None:
        """`encoded` False: by aiokafka's builder."""
        self._codec, self._compress = _CODECS[compression]
        self._bytes_max = bytes_max
        self._transactional = transactional
        self._encoded = encoded

    def batch(self, rows: list[Row], first: int, *, now_ms: int) -> BatchBuilder:
        """As many of the rows from number `first` on as fit, one at least; `record_count` says how many.

        For `AIOKafkaProducer.send_batch`.
        """
        if self._encoded:
            records, count = _record_batch.encode_records(rows, first, self._bytes_max - _HEAD_BYTES)
            attributes = TRANSACTIONAL if self._transactional else 0
            compressed = self._compress(records)
            if len(compressed) < len(records):
                return EncodedBatch(compressed, count, attributes | self._codec, now_ms)
            return EncodedBatch(records, count, attributes, now_ms)
        batch: Any = BatchBuilder(self._bytes_max, self._codec, is_transactional=self._transactional)
        append = batch._builder.append  # the one of the batch costs the same again for every record
        count = 0
        for key, value, headers in islice(rows, first, None):
            if append(count, now_ms, key, value, headers) is None:
                break
            count += 1
        batch._relative_offset = count
        return batch


class EncodedBatch(BatchBuilder):  # type: ignore[misc]  # aiokafka has no types
    """Records that are encoded, and compressed, already. What aiokafka's sender asks of its own builder, this answers.

    Compressed while the processor still has them at hand; the sender would do it when the next ones are made.
    """

    def __init__(self, records: bytes, count: int, attributes: int, now_ms: int) -> None:
        super().__init__(0, 0)
        self._records = records
        self._relative_offset = count
        self._attributes = attributes
        self._now_ms = now_ms
        self._producer_state = (-1, -1, 0)
        self._built: bytes | None = None
        self.close()

    def size(self) -> int:
        """Bytes of the whole batch."""
        return _HEAD_BYTES + len(self._records)

    def _set_producer_state(self, producer_id: int, producer_epoch: int, base_sequence: int) -> None:
        self._producer_state = (
            producer_id,
            producer_epoch,
            base_sequence,
        )  # the builder has no records, which is checked elsewhere

    def _build(self) -> bytes:
        if self._built is None:  # a batch that is sent again is the same to the byte
            count, now_ms = self._relative_offset, self._now_ms
            head = _AFTER_CRC.pack(self._attributes, count - 1, now_ms, now_ms, *self._producer_state, count)
            checked = head + self._records
            length = _BEFORE_CRC.size - _LENGTH_FROM + len(checked)
            self._built = _BEFORE_CRC.pack(0, length, NO_LEADER_EPOCH, FORMAT, calc_crc32c(checked)) + checked
        return self._built
