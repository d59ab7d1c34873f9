"""Steps of an erasure: others are told what is asked for, which keys are erased, and that all of them are."""

import pytest

from app.segments.evaluation.batch import ErasureStep
from tests.support.separating import erase_records
from tests.unit.segments.partition.test_erased_keys import SuppressingShop
from tests.unit.segments.partition.test_linked_keys import RULES, START_MS


class ToldShop(SuppressingShop):
    """A shop whose erasures others hear of."""

    def told_steps(self) -> list[ErasureStep]:
        """All of them, in the order in which they were written."""
        return [step for batch in self.batches for step in batch.erasures]

    def suppressed_with(self, user: str) -> tuple[str, ...]:
        """Keys that were suppressed together with the user's."""
        identity = self.known(user).identity
        assert identity is not None
        return identity.suppressed_with

    def ask(self, user: str, *keys: str, suppress: bool = False) -> None:
        """The command; nothing of what it brings about is delivered."""
        for key, value in erase_records(user, keys, rules=RULES, at_ms=START_MS + 3_000, suppress=suppress):
            self.take(key, START_MS, value)


def person(partitions: int = 3) -> ToldShop:
    """Somebody with a login and two devices, who views."""
    shop = ToldShop(partitions=partitions)
    shop.send("View", 0)
    shop.send("View", 1, user="u")
    shop.send("View", 2, user="u", anon="b")
    return shop


@pytest.mark.parametrize("partitions", [2, 3])
def test_an_erasure_is_told_as_a_request_then_each_key_then_the_end(partitions: int) -> None:
    shop = person(partitions)
    shop.erase("u", "a", "b", at_s=3)
    steps = shop.told_steps()
    assert {(step.user, step.at_ms) for step in steps} == {("u", START_MS + 3_000)}
    assert len({step.id for step in steps}) == 1
    assert [(step.result, step.key) for step in steps] == [
        ("requested", None),
        ("erased", "u"),
        ("erased", "a"),
        ("erased", "b"),
        ("finished", None),
    ]
    assert steps[0].keys == steps[-1].keys == ("u", "a", "b")
    assert [step.left for step in steps] == [(), ("viewers",), (), (), ()]
    assert [step.until_ms for step in steps[1:4]] == [START_MS + 3_000] * 3


def test_the_end_comes_when_the_last_key_has_passed_its_erasure() -> None:
    shop = person()
    shop.ask("u", "a", "b")
    assert [step.result for step in shop.told_steps()] == ["requested", "erased", "erased", "erased"]
    hops = []
    while shop._waiting:
        hops.append(shop._waiting[0][0])
        shop.take(*shop._waiting.popleft())
        assert ("finished" in [step.result for step in shop.told_steps()]) == (not shop._waiting)
    assert [key for key in hops if key == "u"] == ["u"], "it comes back once"


def test_the_end_waits_for_ids_that_the_command_does_not_know() -> None:
    shop = person()
    shop.ask("u")
    shop.deliver()
    steps = shop.told_steps()
    assert [(step.result, step.key) for step in steps] == [
        ("requested", None),
        ("erased", "u"),
        ("erased", "a"),
        ("erased", "b"),
        ("finished", None),
    ]
    assert steps[0].keys == ("u",)
    assert steps[-1].keys == ("u", "a", "b")


def test_of_an_id_that_is_somebody_elses_by_now_it_is_told_that_it_is_not_erased() -> None:
    shop = person()
    shop.send("View", 2.5, user="w")  # on the same device
    shop.erase("u", "a", "b", at_s=3)
    assert [(step.result, step.key) for step in shop.told_steps()] == [
        ("requested", None),
        ("erased", "u"),
        ("elsewhere", "a"),
        ("erased", "b"),
        ("finished", None),
    ]


def test_an_erasure_of_somebody_unknown_has_an_end() -> None:
    shop = ToldShop()
    shop.erase("nobody", at_s=3)
    assert [(step.result, step.keys) for step in shop.told_steps()] == [
        ("requested", ("nobody",)),
        ("erased", ()),
        ("finished", ("nobody",)),
    ]


@pytest.mark.parametrize("keys", [("a", "b"), ()], ids=["all keys named", "the others found by their claims"])
def test_with_the_user_all_keys_of_the_person_are_suppressed(keys: tuple[str, ...]) -> None:
    shop = person()
    shop.ask("u", *keys, suppress=True)
    shop.deliver()
    assert all(shop.is_suppressed(key) for key in ("u", "a", "b"))
    assert sorted(shop.suppressed_with("u")) == ["a", "b"]
    before = shop.counted()
    for number, anon in enumerate(("a", "b", "a")):
        shop.send("View", 10 + number, anon=anon)
    assert shop.counted() == before + 3, "the devices are not taken for new visitors"
    assert [step.suppressed for step in shop.told_steps()] == [True, True, True, True, False]


def test_who_logs_in_on_a_suppressed_device_has_their_own_events_only() -> None:
    shop = person()
    shop.ask("u", "a", "b", suppress=True)
    shop.deliver()
    shop.send("View", 10, user="w")
    shop.send("View", 11)
    shop.send("View", 12, user="w")
    assert shop.inside("w") == ["viewers"]
    assert shop.is_suppressed("a")
    assert shop.state("w", "a") == "lost"


def test_the_end_of_a_suppression_is_told() -> None:
    shop = person()
    shop.ask("u", "a", "b", suppress=True)
    shop.deliver()
    for key in ("u", *shop.suppressed_with("u")):
        shop.unsuppress(key, at_s=20)
    assert not any(shop.is_suppressed(key) for key in ("u", "a", "b"))
    assert [(step.result, step.key) for step in shop.told_steps()[-3:]] == [
        ("unsuppressed", key) for key in ("u", "a", "b")
    ]


@pytest.mark.parametrize("suppress", [False, True])
def test_a_second_erasure_keeps_the_names_of_suppressed_keys(suppress: bool) -> None:
    shop = person()
    shop.ask("u", "a", suppress=True)
    shop.deliver()
    shop.ask("u", suppress=suppress)
    shop.deliver()
    assert set(shop.suppressed_with("u")) == {"a", "b"}
