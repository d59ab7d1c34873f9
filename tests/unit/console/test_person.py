"""A person is shown in words; what comes from outside stays text."""

import pytest
from msgspec.structs import replace

from app.console.output import make_console
from app.console.person import show_person, show_split
from app.offline.key_split import Split
from app.offline.person import Key, Move, Person

AT = "2026-01-05T10:00:05.000Z"
EVIL = "[/b]\x1b[31m\nall is right\x9b2J\u202e"


ANN = Person(
    asked="ann", user="ann", moves=[], identified=True, first_seen=AT, last_seen=AT, shared_until=None, keys=[]
)


def shown(found: Person, capsys: pytest.CaptureFixture[str]) -> list[str]:
    show_person(make_console(), found)
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_every_claim_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    keys = [
        Key(id="a-1", state="given", why="identify", at=AT),
        Key(id="a-2", state="asked", why="seen", at=AT, owner="ben"),
        Key(id="a-3", state="refused", why="seen", reason="shared", at=AT),
        Key(id="a-4", state="split", why="force", at=AT),
    ]
    assert shown(replace(ANN, keys=keys), capsys) == [
        "ann: a user, first seen 2026-01-05 10:00:05, last seen 2026-01-05 10:00:05 (UTC)",
        "4 claimed ids:",
        "id latest claim (UTC) why state",
        "a-1 2026-01-05 10:00:05 identify theirs; what it remembered has moved",
        "a-2 2026-01-05 10:00:05 an event with both ids belongs to ben",
        "a-3 2026-01-05 10:00:05 an event with both ids refused: shared",
        "a-4 2026-01-05 10:00:05 an administrator split off by an administrator, for ever",
    ]


def test_a_split_says_what_changes(capsys: pytest.CaptureFixture[str]) -> None:
    split = Split(user=EVIL, key="a-1", leaves=("buyers", "viewers"), enters=(), returned=3, written=False)
    show_split(make_console(), split)
    told = capsys.readouterr().out
    assert "a-1 would be split from" in told
    assert "3 records, goes back to it" in told
    assert "leaves buyers, viewers" in told
    assert len(told.splitlines()) == 3
    assert not set(told) & set("\x1b\x9b\u202e")


def test_a_moved_key_says_where_to(capsys: pytest.CaptureFixture[str]) -> None:
    moves = [Move(source="a-1", to="ann", at=AT, forced=False), Move(source="ann", to="ben", at=AT, forced=True)]
    assert shown(replace(ANN, moves=moves, user="ben", first_seen=None, last_seen=None, shared_until=AT), capsys) == [
        "a-1 has moved to ann (latest claim 2026-01-05 10:00:05)",
        "ann has moved to ben (latest claim 2026-01-05 10:00:05, by an administrator)",
        "ben: no event of this key is remembered",
        "shared by too many users: belongs to nobody until 2026-01-05 10:00:05",
        "no other keys",
    ]


def test_hostile_names_stay_on_their_line(capsys: pytest.CaptureFixture[str]) -> None:
    keys = [
        Key(id=EVIL, state=EVIL, why=EVIL, at=AT, owner=EVIL),
        Key(id="a", state="refused", why=EVIL, reason=EVIL, at=AT),
    ]
    moves = [Move(source=EVIL, to=EVIL, at=AT, forced=False)]
    lines = shown(replace(ANN, user=EVIL, moves=moves, keys=keys), capsys)
    assert len(lines) == 6
    assert not set("".join(lines)) & set("\x1b\x9b\u202e")
