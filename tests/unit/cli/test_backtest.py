"""`shoal backtest`: changes in order, what is left out, files of every kind, and errors."""

import gzip
import json
import random
import shlex
from pathlib import Path
from typing import Any

import duckdb
import pytest

from app.cli import main as cli
from app.console.output_file import STANDARD_OUTPUT

CART = """\
segment: cart-abandoned
when: cart.items > 0 and cart.idle >= 30m and cart.idle < 24h
attach: {value: cart.value}
"""
BUYERS = "segment: buyers\nwhen: exists('Order Completed' within 30d)\n"
READERS = "segment: readers\nstatus: draft\nwhen: count(page within 1h) >= 2\n"


def event(at: str, user: str, name: str | None = None, **properties: Any) -> dict[str, Any]:
    """An event of the fifth of January 2026, or of a day of that month."""
    day, _, time = at.rpartition(" ")
    message: dict[str, Any] = {"anonymousId": user, "timestamp": f"2026-01-{day or '05'}T{time}:00.000Z"}
    message["properties"] = properties
    return message | ({"type": "page"} if name is None else {"type": "track", "event": name})


HISTORY = [
    event("10:00", "bert", "Product Added", product_id="A1", price=20),
    event("10:05", "anna"),
    event("10:10", "anna"),
    event("10:20", "anna", "Order Completed", order_id="O1"),
    event("12:00", "bert"),
]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    definitions(tmp_path / "segments", CART, BUYERS, READERS)
    return tmp_path


def definitions(folder: Path, *texts: str) -> Path:
    folder.mkdir(exist_ok=True)
    for text in texts:
        name = text.split("\n", 1)[0].split(": ")[1]
        (folder / f"{name}.yaml").write_text(text)
    return folder


def written(shop: Path, messages: list[Any], name: str = "events.jsonl") -> str:
    lines = "".join((m if isinstance(m, str) else json.dumps(m)) + "\n" for m in messages)
    (shop / name).write_text(lines)
    return str(shop / name)


def changes_of(shop: Path, *files: str, options: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    output = shop / "changes.jsonl"
    arguments = ["--segments", str(shop / "segments"), "--output", str(output), *options]
    assert cli.main(["backtest", *files, *arguments]) == 0
    return [json.loads(line) for line in output.read_text().splitlines()]


def told(changes: list[dict[str, Any]]) -> list[tuple[str, str, str, str]]:
    return [(change["user"], change["segment"], change["change"], change["at"][11:16]) for change in changes]


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["backtest", *arguments]) == cli.EXIT_USER_ERROR
    printed = capsys.readouterr()
    assert not printed.out
    assert "Traceback" not in printed.err
    return printed.err


# ---- changes


def test_changes_stand_by_user_and_sequence_and_drafts_count(shop: Path) -> None:
    changes = changes_of(shop, written(shop, HISTORY))
    assert told(changes) == [
        ("anna", "readers", "entered", "10:10"),
        ("anna", "buyers", "entered", "10:20"),
        ("anna", "readers", "exited", "11:05"),
        ("bert", "cart-abandoned", "entered", "10:30"),
    ]
    sequences = [change["sequence"] for change in changes if change["user"] == "anna"]
    assert sequences == list(range(sequences[0], sequences[0] + 3))
    assert changes[3]["attach"] == {"value": 20}


@pytest.mark.long
def test_the_clock_ends_at_the_last_event_or_goes_on_as_asked(shop: Path) -> None:
    file = written(shop, HISTORY)
    assert changes_of(shop, file, options=("--until", "2026-01-06T10:00:00Z"))[-1]["change"] == "exited"
    assert changes_of(shop, file, options=("--until", "2026-01-06T09:59:59.999Z"))[-1]["change"] == "entered"
    earlier = changes_of(shop, file, options=("--until", "2020-01-01T00:00:00Z"))
    assert earlier == changes_of(shop, file)


def test_several_files_are_one_history(shop: Path) -> None:
    whole = changes_of(shop, written(shop, HISTORY))
    first, second = written(shop, HISTORY[:2], "1.jsonl"), written(shop, HISTORY[2:], "2.jsonl")
    assert changes_of(shop, first, second) == whole


def test_partitions_change_nothing_where_events_come_in_order(shop: Path) -> None:
    messages = [message | {"anonymousId": f"{message['anonymousId']}-{n}"} for message in HISTORY for n in range(20)]
    file = written(shop, messages)
    assert changes_of(shop, file, options=("--partitions", "7")) == changes_of(shop, file)


def test_the_summary_counts(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    twice = event("12:30", "bert", "Viewed") | {"messageId": "m"}
    late = event("01 00:00", "bert")
    future = event("13:00", "bert") | {"receivedAt": "2026-01-05T12:00:00Z"}
    file = written(shop, [*HISTORY, twice, twice, late, future, '{"type": "page"', ""])
    assert cli.main(["backtest", file, "--segments", str(shop / "segments")]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    table = {line.split()[0]: line.split()[-5:] for line in lines if line.split()[0] in ("buyers", "readers")}
    assert table == {"buyers": ["1", "1", "0", "0", "1"], "readers": ["0", "1", "1", "0", "1"]}
    assert "10 messages, 6 events of 2 users until 2026-01-05 12:30:00 UTC" in lines
    assert "left out: 1 duplicate, 1 late, 1 unusable (future), 1 unusable (invalid-json)" in lines
    assert any(line.startswith("the first unusable one: future: ") for line in lines)
    assert "events more than a day behind are late: are the files in order of time?" in lines


def test_changes_on_standard_output_leave_the_summary_to_the_other(
    shop: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    arguments = ["--segments", str(shop / "segments"), "--output", str(STANDARD_OUTPUT)]
    assert cli.main(["backtest", written(shop, HISTORY), *arguments]) == 0
    printed = capfdbinary.readouterr()
    assert [json.loads(line)["user"] for line in printed.out.splitlines()] == ["anna", "anna", "anna", "bert"]
    assert b"5 messages, 5 events of 2 users" in printed.err


# ---- files


def test_gzipped_files_are_read(shop: Path) -> None:
    whole = changes_of(shop, written(shop, HISTORY))
    packed = shop / "events.jsonl.gz"
    packed.write_bytes(gzip.compress((shop / "events.jsonl").read_bytes()))
    assert changes_of(shop, str(packed)) == whole


PARQUET_COLUMNS = {
    "structs": "timestamp::TIMESTAMP AS timestamp,"
    " {product_id: properties->>'product_id', price: (properties->>'price')::INTEGER} AS properties",
    "texts": "timestamp AS timestamp, properties::VARCHAR AS properties",
    "json": "timestamp::TIMESTAMP_NS AS timestamp, properties",
    "zones": "timestamp::TIMESTAMPTZ AS timestamp, properties",
    "other": "timestamp::TIMESTAMP_MS AS timestamp, properties, 7 AS unknown, DATE '2026-01-05' AS more",
}


@pytest.mark.parametrize(
    ("columns", "name"),
    [*((columns, "events.parquet") for columns in PARQUET_COLUMNS), ("json", "events.pq"), ("json", "export")],
)
@pytest.mark.long
def test_parquet_says_the_same_as_lines(shop: Path, columns: str, name: str) -> None:
    whole = changes_of(shop, written(shop, HISTORY))
    with duckdb.connect() as connection:
        connection.execute("SET timezone = 'America/New_York'")
        fields = "{type: 'VARCHAR', event: 'VARCHAR', anonymousId: 'VARCHAR', timestamp: 'VARCHAR', properties: 'JSON'}"
        read = f"read_json('{shop / 'events.jsonl'}', columns = {fields})"
        chosen = f'type, event, "anonymousId", {PARQUET_COLUMNS[columns]}'
        connection.execute(f"COPY (SELECT {chosen} FROM {read}) TO '{shop / name}' (FORMAT parquet)")
    assert changes_of(shop, str(shop / name)) == whole


def parquet(path: Path, query: str) -> str:
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    return str(path)


@pytest.mark.long
def test_parquet_that_holds_no_messages_is_an_error(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    segments = ("--segments", str(shop / "segments"))
    other = parquet(shop / "other.parquet", "SELECT 1 AS a, 2 AS b")
    assert f"{other} has no column type, but a, b" in fails(capsys, other, *segments)
    broken = parquet(shop / "broken.parquet", "SELECT 'page' AS type, '{' AS properties")
    assert f"cannot read {broken}: " in fails(capsys, broken, *segments)
    empty = parquet(shop / "empty.parquet", "SELECT 'page' AS type WHERE false")
    assert f"there is no message in {empty}" in fails(capsys, empty, *segments)
    (shop / "no.parquet").write_text("not at all")
    assert "cannot read" in fails(capsys, str(shop / "no.parquet"), *segments)
    assert "there is no file" in fails(capsys, str(shop / "missing.parquet"), *segments)


@pytest.mark.long
def test_files_that_cannot_be_read_are_an_error(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    segments = ("--segments", str(shop / "segments"))
    file = written(shop, HISTORY)
    assert f"there is no message in {shop / 'empty.jsonl'}" in fails(
        capsys, written(shop, [], "empty.jsonl"), *segments
    )
    assert "there is no file" in fails(capsys, file, str(shop / "missing.jsonl"), *segments)
    assert "is a folder" in fails(capsys, str(shop), *segments)
    packed = gzip.compress(random.Random(1).randbytes(10_000) + (shop / "events.jsonl").read_bytes())
    (shop / "cut.jsonl.gz").write_bytes(packed[:5_000])
    assert "cannot read" in fails(capsys, str(shop / "cut.jsonl.gz"), *segments)
    (shop / "packed.jsonl").write_bytes(packed)
    assert "call it packed.jsonl.gz" in fails(capsys, str(shop / "packed.jsonl"), *segments)
    (shop / "plain.jsonl.gz").write_text("{}\n")
    assert "cannot read" in fails(capsys, str(shop / "plain.jsonl.gz"), *segments)


def test_files_without_a_usable_message_say_why(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(shop, ['{"type": "page", "userId": "u"}', "not json", "a,b,c"])
    printed = fails(capsys, file, "--segments", str(shop / "segments"))
    assert f"cannot use any of the 3 messages of {file}" in printed
    assert "invalid-time: " in printed
    assert '{"type": "page", "userId": "u"}' in printed


def test_a_file_with_times_in_seconds_says_how_a_time_is_written(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(shop, ['{"type": "page", "userId": "u", "timestamp": 1767607200}'])
    printed = " ".join(fails(capsys, file, "--segments", str(shop / "segments")).split())
    assert f"cannot use the only message of {file}" in printed
    assert "a number of seconds; a time is a text: '2026-01-05T10:00:00Z'" in printed
    assert "str | null" not in printed
    assert "docs/operations.md" in printed
    assert "docs/changes.md" not in printed


def test_names_that_never_occur_are_told_with_the_nearest(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    definitions(shop / "slips", "segment: slip\nwhen: exists('Order Complete')\n")
    file = written(shop, HISTORY)
    warning = "warning: slip: 'Order Complete' does not occur; 'Order Completed' occurs once"
    assert cli.main(["backtest", file, "--segments", str(shop / "slips")]) == 0
    assert warning in capsys.readouterr().out
    assert cli.main(["backtest", file, "--diff", str(shop / "segments"), str(shop / "slips")]) == 0
    assert warning in capsys.readouterr().out
    assert cli.main(["backtest", file, "--segments", str(shop / "segments")]) == 0
    assert "does not occur" not in capsys.readouterr().out


# ---- options


def test_wrong_options_are_an_error(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, segments = written(shop, HISTORY), ("--segments", str(shop / "segments"))
    assert "--partitions is 0" in fails(capsys, file, *segments, "--partitions", "0")
    assert "--partitions is 1001" in fails(capsys, file, *segments, "--partitions", "1001")
    assert "--examples is -1" in fails(capsys, file, *segments, "--examples", "-1")
    assert "--until is 'noon'" in fails(capsys, file, *segments, "--until", "noon")
    assert "--segments or --diff is needed" in fails(capsys, file)
    both = (*segments, "--diff", str(shop / "segments"), str(shop / "segments"))
    assert "--segments and --diff exclude each other" in fails(capsys, file, *both)
    assert "no folder" in fails(capsys, file, "--segments", str(shop / "nowhere"))


def test_what_cannot_be_written_is_said_before_the_work(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, segments = written(shop, HISTORY), ("--segments", str(shop / "segments"))
    assert "is one of the files to read" in fails(capsys, file, *segments, "--output", file)
    assert "is a folder" in fails(capsys, file, *segments, "--output", str(shop))
    assert "there is no folder" in fails(capsys, file, *segments, "--output", str(shop / "no" / "changes.jsonl"))


def test_an_output_is_there_only_when_it_is_whole(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = shop / "changes.jsonl"
    output.write_text("what was there\n")
    arguments = ("--segments", str(shop / "segments"), "--output", str(output))
    fails(capsys, written(shop, []), *arguments)
    assert output.read_text() == "what was there\n"
    assert cli.main(["backtest", written(shop, HISTORY), *arguments]) == 0
    assert len(output.read_text().splitlines()) == 4
    assert not list(shop.glob(".*"))


# ---- difference


def difference(
    shop: Path, capsys: pytest.CaptureFixture[str], old: tuple[str, ...], new: tuple[str, ...], *options: str
) -> list[str]:
    """The lines that are printed of two catalogs over the history."""
    folders = [str(definitions(shop / name, *texts)) for name, texts in (("old", old), ("new", new))]
    file = written(shop, [*HISTORY, event("12:01", "carl", "Product Added", product_id="A1"), event("13:00", "anna")])
    assert cli.main(["backtest", file, "--diff", *folders, *options]) == 0
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_a_difference_says_who_would_enter_and_leave(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    later = CART.replace("30m", "2h")
    trying = "segment: trying\nstatus: draft\nwhen: exists(page within 1d)\n"
    lines = difference(shop, capsys, (CART, BUYERS, READERS), (later, BUYERS, trying))
    assert lines == [
        "segment members would enter would leave entries exits ever only 1st ever only 2nd",
        "cart-abandoned changed 2 → 1 0 1 2 → 1 0 1 0",
        "readers gone 0 0 0 1 → 0 1 → 0 1 0",
        "trying new 0 → 2 2 0 0 → 2 0 0 2",
        "",
        "cart-abandoned: 1 user would leave",
        f"carl in since 2026-01-05 12:31:00 under {shop}/old",
        "",
        "trying: 2 users would enter",
        f"bert in since 2026-01-05 12:00:00 under {shop}/new",
        f"anna in since 2026-01-05 10:05:00 under {shop}/new",
        "",
        "1 segment the same, with the same members and changes",
        "the second in place of the first at that instant: 2 entries, 1 exit",
        f"why: shoal explain {shop}/events.jsonl --segments {shop}/old --segment cart-abandoned --user carl",
        "7 messages, 7 events of 3 users until 2026-01-05 13:00:00 UTC",
    ]


def test_a_difference_names_as_many_examples_as_asked(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trying = "segment: trying\nwhen: exists(page within 1d)\n"
    assert "trying: 2 users would enter, such as" in difference(shop, capsys, (CART,), (trying,), "--examples", "1")
    assert not any("would enter," in line for line in difference(shop, capsys, (CART,), (trying,), "--examples", "0"))


def test_a_change_that_nobody_would_notice_is_said(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = difference(shop, capsys, (CART, BUYERS), (CART.replace("24h", "23h"), BUYERS + "title: Who bought\n"))
    assert lines[:4] == [
        "",
        "changed, but with the same changes over these events: cart-abandoned",
        "1 segment the same, with the same members and changes",
        "no user would enter or leave a segment",
    ]


def test_a_change_at_another_time_is_said(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = difference(shop, capsys, (CART, BUYERS), (CART.replace("30m", "20m"), BUYERS))
    assert lines[:4] == [
        "",
        "the same users and number of entries, but at other times or with other values: cart-abandoned",
        "1 segment the same, with the same members and changes",
        "no user would enter or leave a segment",
    ]


INTENT = "score: intent\npoints: [{on: page, add: 5}]\n"
BELOW = "segment: keen\nwhen: score('intent') >= 10\n"
ABOVE = "segment: loyal\nwhen: segment('keen') and exists('Order Completed')\n"


def test_a_segment_whose_score_changed_is_not_the_same(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    worth = INTENT.replace("add: 5", "add: 12")
    lines = difference(shop, capsys, (INTENT, BELOW, ABOVE, BUYERS), (worth, BELOW, ABOVE, BUYERS))
    assert lines[1].startswith("keen changed: score intent 1 → 2 ")
    assert "changed, but with the same changes over these events: loyal" in lines
    assert "1 segment the same, with the same members and changes" in lines


def test_a_segment_whose_segment_changed_is_not_the_same(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    never = BELOW.replace(">= 10", ">= 100")
    lines = difference(shop, capsys, (INTENT, BELOW, ABOVE), (INTENT, never, ABOVE))
    assert lines[1].startswith("keen changed 1 → 0 ")
    assert lines[2].startswith("loyal changed: segment keen 1 → 0 ")


def test_the_reason_is_asked_of_the_user_who_is_named_first(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trying = "segment: trying\nwhen: exists(page within 30d)\n"
    lines = difference(shop, capsys, (CART,), (CART, trying), "--examples", "1", "--until", "2026-01-06T00:00:00Z")
    named = lines[lines.index("trying: 2 users would enter, such as") + 1]
    assert named.startswith("bert in since")
    (why,) = [line for line in lines if line.startswith("why: ")]
    asked = shlex.split(why.removeprefix("why: shoal "))
    assert asked[-4:] == ["--user", "bert", "--at", "2026-01-06T00:00:00Z"]
    assert cli.main(asked) == 0
    assert "bert is in trying" in capsys.readouterr().out


def test_the_reason_can_be_asked_of_users_and_files_with_blanks(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(shop, [event("10:00", "the; user $HOME")], "my events.jsonl")
    old, new = definitions(shop / "old", CART), definitions(shop / "new", CART, "segment: all\nwhen: exists(page)\n")
    assert cli.main(["backtest", file, "--diff", str(old), str(new)]) == 0
    (why,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("why: ")]
    assert cli.main(shlex.split(why.removeprefix("why: shoal "))) == 0
    assert "the; user $HOME is in all" in capsys.readouterr().out


def test_everybody_who_would_move_can_be_written(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = shop / "moves.jsonl"
    later = CART.replace("30m", "2h")
    difference(shop, capsys, (CART, BUYERS), (later,), "--output", str(output))
    assert [json.loads(line) for line in output.read_text().splitlines()] == [
        {"segment": "buyers", "user": "anna", "would": "leave", "since": "2026-01-05T10:20:00.000Z"},
        {"segment": "cart-abandoned", "user": "carl", "would": "leave", "since": "2026-01-05T12:31:00.000Z"},
    ]


def test_both_folders_must_be_right(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = definitions(shop / "wrong", "segment: wrong\nwhen: cuont(page) > 1\n")
    printed = fails(capsys, written(shop, HISTORY), "--diff", str(shop / "segments"), str(wrong))
    assert f"1 problem in {wrong}" in printed
    assert "--diff" in fails(capsys, written(shop, HISTORY), "--diff", str(shop / "segments"))
