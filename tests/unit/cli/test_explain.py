"""`shoal explain`: in or not, why, since when, what comes next; and that it agrees with a backtest."""

import gzip
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from app.cli import main as cli
from app.settings import load_settings

CART = """\
segment: cart-abandoned
title: Potential buyers
when: cart.items > 0 and cart.idle >= 30m and cart.idle < 24h
attach:
  products: cart.products
"""
LAYERED = """\
segment: layered
status: draft
when: (segment('cart-abandoned') or exists(page within 1h)) and not (user.identified or count(page) > 5)
"""
LEADS = "segment: leads\nwhen: score('intent') >= 20\n"
INTENT = """\
score: intent
half_life: 1d
points:
  - {on: Product Added, add: 20}
  - {when: segment('cart-abandoned'), add: 10}
"""
LOYAL = """\
segment: loyal
enter: count('Order Completed' within 2d) >= 2
exit: not exists('Order Completed' within 1d)
for: 1h
hold: 3d
cooldown: 5d
"""
WARM = "segment: warm\nwhen: exists(page within 7d)\nwarmup: wait\n"
RETIRED = "segment: gone\nwhen: exists(page)\nstatus: retired\n"
DEFINITIONS = (CART, LAYERED, LEADS, INTENT, LOYAL, WARM, RETIRED)


def event(at: str, user: str, name: str | None = None, **properties: Any) -> dict[str, Any]:
    """An event of January 2026; `at` is day and time of day."""
    message: dict[str, Any] = {"anonymousId": user, "timestamp": f"2026-01-{at}Z", "properties": properties}
    return message | ({"type": "page"} if name is None else {"type": "track", "event": name})


HISTORY = [
    event("05T00:00:00", "early"),
    event("05T10:00:00", "anna", "Product Added", product_id="A1"),
    event("05T10:05:00", "bert", "Product Viewed"),
    event("05T11:00:00", "anna"),
    event("05T12:00:00", "bert"),
]
ORDERS = [
    event("05T00:00:00", "anna", "Order Completed"),
    event("05T01:00:00", "anna", "Order Completed"),
    event("20T00:00:00", "bert"),
]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with definitions and a file of events; the working directory of a command that is asked about it."""
    segments = tmp_path / "segments"
    segments.mkdir()
    for text in DEFINITIONS:
        name = text.split("\n", 1)[0].split(": ")[1]
        (segments / f"{name}.yaml").write_text(text)
    return tmp_path


def write(shop: Path, messages: list[Any], name: str = "events.jsonl") -> Path:
    path = shop / name
    path.write_text("".join((m if isinstance(m, str) else json.dumps(m)) + "\n" for m in messages))
    return path


class Asking:
    """Asks and gives back the lines that were printed, without what stands at their ends."""

    def __init__(self, shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.shop = shop
        self.capsys = capsys
        self.messages: list[Any] = HISTORY

    def __call__(self, user: str, segment: str, *more: str) -> list[str]:
        file = write(self.shop, self.messages)
        arguments = [str(file), "--segments", str(self.shop / "segments"), "--user", user, "--segment", segment]
        assert cli.main(["explain", *arguments, *more]) == 0
        return [line.rstrip() for line in self.capsys.readouterr().out.splitlines()]

    def fails(self, user: str, segment: str, *more: str) -> str:
        file = write(self.shop, self.messages)
        arguments = [str(file), "--segments", str(self.shop / "segments"), "--user", user, "--segment", segment]
        assert cli.main(["explain", *arguments, *more]) == cli.EXIT_USER_ERROR
        printed = self.capsys.readouterr()
        assert not printed.out
        return printed.err


@pytest.fixture
def ask(shop: Path, capsys: pytest.CaptureFixture[str]) -> Asking:
    return Asking(shop, capsys)


def test_one_who_is_in_reads_why_since_when_and_when_he_leaves(ask: Asking) -> None:
    assert ask("anna", "cart-abandoned") == [
        "anna is in cart-abandoned (Potential buyers) at 2026-01-05 12:00:00 UTC",
        "  for the 1st time, since 2026-01-05 10:30:00 (1h30m)",
        "",
        "in while",
        "  ✓  cart.items > 0    1   since 2026-01-05 10:00:00 (2h)",
        "  ✓  cart.idle >= 30m  2h  since 2026-01-05 10:30:00 (1h30m)",
        "  ✓  cart.idle < 1d    2h  since 2026-01-05 10:00:00 (2h)",
        "",
        "next, if no event comes",
        "  leaves at 2026-01-06 10:00:00 (in 22h): no longer cart.idle < 1d (1d)",
        "",
        "values sent last",
        "  products: A1",
        "",
        "changes",
        "  2026-01-05 10:30:00  entered  1st time  cart.idle >= 30m (30m)",
    ]


def test_one_who_is_in_reads_their_groups(ask: Asking) -> None:
    """The bucket of `anna` for the salt `holdout` is not 0."""
    grouped = "experiment: {name: cart-mail, groups: {mail: 100}}\n"
    (ask.shop / "segments" / "cart-abandoned.yaml").write_text(CART + grouped)
    (ask.shop / "segments" / "catalog.yaml").write_text("holdout: {share: 0.01}\n")
    assert ask("anna", "cart-abandoned")[1:4] == [
        "  for the 1st time, since 2026-01-05 10:30:00 (1h30m)",
        "  in the group reached of the experiment holdout",
        "  in the group mail of the experiment cart-mail",
    ]


def test_an_earlier_instant_is_seen_as_if_the_files_ended_there(ask: Asking) -> None:
    lines = ask("anna", "cart-abandoned", "--at", "2026-01-05T10:29:59.999Z")
    assert lines[:2] == [
        "anna is not in cart-abandoned (Potential buyers) at 2026-01-05 10:29:59.999 UTC",
        "  has never been in",
    ]
    assert "  ✗  cart.idle >= 30m  29m59s999ms  since 2026-01-05 10:00:00 (29m59s)" in lines
    assert "  enters at 2026-01-05 10:30:00 (in 1ms): cart.idle >= 30m (30m)" in lines


def test_a_later_instant_lets_the_clock_go_on(ask: Asking) -> None:
    lines = ask("anna", "cart-abandoned", "--at", "2026-01-07T00:00:00Z")
    assert lines[1] == "  was in 1 time, left at 2026-01-06 10:00:00 (14h ago)"
    assert "  nothing changes; the user is forgotten at 2027-02-09 11:00:00" in lines


def test_alternatives_and_negations_stand_as_a_tree(ask: Asking) -> None:
    lines = ask("bert", "layered")
    assert lines[3:10] == [
        "in while",
        "  ✓  at least one of these           since 2026-01-05 12:00:00 (0s)",
        "  ✗    segment('cart-abandoned')     since 2026-01-05 10:05:00 (1h55m)",
        "  ✓    exists(page within 1h)        since 2026-01-05 12:00:00 (0s)",
        "  ✓  none of this                    since 2026-01-05 10:05:00 (1h55m)",
        "  ✗    user.identified               since 2026-01-05 10:05:00 (1h55m)",
        "  ✗    count(page) > 5            1  since 2026-01-05 10:05:00 (1h55m)",
    ]
    assert lines[-1] == "it uses other segments: ask again with --segment cart-abandoned"


def test_a_score_is_told_entry_by_entry(ask: Asking) -> None:
    lines = [line.split() for line in ask("anna", "leads")]
    assert lines[4][:5] == ["✓", "score('intent')", ">=", "20", "28.877486"]  # 20 * 2 ** (-2 / 24) + 10
    assert lines[5] == ["on", "'Product", "Added':", "20", "each", "18.877486"]
    assert lines[6] == ["when", "segment('cart-abandoned'):", "10", "10"]


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("05T01:59:59", "for: 1h: what lets in is true since 2026-01-05 01:00:00; enters at 2026-01-05 02:00:00"),
        ("07T00:00:00", "hold: 3d: would leave, but stays until 2026-01-08 02:00:00 at least (in since 2026-01-05 02:"),
        ("09T00:00:00", "cooldown: 5d: left at 2026-01-08 02:00:00, does not enter before 2026-01-13 02:00:00"),
    ],
)
def test_the_mark_that_holds_a_user_is_named(ask: Asking, at: str, told: str) -> None:
    ask.messages = ORDERS
    assert told in "\n".join(ask("anna", "loyal", "--at", f"2026-01-{at}Z"))


def test_entering_and_leaving_by_different_conditions_are_both_shown(ask: Asking) -> None:
    ask.messages = ORDERS
    lines = ask("anna", "loyal", "--at", "2026-01-05T03:00:00Z")
    assert "enters when" in lines
    assert "leaves when" in lines
    told = "  leaves at 2026-01-08 02:00:00 (in 2d23h): not exists('Order Completed' within 1d), after a hold of 3d"
    assert told in lines


def test_the_end_of_hold_is_named_also_where_the_entry_is_not_shown(ask: Asking) -> None:
    ask.messages = [*ORDERS, event("09T00:00:00", "bert")]
    lines = ask("anna", "loyal", "--at", "2026-01-09T00:00:00Z", "--changes", "1")
    (told,) = [line for line in lines if "exited" in line]
    assert told.endswith("not exists('Order Completed' within 1d), after a hold of 3d")
    assert not any("entered" in line for line in lines)


def test_a_segment_that_waits_for_its_windows_says_until_when(ask: Asking) -> None:
    lines = ask("anna", "warm")
    assert "warmup: wait: the segment's windows are seen in full from 2026-01-12 00:00:00 on" in "\n".join(lines)
    assert "  nothing changes; the user is forgotten at 2027-02-09 11:00:00" not in lines


def test_nobody_is_in_a_retired_segment(ask: Asking) -> None:
    lines = ask("anna", "gone")
    assert lines[1] == "  the segment is retired: nobody is in it"
    assert "in while" not in lines


def test_before_his_first_event_nothing_is_known_of_a_user(ask: Asking) -> None:
    lines = ask("anna", "cart-abandoned", "--at", "2026-01-05T09:00:00Z")
    assert lines == [
        "anna is not in cart-abandoned (Potential buyers) at 2026-01-05 09:00:00 UTC",
        "  no event of this user has counted by then; the first is at 2026-01-05 10:00:00",
    ]


def test_a_forgotten_user_is_known_to_be_forgotten(ask: Asking) -> None:
    lines = ask("anna", "layered", "--at", "2027-06-01T00:00:00Z")
    assert lines[1] == "  forgotten: there was no event of this user for too long"
    assert "in while" not in lines
    assert "next, if no event comes" not in lines


def test_only_the_last_changes_are_shown(ask: Asking) -> None:
    ask.messages = [event(f"{day:02}T10:00:00", "anna", "Product Added", product_id="A1") for day in (5, 7, 9)]
    lines = ask("anna", "cart-abandoned", "--changes", "2")
    assert "last 2 of 4 changes" in lines
    assert lines[-2].startswith("  2026-01-07 10:30:00  entered  2nd time")
    assert "changes" not in ask("anna", "cart-abandoned", "--changes", "0")
    assert "--changes is -1" in ask.fails("anna", "cart-abandoned", "--changes", "-1")


def test_events_that_changed_nothing_are_told(ask: Asking) -> None:
    twice = event("05T10:00:00", "anna", "Product Added", product_id="A1") | {"messageId": "m"}
    ask.messages = [*HISTORY, twice, twice, event("01T00:00:00", "anna")]
    lines = ask("anna", "cart-abandoned")
    assert "1 event came too late (up to 4d11h59m55s) and changed nothing" in lines
    assert "1 repeated message (same messageId) changed nothing" in lines


def test_the_clock_is_that_of_all_users(ask: Asking) -> None:
    """Bert's events have moved the clock on by two days: Anna's event is late, as in a backtest."""
    ask.messages = [
        event("05T10:00:00", "anna"),
        event("07T10:00:00", "bert"),
        event("05T11:00:00", "anna", "Product Added", product_id="A1"),
    ]
    assert "  ✗  cart.items > 0    0        since 2026-01-05 10:00:00 (2d)" in ask("anna", "cart-abandoned")


def test_an_unknown_segment_gets_a_suggestion(ask: Asking) -> None:
    told = ask.fails("anna", "cart-abandond")
    assert "no segment cart-abandond in" in told
    assert "did you mean cart-abandoned?" in told
    assert "intent is a score, and nobody is in a score" in ask.fails("anna", "intent")


def test_an_unknown_user_gets_a_suggestion(ask: Asking) -> None:
    told = ask.fails("ana", "layered")
    assert "no event of user ana in" in told
    assert "3 users until 2026-01-05 12:00:00" in told
    assert "did you mean anna?" in told


def test_files_without_a_usable_message_are_an_error(ask: Asking) -> None:
    ask.messages = []
    assert "there is no message in" in ask.fails("anna", "layered")
    ask.messages = ["{", '{"type": "page"}', '{"type": "pgae", "userId": "anna", "timestamp": "2026-01-05T00:00:00Z"}']
    told = ask.fails("anna", "layered")
    assert "none of the 3 lines of" in told
    assert "the first: " in told
    assert "docs/operations.md" in told
    assert "--at is 'noon'" in ask.fails("anna", "layered", "--at", "noon")


def test_it_agrees_with_a_backtest_over_the_same_files(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shop / "segments" / "layered.yaml").write_text(LAYERED.replace("draft", "live"))
    messages = [
        event(f"{5 + hour // 24:02}T{hour % 24:02}:{7 * number % 60:02}:00", f"user-{number * hour % 7}", name)
        for hour in range(60)
        for number, name in enumerate((None, "Product Added", "Order Completed", None), 1)
    ]
    messages = [message | {"properties": {"product_id": "A1"}} for message in messages]
    file = shop / "events.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join(map(json.dumps, messages)).encode()))
    output = shop / "changes.jsonl"
    segments = ["--segments", str(shop / "segments")]
    assert cli.main(["backtest", str(file), *segments, "--output", str(output)]) == 0
    capsys.readouterr()
    changes = [json.loads(line) for line in output.read_text().splitlines()]
    for user in ("user-0", "user-3"):
        for segment in ("cart-abandoned", "layered", "leads", "loyal", "warm"):
            arguments = [*segments, "--user", user, "--segment", segment, "--changes", "1000"]
            assert cli.main(["explain", str(file), *arguments]) == 0
            told = [
                line.split()[:3]
                for line in capsys.readouterr().out.split("\nchanges\n")[-1].splitlines()
                if line.startswith("  2026") and " time  " in line
            ]
            wanted = [
                [*change["at"].removesuffix("Z").removesuffix(".000").split("T"), change["change"]]
                for change in changes
                if change["user"] == user and change["segment"] == segment
            ]
            assert told == wanted, (user, segment)


# ---- the keys of one person

LOGIN = {"type": "track", "event": "Signed In", "userId": "anna", "anonymousId": "a-1"}
GUEST = [
    event("05T00:00:00", "early"),
    event("05T10:00:00", "a-1", "Product Added", product_id="A1"),
    LOGIN | {"timestamp": "2026-01-05T10:05:00Z"},
    event("05T10:10:00", "bert", "Product Viewed"),
    event("05T11:00:00", "bert"),
]


@pytest.fixture
def guests(ask: Asking) -> Asking:
    (ask.shop / "segments" / "identity.yaml").touch()
    ask.messages = deepcopy(GUEST)
    return ask


@pytest.mark.parametrize("user", ["anna", "a-1"])
def test_what_a_guest_did_is_explained_as_the_users(guests: Asking, user: str) -> None:
    moved = ["a-1 belongs to anna since a login: this is about anna"] if user == "a-1" else []
    said = guests(user, "cart-abandoned")
    assert said[: len(moved) + 2] == [
        *moved,
        "anna is in cart-abandoned (Potential buyers) at 2026-01-05 11:00:00 UTC",
        "  for the 1st time, since 2026-01-05 10:30:00 (30m)",
    ]
    assert said[-2:] == [
        "logins: which ids are one person",
        "  2026-01-05 10:05:00: anna logged in on a-1 (an event with both ids): what a-1 did before is part of anna",
    ]


@pytest.mark.parametrize("asked", ["anna", "key"])
def test_an_id_is_found_in_files_with_pseudonyms_and_in_files_with_ids(
    guests: Asking, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOAL_PSEUDONYM_KEYS", f"2026:{'s' * 32}")
    ids = load_settings().incoming_ids
    if asked == "anna":
        assert guests("anna", "cart-abandoned")[0].startswith("anna is in cart-abandoned"), "files as they were sent"
    user = "anna" if asked == "anna" else ids.key_of("anna")
    for message in guests.messages:
        ids.cover(message)
    assert guests(user, "cart-abandoned")[0].startswith(f"{ids.key_of('anna')} is in cart-abandoned")


def test_who_has_the_device_by_then_is_told(guests: Asking) -> None:
    carl = LOGIN | {"userId": "carl", "timestamp": "2026-01-05T11:10:00Z"}
    guests.messages = [*GUEST, carl, event("05T12:00:00", "bert")]
    said = guests("a-1", "cart-abandoned")
    assert said[1].startswith("carl is not in cart-abandoned")
    assert (
        "  2026-01-05 11:10:00: another user logged in on a-1: what it does from here on is theirs; "
        "anna keeps what it did before" in said
    )
    assert guests("anna", "cart-abandoned")[0].startswith("anna is in cart-abandoned")


def test_an_explanation_of_a_person_agrees_with_a_backtest(guests: Asking) -> None:
    file = write(guests.shop, GUEST)
    changes = guests.shop / "changes.jsonl"
    arguments = [str(file), "--segments", str(guests.shop / "segments"), "--output", str(changes)]
    assert cli.main(["backtest", *arguments]) == 0
    assert "logins: 1 guest became a part of a user" in guests.capsys.readouterr().out
    told = [json.loads(line) for line in changes.read_text().splitlines()]
    entered = [each["at"] for each in told if (each["user"], each["segment"]) == ("anna", "cart-abandoned")]
    assert entered == ["2026-01-05T10:30:00.000Z"]
