from app.runtime.kafka.record_batch import Row

INTERFACE: int

def encode_records(rows: list[Row], first: int, bytes_max: int, /) -> tuple[bytes, int]: ...
