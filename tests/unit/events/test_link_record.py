"""Link records: the same bytes for the same link, and room for the largest profile."""

from msgspec.structs import replace

from app.events.link_record import LINK_BYTES_MAX, LINK_MARK, Link, read_link, write_link
from app.events.message import USER_BYTES_MAX
from app.segments.review.footprint import PROFILE_BYTES_MAX


def test_the_largest_profile_can_be_given() -> None:
    longest = "ü" * (USER_BYTES_MAX // 2)
    ids = Link(step="give", app="shoal", id="0" * 24, source=longest, to=longest, asker=longest, path=(longest,) * 5)
    given = replace(ids, profile=bytes(PROFILE_BYTES_MAX))
    value = write_link(given)
    assert len(value) <= LINK_BYTES_MAX
    assert value.startswith(LINK_MARK)
    assert read_link(value) == given
