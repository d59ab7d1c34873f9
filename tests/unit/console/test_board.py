"""The live view counts and looks as it should."""

import json
from io import StringIO
from typing import Any

from rich.console import Console

from app.console.board import HISTORY_POINTS, Board
from app.console.dashboard import Frame, render
from app.console.plain import LINES_PER_S_MAX, LineBudget, change_line, status_line
from app.segments.definitions.catalog import load_catalog
from app.simulation.record import Record

CATALOG = load_catalog(
    {
        "a.yaml": "segment: cart-abandoned\nwhen: cart.items > 0 and cart.idle >= 30m\n",
        "b.yaml": "segment: browsers\nwhen: exists(page within 30d)\n",
        "d.yaml": "segment: held\nwhen: exists(page within 1h)\nhold: 30m\n",
        "c.yaml": "segment: drafted\nwhen: exists(page within 3d)\nstatus: draft\n",
    }
)
FRAME = Frame("Shoal demo", speed=30, elapsed_s=12, left_s=48)
AT = "2026-11-23T10:30:00.000Z"
AT_MS = 1_795_429_800_000


def change(user: str = "u-1", what: str = "entered", sequence: int = 1, **more: Any) -> dict[str, Any]:
    evidence = [{"expression": "cart.items > 0", "value": 1}, {"expression": "cart.idle >= 30m", "value": "30m"}]
    return {
        "user": user,
        "segment": "cart-abandoned",
        "change": what,
        "sequence": sequence,
        "at": AT,
        "cause": {"kind": "time"},
        "evidence": evidence,
        **more,
    }


def record(message_id: str = "m1", key: bytes = b"u-1") -> Record:
    value = json.dumps({"type": "page", "messageId": message_id}, separators=(",", ":")).encode()
    return Record(0, key, value, AT_MS)


def test_members_go_up_and_down_and_the_most_is_kept() -> None:
    board = Board(CATALOG)
    board.received(change("u-1"), 1.0)
    board.received(change("u-2"), 1.0)
    board.received(change("u-1", "exited", 2), 2.0)
    board.received(change("u-2", "updated", 2), 2.0)
    row = board.segments["cart-abandoned"]
    assert (row.members, row.members_max, row.entered, row.exited, row.updated) == (1, 2, 2, 1, 1)
    assert board.first_change_s == 1.0


def test_a_repeated_change_counts_once() -> None:
    board = Board(CATALOG)
    assert board.received(change(), 1.0) is not None
    assert board.received(change(), 1.0) is None
    assert (board.changes, board.repeated, board.segments["cart-abandoned"].members) == (1, 1, 1)


def test_only_live_segments_are_shown() -> None:
    assert set(Board(CATALOG).segments) == {"cart-abandoned", "browsers", "held"}


def test_changes_of_the_past_count_but_are_not_told() -> None:
    board = Board(CATALOG, live_from_ms=AT_MS)
    assert board.received(change(at="2026-11-23T10:29:59.999Z"), 1.0) is None
    assert board.received(change(sequence=2, at=AT), 1.0) is not None
    assert (board.history, board.changes, len(board.last)) == (1, 2, 1)


def test_latency_is_from_sending_to_arrival_once_the_workers_are_up() -> None:
    board = Board(CATALOG)
    board.sent(record("before"), 1.0)
    board.received(change("u-2", cause={"kind": "event", "message_id": "before"}), 9.0)
    assert board.latency_ms(0.5) == []
    board.sent(record("m2"), 10.0)
    board.received(change(cause={"kind": "event", "message_id": "m2"}), 10.25)
    assert board.latency_ms(0.5, 0.99) == [250.0, 250.0]


def test_rates_are_taken_between_ticks() -> None:
    board = Board(CATALOG)
    board.tick(1.0)
    for number in range(30):
        board.sent(record(f"m{number}", key=b"u-%d" % (number % 7)), 1.5)
    board.tick(2.0)
    assert board.events_per_s == 30
    assert (board.events, board.users) == (30, 7)


def test_a_line_of_the_past_is_bounded() -> None:
    board = Board(CATALOG)
    board.received(change(), 0.5)
    for second in range(2 * HISTORY_POINTS):
        board.tick(1.0 + second)
    assert len(board.segments["cart-abandoned"].points) == HISTORY_POINTS


def test_the_screen_shows_members_and_the_reason_and_fits() -> None:
    board = Board(CATALOG)
    board.received(change(), 1.0)
    board.tick(2.0)
    for width, height in ((80, 24), (140, 50)):
        out = StringIO()
        Console(file=out, width=width, height=height).print(render(board, FRAME, width=width, height=height))
        lines = out.getvalue().splitlines()
        assert len(lines) <= height
        assert max(map(len, lines)) <= width
        assert any("cart-abandoned" in line and "+1" in line for line in lines)
        assert any("u-1" in line and "cart.idle >= 30m (30m)" in line for line in lines)


def test_without_a_terminal_a_change_is_a_line() -> None:
    board = Board(CATALOG)
    row = board.received(change(), 1.0)
    assert row is not None
    assert change_line(row) == "2026-11-23 10:30:00 u-1 entered cart-abandoned: cart.idle >= 30m (30m)"
    assert "cart-abandoned 1" in status_line(board, FRAME)


def test_lines_beyond_the_budget_of_a_second_are_counted() -> None:
    budget = LineBudget()
    allowed = [budget.allows(5.0) for _ in range(LINES_PER_S_MAX + 3)]
    assert sum(allowed) == LINES_PER_S_MAX
    assert budget.held_back() == 3
    assert budget.held_back() == 0
    assert budget.allows(6.0)


def test_the_end_of_a_hold_is_told_by_the_entry_before() -> None:
    board = Board(CATALOG)
    entered = change(segment="held", evidence=[], at="2026-11-23T10:00:00.000Z")
    page = [{"expression": "exists(page within 1h)", "value": False}]
    board.received(entered, 1.0)
    board.received(change(what="updated", segment="held", sequence=2, evidence=[]), 1.0)
    row = board.received(change(what="exited", segment="held", sequence=3, evidence=page), 2.0)
    assert row is not None
    assert row.reason == "no longer exists(page within 1h), after a hold of 30m"
