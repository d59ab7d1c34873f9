"""The date at which the last record of an erased person is gone, and when there is none."""

import pytest

from app.offline.erasure_terms import UNTOLD, ErasureStatus, Remains, Term, kept_until, profile_until
from tables.identity import MOVED_KEPT_MS

DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("config", "until_ms", "why"),
    [
        ({"retention.ms": str(DAY_MS)}, 8 * DAY_MS, "retention.ms 1d, segment.ms 7d"),
        (
            {"retention.ms": "0", "segment.ms": "1", "cleanup.policy": "compact,delete"},
            1,
            "retention.ms 0s, segment.ms 1ms",
        ),
        ({"retention.ms": "9223372036854775807"}, None, "for ever"),
        ({"cleanup.policy": "compact", "retention.ms": "5"}, None, "cleanup.policy=compact: nothing is deleted by age"),
        ({"cleanup.policy": "delete"}, None, "retention.ms=-1: for ever"),
        ({}, None, UNTOLD),
    ],
)
def test_a_topic_that_deletes_by_age_keeps_a_record_for_its_retention_and_a_segment(
    config: dict[str, str], until_ms: int | None, why: str
) -> None:
    term = kept_until(config, 0)
    assert term.until_ms == until_ms
    assert why in term.why


def test_the_instant_of_the_erasure_and_then_its_deletion_stay_in_the_profiles() -> None:
    config = {"max.compaction.lag.ms": str(7 * DAY_MS), "delete.retention.ms": "60000"}
    assert profile_until(config, 5, is_deleted=True, is_suppressed=False).until_ms == 5 + 7 * DAY_MS + 60_000
    assert (
        profile_until(config, 5, is_deleted=False, is_suppressed=False).until_ms
        == 5 + MOVED_KEPT_MS + 7 * DAY_MS + 60_000
    )
    assert (
        profile_until({"max.compaction.lag.ms": str(7 * DAY_MS)}, 0, is_deleted=True, is_suppressed=False).until_ms
        == 8 * DAY_MS
    )


@pytest.mark.parametrize("config", [{}, {"delete.retention.ms": "5"}, {"max.compaction.lag.ms": "9223372036854775807"}])
def test_profiles_without_a_limit_of_compaction_have_no_date(config: dict[str, str]) -> None:
    assert profile_until(config, 0, is_deleted=True, is_suppressed=False).until_ms is None


def test_all_is_gone_with_the_last_topic_and_at_no_known_date_if_one_has_none() -> None:
    def until_ms(*terms: int | None) -> int | None:
        remains = tuple(Remains("t", 1, 0, Term(each, "")) for each in terms)
        status = ErasureStatus("ann", 3, ("ann",), waiting=(), back=(), elsewhere=(), suppressed=(), remains=remains)
        return status.until_ms

    assert [until_ms(5, 9, 7), until_ms(5, None), until_ms()] == [9, None, 3]


def test_a_suppressed_key_stays_in_the_profiles() -> None:
    config = {"max.compaction.lag.ms": "1", "delete.retention.ms": "1"}
    assert profile_until(config, 0, is_deleted=False, is_suppressed=True).until_ms is None
