"""Broker that a test runs on."""

from dataclasses import dataclass


def session_timeout(*, transactions: bool) -> str:
    """Session time-out of a killed worker: so short that tests need not wait long.

    The embedded broker also holds each join for half of it.
    """
    return "2s" if transactions else "1s"


@dataclass(frozen=True, slots=True)
class Broker:
    """A running broker: `name` is `embedded` or `kafka`."""

    name: str
    bootstrap_servers: str
    transactions: bool
