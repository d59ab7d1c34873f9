"""Brokers that have transactions, whatever they answer this user; and those that have none."""

from types import SimpleNamespace
from typing import Any

import pytest

from app.runtime.kafka.clients import has_transactions


class Client:
    """A client whose broker answers a request for a producer id with one code."""

    def __init__(self, code: int) -> None:
        self._code = code

    def get_random_node(self) -> int:
        return 1

    async def send(self, node: int, request: Any) -> SimpleNamespace:
        return SimpleNamespace(error_code=self._code)


@pytest.mark.parametrize(
    ("code", "there"),
    [
        pytest.param(0, True, id="a producer id"),
        pytest.param(14, True, id="a coordinator that loads"),
        pytest.param(31, True, id="not for a user who may write nowhere"),
        pytest.param(53, True, id="not for a user without this transactional id"),
        pytest.param(35, False, id="a request that it does not know"),
    ],
)
async def test_who_may_write_nowhere_still_reads_what_is_committed_only(code: int, there: bool) -> None:
    client: Any = Client(code)
    assert await has_transactions(client) is there
