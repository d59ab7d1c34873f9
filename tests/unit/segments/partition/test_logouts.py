"""After a logout a device is nobody's."""

import pytest

from tables.identity import DAY_MS
from tests.unit.segments.partition.test_linked_keys import Shop


@pytest.mark.parametrize("name", ["Signed Out", "Logged Out"])
def test_after_a_logout_the_device_is_nobodys(name: str) -> None:
    shop = Shop()
    shop.send("View", 0, user="u")
    shop.send(name, 10, user="u")
    shop.send("View", 20)
    assert shop.inside("u") == []
    assert shop.of("a").profile("a") is not None
    shop.send("View", 30, user="w")
    assert shop.inside("w") == ["viewers"], "what the device did after the logout is the next one's"
    assert shop.results == ["empty", "released", "given"]


@pytest.mark.parametrize("claims_another", [False, True])
def test_a_logout_counts_long_after_the_claim(claims_another: bool) -> None:
    """An id in use stays the user's; another claim makes the user forget the old one."""
    shop = Shop()
    day_s = DAY_MS / 1000
    shop.send("View", 0, user="u")
    shop.send("View", 36 * day_s)
    if claims_another:
        shop.send("View", 38 * day_s, user="u", anon="b")
    shop.send("Signed Out", 39 * day_s, user="u")
    shop.send("View", 39 * day_s + 10)
    assert shop.results == ["empty", *(["empty"] if claims_another else []), "released"]
    told = [each for batch in shop.batches for each in batch.linked if each.source == "a"]
    assert told[0].id == told[-1].id, "the claim that ends"
    assert shop.of("a").profile("a") is not None
