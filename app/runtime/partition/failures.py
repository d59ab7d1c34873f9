"""Classifies failures in the life cycle of a partition, and describes them."""

import traceback
from pathlib import Path

from app.errors import UserError
from app.runtime.delivery.delivery import FencedError
from app.runtime.kafka.log_writer import ClockAheadError
from app.runtime.partition.environment import WorkFailedError
from app.runtime.partition.lifecycle import Advice, Failure
from tables.formats import DamagedError, UnknownFormatError

Unreadable = UnknownFormatError, DamagedError


SPEAK_OF_SYSTEMS = ("app.", "aiokafka", "redis", "tables.")
"""Modules whose errors have a text that names no user: of others, such as a KeyError, only the place is told."""


class BatchFailedError(Exception):
    """The agent or the core could not process a batch; the text says which, and why."""


def root_cause(error: BaseException) -> BaseException:
    """Returns the error that the agent raised, or the error itself if it is not the agent's."""
    while isinstance(error, BatchFailedError | WorkFailedError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def classify_failure(error: BaseException) -> Failure:
    """Classifies an error: fatal for a person to mend, fenced by another worker, or retryable."""
    root = root_cause(error)
    if isinstance(root, (UserError, *Unreadable)) and not isinstance(root, ClockAheadError):  # clocks get corrected
        return Failure.FATAL
    return Failure.FENCED if isinstance(root, FencedError) else Failure.RETRYABLE


def fatal_error(partition: int, error: BaseException) -> UserError:
    """Returns the error that ends the worker."""
    root = root_cause(error)
    if isinstance(root, UserError):
        return UserError(f"partition {partition}: {root.message}", detail=root.detail, hint=root.hint)
    what, _, hint = str(root).rpartition(": ")
    return UserError(f"partition {partition}: {what}", hint=hint)


def describe_batch_failure(error: BaseException, *, offset: int, records: int, suspect: int | None) -> str:
    """Describes the failure of a batch in one line."""
    if isinstance(error, TimeoutError):
        return f"the agent did not finish a batch in time (batch_timeout), offset {offset}"
    at = "" if suspect is None else f", at offset {suspect}"
    what = f"{records:,} records from offset {offset}" if records else "a move of the idle clock"
    return f"{describe_place(error)} in {what}{at}"


def describe_place(error: BaseException) -> str:
    """The kind of an error of our own code and its place, without its text: that may contain an id of a user."""
    frames = traceback.extract_tb(error.__traceback__)
    return type(error).__name__ + (f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else "")


def describe_error(error: BaseException) -> str:
    """Any error, in one line."""
    if isinstance(error, UserError):
        return error.message
    if not isinstance(error, OSError) and not type(error).__module__.startswith(SPEAK_OF_SYSTEMS):
        return describe_place(error)
    name, text = type(error).__name__, str(error)
    if isinstance(error, BatchFailedError | TimeoutError) or text.startswith(name):
        return text or name
    return f"{name}: {text}".rstrip(": ")


def describe_next(advice: Advice, *, leaving: bool) -> str:
    """Describes what a partition does after a failure that is not fatal."""
    if leaving:
        return "it is given back; what was not written is thrown away"
    return "opens again " + ("when the group has confirmed it" if advice.ask_group else f"in {advice.pause_ms} ms")
