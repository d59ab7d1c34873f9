"""Formats of what is kept: written by this version, by a former one, or by one that is not known yet."""

import msgspec

WHAT_TO_DO = "start the version that wrote it, or delete the state and replay"


class UnknownFormatError(Exception):
    """Kept by a version whose format is not read here."""

    def __init__(self, what: str, found: int, *, known: int) -> None:
        """`known`: the highest format that is read."""
        why = f"but this version knows none above {known}" if found > known else "which this version does not read"
        super().__init__(f"{what} of format {found}, {why}: {WHAT_TO_DO}")


class DamagedError(Exception):
    """Stored bytes cannot be read, whatever their format."""

    def __init__(self, what: str, why: object) -> None:
        super().__init__(f"{what} cannot be read ({why}): delete the state and replay")


class _Format(msgspec.Struct, array_like=True, gc=False):
    format: int


_decode = msgspec.msgpack.Decoder(_Format).decode


def format_of(encoded: bytes, what: str) -> int:
    """The first field of what was kept, whatever follows. Raises DamagedError."""
    try:
        return _decode(encoded).format
    except msgspec.MsgspecError as error:
        raise DamagedError(what, error) from error
