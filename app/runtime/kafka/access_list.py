"""Access lists: permissions (ACLs of Kafka) that each process needs. A test compares them with what each asks for."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from app.settings import Settings

Operation = Literal["Read", "Write", "Create", "Describe", "DescribeConfigs"]
Resource = Literal["topic", "group", "transactional-id", "cluster"]
CLUSTER: Final = "kafka-cluster"
"""Name that Kafka gives to the only resource of the kind cluster."""
_OPTIONS: Final[dict[Resource, str]] = {
    "topic": "--topic",
    "group": "--group",
    "transactional-id": "--transactional-id",
    "cluster": "--cluster",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One thing that a process may do. `prefix`: with everything whose name begins so.

    Who may read or write something may describe it, by Kafka's own rules.
    """

    operation: Operation
    resource: Resource
    name: str
    prefix: bool = False

    def arguments(self) -> list[str]:
        """Options of `kafka-acls.sh`."""
        which = [] if self.resource == "cluster" else [self.name]
        pattern = ["--resource-pattern-type", "prefixed"] if self.prefix else []
        return ["--operation", self.operation, _OPTIONS[self.resource], *which, *pattern]


def access_lists(
    settings: Settings, *, sources: Sequence[str] = (), streams: Sequence[str] = ()
) -> dict[str, tuple[Grant, ...]]:
    """Grants by process, named as its command. `sources`: topics of `shoal intake`; `streams`: topics that it makes
    for streams, to share out their parts.

    A worker may make the topics of segments: a published catalog can bring new ones. All others are expected to be
    there, but for the private topics of destinations and intake, which those make themselves.
    """
    topics, app_id, intake = settings.topics, settings.app_id, settings.topics.intake
    positions, letters, states = (f"{topics.destinations}{end}" for end in ("", ".dead-letter", ".states"))
    every = [topics.clickstream, topics.changes, topics.dead_letters, topics.late, topics.identity, topics.erasures]
    every += [topics.profiles, topics.journal, topics.audit, topics.catalog_history, topics.catalog]
    definitions, publisher = [topics.catalog, topics.catalog_history], _transactions(f"{app_id}-catalog-publisher")
    lists: dict[str, Iterator[Grant]] = {
        "topics": _chain(
            _topics("Create", *every, topics.drafts, topics.population),
            _topics("DescribeConfigs", *every, positions, letters, states, intake, topics.drafts, topics.population),
            _topics("Describe", *every[:-1], positions, letters, states, intake, topics.drafts, topics.population),
            _topics("Read", topics.catalog),
            (_prefix(each, topics.segment_prefix) for each in ("Create", "Describe", "DescribeConfigs")),
            [Grant(operation="DescribeConfigs", resource="cluster", name=CLUSTER)],
        ),
        "worker": _chain(
            _topics("Read", topics.clickstream, topics.profiles, topics.journal, topics.catalog),
            _topics("Write", topics.changes, topics.dead_letters, topics.late, topics.profiles, topics.journal),
            _topics("Write", topics.clickstream, topics.identity, topics.erasures, topics.population),
            (_prefix(each, topics.segment_prefix) for each in ("Write", "Create")),
            [_group(app_id), _transactions(f"{app_id}-")],
        ),
        "serve": _chain(
            _topics("Write", topics.clickstream, topics.audit, topics.dead_letters),
            _topics("Read", *every[:-2], topics.catalog, letters),  # the topics of events and dead letters: export
            [_prefix("Read", topics.segment_prefix), _transactions(f"{app_id}-users")],
        ),
        "memberships": _chain(
            _topics("Read", topics.changes, topics.profiles, topics.identity), [_group(f"{app_id}-memberships")]
        ),
        "destinations": _chain(
            _topics("Read", topics.changes, positions, letters, states, topics.population),
            _topics("Write", positions, letters, states),
            _topics("Create", positions, letters, states),
            [_group(f"{app_id}-destinations")],
        ),
        "intake": _chain(
            _topics("Read", *sources, intake),
            _topics("Write", topics.clickstream, topics.dead_letters, intake),
            _topics("Create", intake, *streams),
            _topics("Describe", *streams),
            [_group(f"{app_id}-intake"), _transactions(f"{app_id}-intake-")],
        ),
        "warehouse": _chain(
            _topics("Read", topics.clickstream, topics.changes, topics.identity, topics.dead_letters, letters),
            [_group(f"{app_id}-warehouse")],
        ),
        "publish": _chain(_topics("Read", *definitions), _topics("Write", *definitions, topics.audit), [publisher]),
        "catalog": _topics("Read", *definitions),
        "users": _chain(
            _topics("Read", topics.profiles, topics.clickstream, topics.journal, topics.catalog),
            _topics("Read", *every[1:6], letters),  # export
            _topics("DescribeConfigs", *every[:-3], letters),  # what is left of an erasure until when
            (_prefix(each, topics.segment_prefix) for each in ("Read", "DescribeConfigs")),
            _topics("Write", topics.clickstream, topics.audit),  # split, merge and erase
            [_transactions(f"{app_id}-users")],
        ),
        "replay": _chain(_topics("Read", topics.dead_letters, intake), _topics("Write", topics.clickstream, intake)),
        "simulate": _topics("Write", topics.clickstream),
    }
    lists |= _readers_of_people(settings, every)
    return {process: tuple(grants) for process, grants in lists.items()}


def _readers_of_people(settings: Settings, every: Sequence[str]) -> dict[str, Iterator[Grant]]:
    """Processes that read events and changes of people, and what is made of them. `every`: all topics of the engine."""
    topics, app_id = settings.topics, settings.app_id
    letters = f"{topics.destinations}.dead-letter"
    return {
        "snapshot": _chain(
            _topics("Read", topics.clickstream, topics.changes, topics.journal, topics.profiles),
            _topics("Write", topics.audit),
        ),
        "verify": _topics(
            "Read", topics.clickstream, topics.changes, topics.journal, topics.profiles, topics.population
        ),
        "census": _chain(
            _topics("Read", topics.population),
            _topics("Write", topics.population, topics.clickstream),
            [_transactions(f"{app_id}-census")],
        ),
        "backfill": _chain(
            _topics("Read", topics.clickstream, topics.profiles, topics.journal, topics.catalog, topics.erasures),
            _topics("Describe", topics.changes),
            _topics("Write", topics.clickstream, topics.audit),
            [_transactions(f"{app_id}-backfill")],
        ),
        "console": _chain(
            _topics("Read", *every, topics.destinations, letters, topics.drafts),  # an export of a person reads all
            _topics("Describe", f"{topics.destinations}.states"),
            _topics("Write", topics.clickstream, topics.catalog, topics.catalog_history, topics.audit, topics.drafts),
            [_prefix("Read", topics.segment_prefix)],
            [_transactions(f"{app_id}-{each}") for each in ("backfill", "catalog-publisher", "drafts", "users")],
        ),
    }


def scaler_access(settings: Settings) -> tuple[Grant, ...]:
    """Grants of a program that asks for the lag of the workers, such as KEDA."""
    return (
        Grant(operation="Describe", resource="topic", name=settings.topics.clickstream),
        Grant(operation="Describe", resource="group", name=settings.app_id),
    )


def commands(grants: Sequence[Grant], *, principal: str, bootstrap_servers: str) -> Iterator[str]:
    """Lines for a shell that give the grants to a principal such as `User:shoal-worker`."""
    for grant in grants:
        words = ["kafka-acls.sh", "--bootstrap-server", bootstrap_servers, "--add", "--allow-principal", principal]
        yield shlex.join([*words, *grant.arguments()])


def _chain(*parts: "Iterator[Grant] | Sequence[Grant]") -> Iterator[Grant]:
    for part in parts:
        yield from part


def _topics(operation: Operation, *names: str) -> Iterator[Grant]:
    return (Grant(operation=operation, resource="topic", name=name) for name in names)


def _prefix(operation: Operation, name: str) -> Grant:
    return Grant(operation=operation, resource="topic", name=name, prefix=True)


def _group(name: str) -> Grant:
    return Grant(operation="Read", resource="group", name=name)


def _transactions(prefix: str) -> Grant:
    return Grant(operation="Write", resource="transactional-id", name=prefix, prefix=True)
