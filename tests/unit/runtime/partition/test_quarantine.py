"""A record that cannot be processed is found, and only that one is condemned."""

from hypothesis import given
from hypothesis import strategies as st

from app.runtime.partition.quarantine import Quarantine

TRIES = 3


def condemned(total: int, poisoned: set[int], *, batch: int, watched: bool) -> tuple[list[int], int]:
    """Plays a partition of `total` records to its end: the offsets condemned, and how many attempts failed."""
    quarantine = Quarantine(tries=TRIES)
    offset, failures = 0, 0
    found: list[int] = []
    while offset < total:
        if offset in found:
            offset += 1
            continue
        records = [o for o in range(offset, min(total, offset + batch)) if o not in found]
        first_gap = next((i for i, o in enumerate(records) if o != offset + i), len(records))
        records = records[: min(first_gap, quarantine.limit(offset, batch))]
        bad = next((o for o in records if o in poisoned), None)
        if bad is None:
            offset = records[-1] + 1
            quarantine.passed(offset)
            continue
        failures += 1
        closely = watched and quarantine.suspicious
        suspect = bad if closely or len(records) == 1 else None
        handed_out = records.index(bad) + 1 if suspect is not None else 0
        if quarantine.failed(
            records[0], records=len(records), end=records[-1] + 1, suspect=suspect, handed_out=handed_out
        ):
            found.append(records[0])
        assert failures < 100_000
    return found, failures


def test_the_bad_record_of_a_big_batch_is_found_in_a_few_attempts() -> None:
    found, failures = condemned(5_000, {3_210}, batch=5_000, watched=True)
    assert found == [3_210]
    assert failures == 2 * TRIES


def test_without_a_suspect_the_batch_is_halved() -> None:
    found, failures = condemned(5_000, {3_210}, batch=5_000, watched=False)
    assert found == [3_210]
    assert failures <= TRIES * 15


def test_a_failure_that_passes_condemns_nothing() -> None:
    quarantine = Quarantine(tries=TRIES)
    assert not quarantine.failed(0, records=10, end=10, suspect=4, handed_out=5)
    assert quarantine.limit(0, 10) == 10
    quarantine.passed(10)
    assert not quarantine.suspicious


def test_a_suspect_that_passes_alone_is_let_go() -> None:
    quarantine = Quarantine(tries=1)
    assert not quarantine.failed(0, records=10, end=10, suspect=4, handed_out=5)
    assert quarantine.limit(0, 10) == 4
    quarantine.passed(4)
    assert quarantine.limit(4, 10) == 1
    quarantine.passed(5)
    assert quarantine.limit(5, 10) == 10
    assert not quarantine.suspicious


@given(
    total=st.integers(1, 60),
    poisoned=st.sets(st.integers(0, 59), max_size=6),
    batch=st.integers(1, 20),
    watched=st.booleans(),
)
def test_exactly_the_bad_records_are_condemned(total: int, poisoned: set[int], batch: int, watched: bool) -> None:
    found, _ = condemned(total, poisoned, batch=batch, watched=watched)
    assert found == sorted(o for o in poisoned if o < total)
