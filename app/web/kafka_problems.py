"""Errors of Kafka as problems of a request that may be sent again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiokafka.errors import KafkaError

from app.errors import UserError
from app.runtime.kafka.log_reader import OffsetLostError
from app.service.http.http_problem import Problem
from app.web.texts import say, translated

RETRY_AFTER_S: Final = 3


@asynccontextmanager
async def kafka_told() -> AsyncIterator[None]:
    """For a block whose work is harmless to repeat. Problem 503."""
    try:
        yield
    except TimeoutError:
        raise Problem(503, "kafka", say("refused_kafka_late"), retry_after_s=RETRY_AFTER_S) from None
    except (UserError, KafkaError, OSError, OffsetLostError) as error:
        said = say("refused_kafka")
        if isinstance(error, UserError):
            said = translated(error.message)
            if error.hint and said == error.message:
                said += f" ({error.hint})"
        raise Problem(503, "kafka", said, retry_after_s=RETRY_AFTER_S) from None
