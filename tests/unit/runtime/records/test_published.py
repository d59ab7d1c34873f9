"""A publication is seen whole or not at all."""

from dataclasses import dataclass, field

import pytest

from app.runtime.kafka.record_batch import Row
from app.runtime.records.published_catalog import (
    CatalogLog,
    Difference,
    Publication,
    difference,
    rows_of,
    texts_of,
    versions_of,
)
from app.segments.definitions.catalog import load_catalog
from app.segments.definitions.problem import CatalogError
from app.segments.evaluation.time_rules import TimeRules

DAY_MS = 86_400_000
BUYERS = {"buyers.yaml": "segment: buyers\nwhen: exists('Order Completed' within 30d)\n"}
VIEWERS = {"viewers.yaml": "segment: viewers\nwhen: exists('Product Viewed' within 1d)\n"}
OTHER_VIEWERS = {"viewers.yaml": "segment: viewers\ntitle: Lookers\nwhen: exists('Product Viewed' within 2d)\n"}


@dataclass
class Record:
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]] = field(default_factory=list)


def publication(files: dict[str, str], *removed: str) -> list[Row]:
    catalog = load_catalog(files)
    return rows_of(Publication(catalog.version, 1, versions_of(catalog)), texts_of(catalog, files), removed=removed)


def read(log: CatalogLog, rows: list[Row]) -> str | None:
    for row in rows:
        log.take(Record(*row))
    whole = log.whole()
    return None if whole is None else whole.catalog.version


def test_a_publication_comes_back_as_the_same_catalog() -> None:
    files = BUYERS | VIEWERS
    log = CatalogLog()
    assert read(log, publication(files)) == load_catalog(files).version
    whole = log.whole()
    assert whole is not None
    assert whole.files == files


def test_the_settings_of_a_folder_are_published_with_it() -> None:
    files = BUYERS | {"catalog.yaml": "order: {wait: 5s}\n", "identity.yaml": "# as usual\n"}
    log = CatalogLog()
    assert read(log, publication(files)) == load_catalog(files).version
    whole = log.whole()
    assert whole is not None
    assert set(whole.publication.definitions) == {"buyers", "catalog.yaml", "identity.yaml"}
    assert whole.catalog.settings.identity is not None
    without = difference(whole.catalog, load_catalog(BUYERS))
    assert without.removed == ("catalog.yaml", "identity.yaml")


def test_nothing_is_whole_before_the_closing_record() -> None:
    assert read(CatalogLog(), publication(BUYERS | VIEWERS)[:-1]) is None


def test_the_catalog_before_stays_until_the_next_is_whole() -> None:
    log = CatalogLog()
    first = read(log, publication(BUYERS | VIEWERS))
    second = publication(BUYERS | OTHER_VIEWERS)
    for row in second[:-1]:
        assert read(log, [row]) == first
    assert read(log, second[-1:]) == load_catalog(BUYERS | OTHER_VIEWERS).version


def test_what_is_removed_is_gone_with_the_closing_record_and_not_with_its_tombstone() -> None:
    log = CatalogLog()
    read(log, publication(BUYERS | VIEWERS))
    rows = publication(BUYERS, "viewers")
    assert rows[-1][1] is None
    versions = [read(log, [row]) for row in rows]
    assert versions[-2:] == [load_catalog(BUYERS).version] * 2


def test_one_who_reads_after_compaction_sees_the_latest_catalog() -> None:
    rows = publication(BUYERS | VIEWERS) + publication(BUYERS | OTHER_VIEWERS)
    compacted = list({row[0]: row for row in rows}.values())
    assert read(CatalogLog(), compacted) == load_catalog(BUYERS | OTHER_VIEWERS).version


def test_a_worker_refuses_what_goes_beyond_its_rules_and_stays_with_the_catalog_before() -> None:
    log = CatalogLog(TimeRules(retention_ms=7 * DAY_MS))
    version = read(log, publication(VIEWERS))
    with pytest.raises(CatalogError, match="within 30d is longer than users are remembered"):
        read(log, publication(BUYERS | VIEWERS))
    whole = log.whole()
    assert whole is not None
    assert whole.catalog.version == version
    assert read(log, publication(OTHER_VIEWERS)) == load_catalog(OTHER_VIEWERS).version


def test_a_worker_refuses_what_makes_a_profile_too_large() -> None:
    large = "".join(f" or first(path of page within {days}d) = 'a'" for days in range(2, 14))
    files = {"large.yaml": f"segment: large\nwhen: first(path of page within 1d) = 'a'{large}\n"}
    with pytest.raises(CatalogError, match="768 KB is the most"):
        read(CatalogLog(TimeRules()), publication(files))


def test_one_who_only_looks_sees_what_a_worker_refuses() -> None:
    log = CatalogLog()
    assert read(log, publication(BUYERS)) == load_catalog(BUYERS).version
    assert set(log.texts) == {"buyers"}


def test_the_difference_names_what_is_added_changed_and_removed() -> None:
    old, new = load_catalog(BUYERS | VIEWERS), load_catalog(OTHER_VIEWERS)
    assert difference(old, new) == Difference(added=(), changed=("viewers",), removed=("buyers",), same=())
    assert difference(None, old).added == ("buyers", "viewers")
    assert difference(old, old).nothing


def test_another_title_is_no_difference() -> None:
    titled = {"viewers.yaml": VIEWERS["viewers.yaml"] + "title: Lookers\n"}
    assert difference(load_catalog(VIEWERS), load_catalog(titled)).nothing


def test_a_publication_is_read_again_after_something_that_is_not_about_it(monkeypatch: pytest.MonkeyPatch) -> None:
    log = CatalogLog()
    for row in publication(BUYERS):
        log.take(Record(*row))
    with monkeypatch.context() as starved:

        def fail(_: object) -> None:
            raise MemoryError

        starved.setattr("app.runtime.records.published_catalog.load_catalog", fail)
        with pytest.raises(MemoryError):
            log.whole()
    assert read(log, []) == load_catalog(BUYERS).version
