"""Tells an exception that a record may have caused from one that says nothing about the record.

Only the former may ever condemn a record (or a message, or a publication): whatever the state of the machine, of the
broker or of the event loop brings about passes, and the record is processed then. The list names what may condemn, so
that a class that nobody thought of (of RocksDB, of a library) is a reason to try again, never to lose something.
"""

from collections.abc import Iterator

import msgspec

CAUSED_BY_RECORDS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    TypeError,
    ValueError,
    msgspec.MsgspecError,
)
"""Exceptions that the same code raises again for the same record; RuntimeError too, but none of those derived from it:
aiokafka's errors are, and RecursionError."""

NEVER_CAUSED_BY_RECORDS = (RecursionError, MemoryError, OSError)
"""Also where another exception was raised because of them. A depth of recursion that a record causes is found when the
record is decoded, and is no exception any more behind that."""


def is_caused_by_record(error: BaseException) -> bool:
    """True if an exception may be about the record that was being processed.

    >>> is_caused_by_record(KeyError("price")), is_caused_by_record(MemoryError()), is_caused_by_record(TimeoutError())
    (True, False, False)
    """
    if not isinstance(error, CAUSED_BY_RECORDS) and type(error) is not RuntimeError:
        return False
    return not any(isinstance(each, NEVER_CAUSED_BY_RECORDS) for each in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and what led to it."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__
