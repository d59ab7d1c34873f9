"""Publications one after the other and at once: none is lost, each is kept, and nobody erases what others made."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from app.catalogs.conflicts import (
    OvertakenError,
    PublishConflictError,
    SourceConflictError,
    VersionConflictError,
)
from app.catalogs.publisher import CatalogPublisher
from app.catalogs.publishing import Outcome, publish_catalog, published_catalog
from app.catalogs.terms import Terms
from app.errors import UserError
from app.runtime.kafka.log_writer import LogWriter
from app.runtime.kafka.record_batch import Row
from app.runtime.kafka.topics import history_topic
from app.runtime.records.catalog_history import CatalogHistory
from app.runtime.records.published_catalog import Publication, rows_of, texts_of, versions_of
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.problem import CatalogError
from tests.support.broker import Broker
from tests.support.shop import Shop

TEA = {"drinkers.yaml": "segment: drinkers\nwhen: exists('Tea Poured')\n"}
MORE_TEA = {"drinkers.yaml": "segment: drinkers\nwhen: count('Tea Poured') >= 2\n"}
TITLED_TEA = {"drinkers.yaml": "# those who drink\nsegment: drinkers\ntitle: Drinkers\nwhen: exists('Tea Poured')\n"}
CAKE = {"eaters.yaml": "segment: eaters\nwhen: exists('Cake Cut')\n"}


@pytest.fixture
async def shop(broker: Broker, unique: str, tmp_path: Path) -> AsyncIterator[Shop]:
    made = Shop(broker, unique, tmp_path / "segments", given={"catalog": "topic"})
    await made.open()
    yield made
    await made.close()


only_with_transactions = pytest.mark.parametrize(
    "broker", [pytest.param("kafka", marks=pytest.mark.kafka)], indirect=True
)


async def publish(shop: Shop, files: Mapping[str, str], *, write: bool = True, **terms: Any) -> Outcome:
    catalog = load_catalog(files)
    return await publish_catalog(shop.settings, catalog, files, published_ms=1, write=write, terms=Terms(**terms))


async def history(shop: Shop) -> CatalogHistory:
    async with CatalogPublisher(shop.settings, writes=False) as looking:
        return (await looking.read()).history


async def names(shop: Shop) -> set[str]:
    found = await published_catalog(shop.settings)
    return set() if found is None else set(found.publication.definitions)


@only_with_transactions
async def test_of_two_publishers_at_once_one_wins_and_the_other_is_told_who(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, write = asyncio.Barrier(2), LogWriter.write

    async def together(self: LogWriter, rows: Iterable[tuple[str, Iterable[Row]]], **more: Any) -> None:
        async with asyncio.timeout(30):
            await both.wait()  # both have read before either writes
        await write(self, rows, **more)

    monkeypatch.setattr(LogWriter, "write", together)
    ends = await asyncio.gather(
        publish(shop, TEA, by="Ann", message="tea"),
        publish(shop, CAKE, by="Bob", message="cake"),
        return_exceptions=True,
    )
    won = [end for end in ends if isinstance(end, Outcome)]
    lost = [end for end in ends if isinstance(end, OvertakenError)]
    assert (len(won), len(lost)) == (1, 1), ends
    winner = won[0].step
    assert winner is not None
    assert await names(shop) == set(winner.publication.definitions)
    assert [step.publication.by for step in (await history(shop)).steps] == [winner.publication.by]
    assert f'by {winner.publication.by}, cli, "{winner.publication.message}"' in str(lost[0])
    assert lost[0].exit_code == 1


@only_with_transactions
async def test_a_publisher_that_dies_half_way_leaves_nothing_behind(shop: Shop) -> None:
    await publish(shop, TEA, by="Ann")
    catalog = load_catalog(CAKE)
    publication = Publication(catalog.version, 2, versions_of(catalog), number=2, by="Bob")
    dying = CatalogPublisher(shop.settings, writes=True)
    await dying.__aenter__()
    assert dying._writer is not None
    await dying._writer.producer.begin_transaction()
    await dying._writer.write(
        [(shop.settings.topics.catalog, rows_of(publication, texts_of(catalog, CAKE), removed=()))]
    )
    assert await names(shop) == {"drinkers"}  # it is never heard of again, as one that was killed
    outcome = await publish(shop, TEA | CAKE, by="Cid", if_version="1")
    assert outcome.step is not None
    assert outcome.step.publication.number == 2
    assert await names(shop) == {"drinkers", "eaters"}
    assert [step.publication.by for step in (await history(shop)).steps] == ["Ann", "Cid"]
    await dying.__aexit__()


async def test_a_publication_for_an_older_version_is_refused_with_what_came_between(shop: Shop) -> None:
    first = await publish(shop, TEA, by="Ann", if_version="none")
    await publish(shop, TEA | CAKE, by="Bob", message="cake for all", if_version=first.catalog.version)
    with pytest.raises(VersionConflictError) as refused:
        await publish(shop, MORE_TEA, by="Cid", if_version="1")
    assert refused.value.message.startswith("the publication is for version 1, but 2 (")
    assert 'by Bob, cli, "cake for all"): +eaters' in (refused.value.detail or "")
    with pytest.raises(VersionConflictError, match="for version none, but 2"):
        await publish(shop, MORE_TEA, if_version="none")
    assert await names(shop) == {"drinkers", "eaters"}
    await publish(shop, MORE_TEA, by="Cid", if_version="2")
    assert await names(shop) == {"drinkers"}


async def test_before_the_first_publication_a_version_is_refused(shop: Shop) -> None:
    with pytest.raises(VersionConflictError, match="for version 7, but nothing is published"):
        await publish(shop, TEA, if_version="7")


async def test_what_another_source_has_published_is_neither_removed_nor_overwritten(shop: Shop) -> None:
    await publish(shop, TEA, source="console", by="Ann", message="tea")
    for files in (CAKE, MORE_TEA | CAKE, TITLED_TEA):
        with pytest.raises(SourceConflictError) as refused:
            await publish(shop, files, source="git")
        assert refused.value.names == ("drinkers",)
        assert "drinkers (console)" in (refused.value.detail or "")
        assert 'by Ann, console, "tea"): +drinkers' in (refused.value.detail or "")
    with pytest.raises(SourceConflictError):
        await publish(shop, MORE_TEA, source="git", keep_others=True)
    assert await names(shop) == {"drinkers"}


async def test_what_others_have_can_be_kept_beside_the_own_folder(shop: Shop) -> None:
    await publish(shop, TEA, source="console")
    kept = await publish(shop, {"drinkers.yaml": CAKE["eaters.yaml"]}, source="git", keep_others=True)
    assert (kept.changes.added, kept.changes.removed, kept.changes.same) == (("eaters",), (), ("drinkers",))
    found = await published_catalog(shop.settings)
    assert found is not None
    assert found.publication.sources == {"drinkers": "console", "eaters": "git"}
    assert dict(found.files) == {
        "drinkers.yaml": CAKE["eaters.yaml"],
        "drinkers/drinkers.yaml": TEA["drinkers.yaml"],
    }
    await publish(shop, TEA | {"x.yaml": "segment: x\nwhen: exists('X')\n"}, source="console", keep_others=True)
    assert await names(shop) == {"drinkers", "eaters", "x"}


async def test_definitions_that_do_not_go_together_with_those_of_others_are_refused(shop: Shop) -> None:
    await publish(shop, TEA | {"n.yaml": "segment: n\nwhen: segment('drinkers')\n"}, source="console")
    await publish(shop, CAKE | {"m.yaml": "segment: m\nwhen: segment('eaters')\n"}, source="git", keep_others=True)
    with pytest.raises(SourceConflictError):
        await publish(shop, CAKE, source="git")
    needs = {"o.yaml": "segment: o\nwhen: segment('eaters')\n"}
    await publish(shop, TEA | {"n.yaml": needs["o.yaml"]} | CAKE, source="all", take_over=True)
    with pytest.raises(CatalogError, match="eaters"):
        load_catalog(needs)


async def test_definitions_are_taken_over_only_when_that_is_said(shop: Shop) -> None:
    await publish(shop, TEA | CAKE, source="console")
    taken = await publish(shop, TEA, source="git", take_over=True)
    assert taken.changes.removed == ("eaters",)
    found = await published_catalog(shop.settings)
    assert found is not None
    assert found.publication.sources == {"drinkers": "git"}


async def test_other_words_for_the_same_are_published_and_no_worker_notices(shop: Shop) -> None:
    first = await publish(shop, TEA)
    second = await publish(shop, TITLED_TEA)
    assert (second.changes.rewritten, second.changes.changed) == (("drinkers",), ())
    assert second.catalog.version == first.catalog.version
    found = await published_catalog(shop.settings)
    assert found is not None
    assert dict(found.files) == TITLED_TEA
    again = await publish(shop, TITLED_TEA)
    assert again.step is None
    assert len((await history(shop)).steps) == 2


async def test_each_publication_can_be_read_with_all_its_texts(shop: Shop) -> None:
    for files in (TEA, TEA | CAKE, MORE_TEA | CAKE, CAKE, TITLED_TEA | CAKE):
        await publish(shop, files)
    past = await history(shop)
    texts = [dict(past.texts_at(step).values()) for step in past.steps]
    assert texts == [TEA, TEA | CAKE, MORE_TEA | CAKE, CAKE, TITLED_TEA | CAKE]
    assert [step.texts for step in past.steps] == [("drinkers",), ("eaters",), ("drinkers",), (), ("drinkers",)]


async def test_a_catalog_of_an_earlier_version_of_the_program_becomes_the_first_of_the_history(shop: Shop) -> None:
    catalog = load_catalog(TEA)
    old = Publication(catalog.version, 5, versions_of(catalog))
    writer = LogWriter(shop.settings, partition=0)
    await writer.open()
    await writer.write([(shop.settings.topics.catalog, rows_of(old, texts_of(catalog, TEA), removed=()))])
    await writer.close()
    done = await publish(shop, CAKE, source="git", if_version=catalog.version)
    assert done.changes.removed == ("drinkers",)
    past = await history(shop)
    assert [(each.publication.number, each.publication.by, each.added) for each in past.steps] == [
        (1, "", ("drinkers",)),
        (2, "", ("eaters",)),
    ]
    assert past.texts_at(past.steps[0]) == {"drinkers": ("drinkers.yaml", TEA["drinkers.yaml"])}


@pytest.mark.parametrize("broker", ["embedded"], indirect=True)
async def test_without_transactions_a_half_written_publication_is_repaired_by_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(shop, TEA)
    write = LogWriter.write

    async def die_before_the_history(self: LogWriter, rows: Iterable[tuple[str, Iterable[Row]]], **more: Any) -> None:
        rows = list(rows)
        if rows[0][0] == history_topic(shop.settings).name:
            raise KeyboardInterrupt
        await write(self, rows, **more)

    with monkeypatch.context() as dying:
        dying.setattr(LogWriter, "write", die_before_the_history)
        with pytest.raises(KeyboardInterrupt):
            await publish(shop, CAKE, by="Ann")
    assert await names(shop) == {"eaters"}
    await publish(shop, TEA | CAKE, by="Bob")
    past = await history(shop)
    assert [(each.publication.number, each.publication.by) for each in past.steps] == [(1, ""), (2, "Ann"), (3, "Bob")]
    assert set(past.texts_at(past.steps[1])) == {"eaters"}


async def test_a_dry_run_writes_nothing_and_is_refused_as_the_publication_would_be(shop: Shop) -> None:
    await publish(shop, TEA, source="console")
    dry = await publish(shop, TEA | CAKE, source="console", write=False)
    assert (dry.changes.added, dry.step) == (("eaters",), None)
    with pytest.raises(PublishConflictError):
        await publish(shop, CAKE, source="git", write=False)
    assert len((await history(shop)).steps) == 1


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"source": "Git Hub"}, "is no name of a source"),
        ({"by": "x" * 201}, "the author has 201 characters"),
        ({"message": "x" * 2_001}, "the message has 2001 characters"),
        ({"by": "\udce9"}, "the author is not Unicode text"),
    ],
)
def test_terms_that_cannot_be_kept_are_refused(terms: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Terms(**terms)
