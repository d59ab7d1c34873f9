"""What a test needs to know of the broker it runs on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Broker:
    """A running broker: `name` is `embedded` or `kafka`."""

    name: str
    bootstrap_servers: str
    transactions: bool
