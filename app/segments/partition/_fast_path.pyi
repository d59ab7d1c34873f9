from app.events.message import Message
from app.segments.evaluation.batch import RecordLike

INTERFACE: int
HASH_BYTES: int
ENTRY_BYTES: int
DEPTH_MAX: int
KINDS_MAX: int
START: int
LAST: int
PAGES: int
EVENTS: int
VISIT_LENGTH: int

class FastPath:
    clock_ms: int
    def __init__(self, **settings: object) -> None: ...
    def __iter__(self) -> FastPath: ...
    def __next__(self) -> RecordLike: ...
    @property
    def message(self) -> Message | None: ...
    @property
    def accepted(self) -> dict[str, int]: ...
