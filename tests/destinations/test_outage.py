"""A receiver that is away, slow or odd, in simulated time: what arrives, in which order, how often."""

import logging
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from app.destinations.delivery_loop import DeliveryLoop
from app.destinations.destination import Destination
from app.destinations.http.answers import judge
from app.destinations.http.http_request import HttpRequest
from app.destinations.outcome import Fate, Outcome
from app.destinations.positions import Stored
from app.destinations.shared_limits import new_shared_limits
from app.runtime.follow.reader_metrics import ReaderMetrics
from app.segments.evaluation.change import Cause, CauseKind, Change
from tests.destinations.making import HOOK, change, destination, records, target

HOUR_S = 3_600.0
DELIVERED = Outcome(fate=Fate.DELIVERED, status="200")
REFUSED = Outcome(fate=Fate.REFUSED, status="400", detail="answered 400: no field tags")
REFUSALS_MAX = 20
AWAY = Outcome(fate=Fate.AGAIN, status="unreachable")


class SimulatedReceiver:
    """A delivery_loop, a receiver that answers as it is told to, and time that goes on only when all is quiet."""

    def __init__(self, changes: list[Change], answer: Callable[[Any, float], Outcome], text: str = HOOK) -> None:
        self.now_s = 0.0
        self.arrived: list[tuple[str, float]] = []
        self.asked: list[tuple[str, float]] = []
        self.batches: list[int] = []
        self.buried: list[tuple[str, str]] = []
        self._answer = answer
        self.metrics = ReaderMetrics()
        self.limits = new_shared_limits(destination(text), refusals_max=REFUSALS_MAX)
        self.delivery_loop = DeliveryLoop(
            self.limits,
            partition=0,
            stored=Stored(0),
            deliver=self._deliver,
            write_dead_letter=self._write_dead_letter,
            metrics=self.metrics,
            chance=random.Random(1),
            clock_s=lambda: self.now_s,
        )
        self.delivery_loop.take(list(records(changes)), len(changes))

    async def run(self, *, until_s: float) -> None:
        """Until nothing waits, or time is over."""
        while self.delivery_loop.waiting and self.now_s < until_s:
            wait_s = self.delivery_loop.begin_due()
            await self.delivery_loop.settled()
            if wait_s is not None:
                self.now_s = min(until_s, self.now_s + wait_s)

    async def _deliver(self, _: Destination, items: Sequence[Any]) -> list[Outcome]:
        self.batches.append(len(items))
        return [self._outcome(item) for item in items]

    def _outcome(self, prepared: Any) -> Outcome:
        self.asked.append((prepared.id, self.now_s))
        outcome = self._answer(prepared, self.now_s)
        if outcome.fate is Fate.DELIVERED:
            self.arrived.append((prepared.id, self.now_s))
        return outcome

    async def _write_dead_letter(self, _: Destination, record: Any, reason: str, __: str) -> None:
        self.buried.append((record.key.decode(), reason))


def history(users: int, each: int) -> list[Change]:
    return [
        change(f"u-{user}", sequence, "entered" if sequence % 2 else "exited")
        for sequence in range(1, each + 1)
        for user in range(users)
    ]


async def test_after_an_hour_away_everything_arrives_once_and_each_users_in_order() -> None:
    changes = history(users=50, each=6)
    receiver = SimulatedReceiver(changes, lambda _, now_s: AWAY if now_s < HOUR_S else DELIVERED)
    await receiver.run(until_s=3 * HOUR_S)
    ids = [one for one, _ in receiver.arrived]
    assert Counter(ids) == Counter(each.id for each in changes)
    for user in range(50):
        own = [each.id for each in changes if each.user == f"u-{user}"]
        assert [one for one in ids if one in own] == own
    assert receiver.delivery_loop.stored == Stored(len(changes))
    assert not receiver.buried


async def test_while_it_is_away_it_is_asked_about_once_a_minute_and_once_it_is_back_within_a_minute() -> None:
    changes = history(users=50, each=6)
    receiver = SimulatedReceiver(changes, lambda _, now_s: AWAY if now_s < HOUR_S else DELIVERED)
    await receiver.run(until_s=3 * HOUR_S)
    assert 60 <= sum(now_s < HOUR_S for _, now_s in receiver.asked) <= 90
    assert receiver.arrived[0][1] <= HOUR_S + 61
    assert receiver.arrived[-1][1] <= receiver.arrived[0][1] + 1


async def test_one_change_that_is_never_taken_holds_up_its_user_only_and_is_given_up() -> None:
    changes = history(users=20, each=4)
    poison = change("u-3", 1).id
    broken = Outcome(fate=Fate.AGAIN, status="500")
    receiver = SimulatedReceiver(changes, lambda prepared, _: broken if prepared.id == poison else DELIVERED)
    await receiver.run(until_s=60)
    assert {one for one, _ in receiver.arrived} == {each.id for each in changes if each.user != "u-3"}
    assert receiver.delivery_loop.stored.offset == 3
    await receiver.run(until_s=12 * HOUR_S)
    assert not receiver.buried, "as long as nothing else gets through, the destination may be what is wrong"
    receiver.delivery_loop.take(list(records([*changes, *history(users=1, each=1)]))[len(changes) :], len(changes) + 1)
    await receiver.run(until_s=24 * HOUR_S)
    assert receiver.buried == [("u-3", "gave-up")]
    assert {one for one, _ in receiver.arrived} >= {each.id for each in changes if each.id != poison}


async def test_what_is_refused_becomes_a_dead_letter_and_the_users_next_change_goes_on() -> None:
    changes = history(users=2, each=3)
    refused = Outcome(fate=Fate.REFUSED, status="400", detail="answered 400")
    receiver = SimulatedReceiver(changes, lambda prepared, _: refused if prepared.id == changes[0].id else DELIVERED)
    await receiver.run(until_s=60)
    assert receiver.buried == [("u-0", "refused")]
    assert len(receiver.arrived) == 5
    assert receiver.now_s < 1


async def test_retry_after_is_honoured_by_everything_that_goes_there() -> None:
    told: list[float] = []

    def answer(_: HttpRequest, now_s: float) -> Outcome:
        if not told:
            told.append(now_s)
            return Outcome(fate=Fate.AGAIN, status="429", retry_after_s=120.0)
        return DELIVERED

    receiver = SimulatedReceiver(history(users=20, each=1), answer, HOOK + "at_once: 1\n")
    await receiver.run(until_s=HOUR_S)
    assert receiver.arrived[0][1] >= 120
    assert len(receiver.arrived) == 20


async def test_the_rate_is_kept() -> None:
    receiver = SimulatedReceiver(history(users=100, each=1), lambda _, __: DELIVERED, HOOK + "rate: 5\n")
    await receiver.run(until_s=HOUR_S)
    assert len(receiver.arrived) == 100
    assert 18 <= receiver.arrived[-1][1] <= 21


async def test_a_change_that_lacks_a_value_becomes_a_dead_letter_at_once() -> None:
    text = HOOK + 'body: {email: "{{ attach.email }}"}\n'
    receiver = SimulatedReceiver([change("ann"), change("ben", email="b@x.example")], lambda _, __: DELIVERED, text)
    await receiver.run(until_s=1)
    assert receiver.buried == [("ann", "no-value")]
    assert len(receiver.arrived) == 1


async def test_what_is_too_old_is_not_sent() -> None:
    receiver = SimulatedReceiver([change("ann")], lambda _, __: DELIVERED, HOOK + "max_age: 1h\n")
    await receiver.run(until_s=1)
    assert not receiver.asked
    assert receiver.metrics.value("shoal_destination_changes_total", destination="hook", outcome="expired") == 1


@pytest.mark.parametrize(
    ("cause", "line", "sent"),
    [
        ("merged", "", 2),
        ("merged", "on_merged: send\n", 2),
        ("merged", "on_merged: skip\n", 1),
        ("backfill", "", 1),
        ("backfill", "on_backfill: skip\n", 1),
        ("backfill", "on_backfill: send\n", 2),
    ],
)
async def test_what_no_event_caused_is_sent_as_the_file_says(cause: CauseKind, line: str, sent: int) -> None:
    caused = change("ann")
    caused.cause = Cause(cause, link="1f")
    receiver = SimulatedReceiver([caused, change("ann", 2)], lambda _, __: DELIVERED, HOOK + line)
    await receiver.run(until_s=1)
    assert len(receiver.arrived) == sent
    unwanted = receiver.metrics.value("shoal_destination_changes_total", destination="hook", outcome="unwanted")
    assert unwanted == 2 - sent


@pytest.mark.parametrize(
    ("group", "line", "sent"),
    [
        (None, "", 2),
        ("mail", "", 2),
        ("holdout", "", 1),
        ("holdout", "groups: [holdout, mail]\n", 1),
        ("mail", "groups: [holdout, mail]\n", 1),
        (None, "groups: [mail]\n", 0),
        ("sms", "groups: [mail]\n", 0),
    ],
)
async def test_only_the_groups_that_the_file_names_are_sent_and_no_holdout_without_it(
    group: str | None, line: str, sent: int
) -> None:
    grouped = change("ann")
    grouped.group = group
    receiver = SimulatedReceiver([grouped, change("ann", 2)], lambda _, __: DELIVERED, HOOK + line)
    await receiver.run(until_s=1)
    assert len(receiver.arrived) == sent


async def test_logs_name_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Users, addresses and what a service answers may be personal: they stand on Kafka, never in a log."""
    caplog.set_level(logging.DEBUG)
    answers = [
        Outcome(fate=Fate.AGAIN, status="500", detail="answered 500: ann@x.example is unknown"),
        Outcome(fate=Fate.REFUSED, status="400", detail="answered 400: ann@x.example is unknown"),
    ]
    changes = [change(f"ann-{number}@x.example", email="ann@x.example") for number in range(20)]
    receiver = SimulatedReceiver(changes, lambda _, now_s: answers[0] if now_s < 60 else answers[1])
    await receiver.run(until_s=HOUR_S)
    assert len(receiver.buried) == 20
    assert "circuit breaker opened" in caplog.text
    assert "to the dead letters" in caplog.text
    assert "paused after 20 refusals" in caplog.text
    assert "x.example" not in caplog.text


async def test_a_destination_that_refuses_everything_is_paused_and_keeps_the_rest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    changes = history(users=50, each=6)
    receiver = SimulatedReceiver(changes, lambda _, now_s: REFUSED if now_s < HOUR_S else DELIVERED)
    await receiver.run(until_s=HOUR_S - 1)
    assert len(receiver.buried) == REFUSALS_MAX
    assert len(receiver.asked) <= REFUSALS_MAX + 8 + 70, "one try a minute"
    assert receiver.metrics.value("shoal_destination_paused", destination="hook") == 1
    said = [] if receiver.limits.pause is None else [receiver.limits.pause.status, receiver.limits.pause.detail]
    assert said == ["400", "answered 400: no field tags"]
    assert "1 change went to the dead letters, last a change of segment viewers: refused (400)" in caplog.text
    assert "paused after 20 refusals in a row (last: 400)" in caplog.text
    await receiver.run(until_s=3 * HOUR_S)
    assert len(receiver.buried) == REFUSALS_MAX
    ids = [one for one, _ in receiver.arrived]
    assert len(ids) == len(set(ids)) == len(changes) - REFUSALS_MAX
    for user in range(50):
        own = [each.id for each in changes if each.user == f"u-{user}" and each.id in ids]
        assert [one for one in ids if one in own] == own
    assert receiver.arrived[0][1] <= HOUR_S + 61
    assert receiver.arrived[-1][1] <= receiver.arrived[0][1] + 1
    assert receiver.limits.pause is None
    assert receiver.metrics.value("shoal_destination_paused", destination="hook") == 0
    assert receiver.delivery_loop.stored == Stored(len(changes))


async def test_a_pause_ends_though_the_oldest_change_is_refused_for_ever() -> None:
    changes = history(users=40, each=1)
    broken = changes[30].id
    mended_s = 600.0

    def answer(prepared: HttpRequest, now_s: float) -> Outcome:
        return REFUSED if now_s < mended_s or prepared.id == broken else DELIVERED

    receiver = SimulatedReceiver(changes, answer)
    await receiver.run(until_s=HOUR_S)
    assert receiver.delivery_loop.waiting == 0
    assert len(receiver.buried) == REFUSALS_MAX + 1
    assert ("u-30", "refused") in receiver.buried


async def test_refusals_between_deliveries_pause_nothing() -> None:
    changes = history(users=200, each=1)
    taken = {each.id for each in changes[::15]}
    receiver = SimulatedReceiver(changes, lambda prepared, _: DELIVERED if prepared.id in taken else REFUSED)
    await receiver.run(until_s=60)
    assert receiver.delivery_loop.waiting == 0
    assert receiver.limits.pause is None
    assert len(receiver.buried) == 200 - len(taken)


async def test_a_file_says_when_it_is_paused_and_that_it_never_is() -> None:
    refuse: Callable[[HttpRequest, float], Outcome] = lambda _, __: REFUSED  # noqa: E731  # a name for both
    early = SimulatedReceiver(history(users=50, each=1), refuse, HOOK + "pause_after: 3\n")
    await early.run(until_s=60)
    assert len(early.buried) == 3
    never = SimulatedReceiver(history(users=50, each=1), refuse, HOOK + "pause_after: 0\n")
    await never.run(until_s=60)
    assert len(never.buried) == 50


async def test_a_pause_outlives_the_process_and_loses_nothing_more() -> None:
    changes = history(users=50, each=1)
    before = SimulatedReceiver(changes, lambda _, __: REFUSED)
    await before.run(until_s=60)
    assert before.limits.pause is not None
    after = SimulatedReceiver(changes, lambda _, now_s: REFUSED if now_s < 300 else DELIVERED)
    after.limits.resume_paused(before.limits.pause, 0.0, after.metrics)
    await after.run(until_s=HOUR_S)
    assert after.asked[0][1] == 0, "one is tried at once"
    assert not after.buried
    assert len(after.arrived) == 50


async def test_a_file_that_expects_what_the_segment_does_not_attach_is_paused_too(
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = HOOK + 'body: {email: "{{ attach.emial }}"}\n'
    changes = [change(f"u-{number}", email="a@x.example") for number in range(50)]
    receiver = SimulatedReceiver(changes, lambda _, __: DELIVERED, text)
    await receiver.run(until_s=HOUR_S)
    assert receiver.buried == [(f"u-{number}", "no-value") for number in range(REFUSALS_MAX)]
    assert receiver.limits.pause is not None
    assert receiver.limits.pause.detail == "the change has no attach.emial"
    assert "paused after 20 refusals in a row (last: no-value)" in caplog.text


async def test_users_who_lack_a_value_that_others_have_pause_nothing() -> None:
    text = HOOK + 'body: {email: "{{ attach.email }}"}\n'
    changes = [change(f"u-{number}", email=None) for number in range(50)]
    receiver = SimulatedReceiver(changes, lambda _, __: DELIVERED, text)
    await receiver.run(until_s=60)
    assert len(receiver.buried) == 50
    assert receiver.limits.pause is None


async def test_a_destination_that_goes_away_while_it_is_paused_stays_paused() -> None:
    changes = history(users=50, each=2)

    def answer(_: HttpRequest, now_s: float) -> Outcome:
        return REFUSED if now_s < 600 else AWAY if now_s < 1_200 else REFUSED if now_s < 1_800 else DELIVERED

    receiver = SimulatedReceiver(changes, answer)
    await receiver.run(until_s=HOUR_S)
    assert len(receiver.buried) == REFUSALS_MAX
    assert len(receiver.arrived) == len(changes) - REFUSALS_MAX


def test_a_code_of_an_answer_that_is_no_code_stands_in_no_log() -> None:
    made = destination(HOOK + "answer: {path: ok, is: true, code: code}\n")
    for code, status in (('"E-12"', "E-12"), ('"\\u001b[31m ann@x.example"', "200"), ("7", "7")):
        outcome = judge(200, {}, b'{"ok": false, "code": %s}' % code.encode(), target(made).answer, now_s=0.0)
        assert outcome.status == status
