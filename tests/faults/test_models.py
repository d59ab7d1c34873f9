"""Scores on 24 partitions, with killed workers and a new model between: those of a recomputation and of backtests."""

import json
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace
from rich.console import Console

from app.catalogs.publishing import publish_catalog
from app.events.instants import iso
from app.offline.backtest import Backtest, FileRecord
from app.runtime.records.envelope import POSITION_KEY, decode_profile
from app.runtime.records.journal import CatalogChange
from app.segments.compiler.model_code import NUMBERS, VALUE, VERSION, packing
from app.segments.compiler.program import Program, compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.model_file import Column, Model, write_model
from app.segments.definitions.model_forecast import forecast
from app.segments.evaluation.change import Change
from app.segments.partition.position import CATALOG_KEY
from app.simulation.record import Homes, Record
from app.verification.job import Verification
from app.verification.recomputation import Recomputation
from app.verification.topic_contents import Cluster
from tables import profile as profiles
from tests.faults.deployment import START_MS, Deployment, tell
from tests.faults.verdict import latest_of, problems_of
from tests.support.broker import Broker
from tests.support.models import random_model
from tests.support.shop import soon

PARTITIONS: Final = 24
USERS: Final = 150
EVENTS: Final = 4_000
STEP_MS: Final = 2_000
NAMES: Final = ("Product Viewed", "Product Viewed", "Product Added", "Order Completed", "Page Liked")
COLUMNS: Final = {
    "views": "count('Product Viewed' within 1h)",
    "spent": "sum(price of 'Product Added' within 2h)",
    "cart": "cart.value",
    "idle_s": "since('Order Completed') / 1s",
    "source": "last(source of 'Page Liked')",
}
TOLD: Final = "segment: told\nwhen: never('Nothing')\nattach: {p: model('likely')}\nupdates: [p]\n"
"""Each new score is a change."""
LIKELY: Final = "segment: likely\nwhen: model('likely') > 0.5 and cart.items > 0\nattach: {p: model('likely')}\n"


def model_of(seed: int, kind: str) -> Model:
    """A random model over the columns."""
    named = list(COLUMNS.items())
    columns = tuple(
        Column(name=name, expression=text, categories=("a", "b") if name == "source" else None) for name, text in named
    )
    drawn = random_model(seed, kind, columns=len(columns))
    return replace(drawn, columns=columns, moments="exists('Product Viewed' within 1m)")


MODELS: Final = (model_of(11, "boosted"), model_of(12, "linear"))


def files_of(model: Model) -> dict[str, str]:
    return {"likely.model.json": write_model(model).decode(), "told.yaml": TOLD, "likely.yaml": LIKELY}


def visitors(seed: int) -> Iterator[Record]:
    """Users who view, add, order and like, one event every two seconds, each user on their partition."""
    chance, homes = random.Random(seed), Homes(PARTITIONS)
    for number in range(EVENTS):
        user, at_ms = f"u-{chance.randrange(USERS)}", START_MS + number * STEP_MS
        price = chance.choice((0.1, 2.5, 19.99, 40))
        message = {
            "type": "track",
            "event": chance.choice(NAMES),
            "userId": user,
            "messageId": f"m{number}",
            "timestamp": iso(at_ms),
            "properties": {"product_id": f"p-{chance.randrange(9)}", "price": price, "source": chance.choice("abc")},
        }
        yield Record(homes[user.encode()], user.encode(), json.dumps(message).encode(), at_ms)


@pytest.fixture
async def deployment(kafka_broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[Deployment]:
    """24 partitions whose catalog is published; the first model is."""
    folder = tmp_path / "segments"
    folder.mkdir()
    for name, text in files_of(MODELS[0]).items():
        (folder / name).write_text(text)
    given = {"catalog": "topic"}
    async with Deployment(kafka_broker, unique, tmp_path, given=given, partitions=PARTITIONS, segments=folder) as made:
        await publish(made, MODELS[0])
        yield made


async def publish(deployment: Deployment, model: Model) -> Program:
    files = files_of(model)
    catalog = load_catalog(files)
    await publish_catalog(deployment.settings, catalog, files, published_ms=1, write=True)
    return compile_catalog(catalog, deployment.settings.time_rules)


async def partitions_with(cluster: Cluster, version: str) -> int:
    """Partitions whose journal says that they came to a catalog."""
    journals = [await cluster.journal(number) for number in range(PARTITIONS)]
    return sum(
        any(isinstance(entry, CatalogChange) and entry.version == version for entry in journal) for journal in journals
    )


async def scores_of(
    deployment: Deployment, programs: Mapping[str, Program]
) -> tuple[list[str], dict[str, dict[str, float]]]:
    """Scores of profiles that a recomputation or a walk by hand does not come to; version -> user -> score."""
    wrong: list[str] = []
    scored: dict[str, dict[str, float]] = {model.version: {} for model in MODELS}
    models = {model.version: model for model in MODELS}
    (place,) = {code.id for program in programs.values() for code in program.segments if code.hidden}
    async with Cluster(deployment.settings) as cluster:
        for partition in range(PARTITIONS):
            stored = await latest_of(cluster, partition)
            again = Recomputation(
                deployment.program, deployment.settings.time_rules, await cluster.journal(partition), programs
            )
            async for records in cluster.read(deployment.settings.topics.clickstream, partition):
                again.take(records)
            again.move(await cluster.records_end(deployment.settings.topics.clickstream, partition))
            for key, value in stored.items():
                if key in (POSITION_KEY, CATALOG_KEY.encode()) or (encoded := decode_profile(value).profile) is None:
                    continue
                score, expected = (
                    None if profile is None else profile.members.get(place)
                    for profile in (profiles.decode(encoded), again._core.held(key.decode()))
                )
                if score != expected:
                    wrong.append(f"{key.decode()}: {score}, not {expected}")
                if score is not None:
                    wrong += _wrong_by_hand(key.decode(), score, models, scored)
    return wrong[:10], scored


def _wrong_by_hand(
    user: str, member: Any, models: Mapping[str, Model], scored: dict[str, dict[str, float]]
) -> list[str]:
    if (said := member[profiles.SENT]) is None:
        return []
    model = models[said[VERSION]]
    scored[said[VERSION]][user] = said[VALUE]
    by_hand = forecast(model, packing(model).unpack(said[NUMBERS]))
    return [] if by_hand == said[VALUE] else [f"{user}: {said[VALUE]}, by hand {by_hand}"]


def backtested(deployment: Deployment, model: Model, records: list[Record]) -> dict[str, list[tuple[str, float]]]:
    """Instants and scores of each user in a backtest of the whole input with one model."""
    scores: dict[str, list[tuple[str, float]]] = defaultdict(list)

    def hear(change: Change) -> None:
        if change.segment == "told":
            scores[change.user].append((change.at, change.attach["p"]))

    backtest = Backtest(load_catalog(files_of(model)), deployment.settings.time_rules, hear=hear)
    lines = [FileRecord(number, record.timestamp_ms, None, record.value) for number, record in enumerate(records)]
    backtest.process(0, lines)
    backtest.finish()
    return scores


async def unlike_backtests(deployment: Deployment, records: list[Record]) -> tuple[list[str], Counter[str]]:
    """Changes whose score is that of no backtest at their instant: of the old model first, then of the new one.

    One score may be of neither: a user at whose moment the new model came was scored at that instant.
    """
    wrong: list[str] = []
    counts: Counter[str] = Counter()
    old, new = (backtested(deployment, model, records) for model in MODELS)
    async with Cluster(deployment.settings) as cluster:
        for partition in range(PARTITIONS):
            turns = [entry for entry in await cluster.journal(partition) if isinstance(entry, CatalogChange)]
            came = iso(max((entry.clock_ms for entry in turns), default=0))
            is_new: set[str] = set()
            async for some in cluster.read(deployment.settings.topics.changes, partition):
                for change in (json.loads(record.value) for record in some):
                    if change["segment"] != "told":
                        continue
                    user, at, score = change["user"], change["at"], change["attach"]["p"]
                    before, after = (next((p for t, p in each[user][::-1] if t <= at), None) for each in (old, new))
                    if user not in is_new and score == before:
                        counts["old"] += 1
                    elif score == after or at == came:
                        counts["new" if score == after else "at once"] += 1
                        is_new.add(user)
                    else:
                        wrong.append(f"{user} at {at}: {score}, not {before} or {after}")
    return wrong[:10], counts


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_scores_are_those_of_a_recomputation_under_kills_and_a_new_model(
    deployment: Deployment, seed: int
) -> None:
    tell(f"seed {seed}; FAULTS_SEED={seed} repeats the choices")
    chance, records = random.Random(seed), list(visitors(seed))
    before = deployment.program
    parts = [records[start : start + EVENTS // 4] for start in range(0, EVENTS, EVENTS // 4)]
    deployment.start("first", static=True)
    deployment.start("second", static=True)
    await deployment.send(parts[0])
    await deployment.until_done(chance.randint(1, len(parts[0]) - 1))
    deployment.kill("first")
    deployment.start("first", static=True)
    await deployment.send(parts[1])
    await deployment.until_done(len(parts[0]) + chance.randint(1, len(parts[1]) - 1))
    after = await publish(deployment, MODELS[1])
    deployment.kill("second")
    await deployment.send(parts[2])
    deployment.start("second", static=True)
    async with Cluster(deployment.settings) as cluster:
        await soon(partial(partitions_with, cluster, after.version), within_s=60)
    deployment.kill(chance.choice(("first", "second")))
    for name in {"first", "second"} - set(deployment.running()):
        deployment.start(name, static=True)
    await deployment.send(parts[3])
    programs = {program.version: program for program in (before, after)}
    job = Verification(deployment.settings, programs, (), timeout_s=60)
    await job.run(Console(file=StringIO()), exactly=True)
    tell(f"{job.result.expected} changes, {job.catalogs} partitions changed the model")
    assert problems_of(job.result, repeats=False) == []
    assert job.result.expected > EVENTS / 10
    assert job.catalogs > PARTITIONS / 2
    for name in deployment.running():
        deployment.end(name)
    wrong, scored = await scores_of(deployment, programs)
    assert wrong == []
    assert len(scored[MODELS[1].version]) > USERS / 2
    unlike, counts = await unlike_backtests(deployment, records)
    tell(f"{counts} scores as in a backtest")
    assert unlike == []
    assert min(counts["old"], counts["new"]) > EVENTS / 40
