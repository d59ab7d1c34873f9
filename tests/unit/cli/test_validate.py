"""`shoal validate`: every problem with its place; what definitions keep, and what to look after."""

import json
from pathlib import Path

import pytest

from app.cli import main as cli

CART = """\
segment: cart-abandoned
when: cart.items > 0 and cart.idle >= 30m
attach: {value: cart.value}
"""
LAPSED = """\
segment: lapsed
status: draft
when: exists('Order Completed' within 90d) and not exists('Order Completed' within 30d)
"""
PATIENT = """\
segment: patient
warmup: wait
when: never('Order Completed' within 30d) and count(page per path within 7d) > 3
"""
INTENT = "score: intent\nhalf_life: 7d\npoints: [{on: page, add: 5}]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, cart=CART, lapsed=LAPSED, patient=PATIENT, intent=INTENT)
    return tmp_path


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def test_each_definition_has_its_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["validate", str(folder)]) == 0
    printed = [line.split() for line in capsys.readouterr().out.splitlines()]
    table = printed[printed.index(["definition", "kind", "status", "typical", "at", "most", "complete", "limits"]) :]
    assert table[1:5] == [
        [
            "cart-abandoned",
            "segment",
            "live",
            "142",
            "B",
            "58",
            "KB",
            "at",
            "once",
            "100",
            "products,",
            "100",
            "additions",
            "and",
            "removals",
        ],
        ["intent", "score", "24", "B", "24", "B", "from", "its", "start"],
        ["lapsed", "segment", "draft", "49", "B", "92", "B", "after", "90d"],
        ["patient", "segment", "live", "102", "B", "29", "KB", "after", "30d,", "waits", "100", "values"],
    ]


def test_what_each_keeps_is_said_in_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["validate", str(folder)]) == 0
    kept = lines(capsys.readouterr().out.split("\n\n")[0])
    assert [line.split("  ")[0] or line.strip().split("  ")[0] for line in kept] == [
        "state per user, in bytes: typical, maximum",
        "cart-abandoned",
        "the cart: products, quantities, prices, and its latest additions and removals",
        "the values sent last",
        "intent",
        "points for page, halved every 7d",
        "lapsed",
        "when the last of 'Order Completed' was within 90d",
        "when the last of 'Order Completed' was within 30d",
        "patient",
        "when the last of 'Order Completed' was within 30d",
        "path and instant of page, the last 4 of each path within 7d",
        "each segment: whether in, since when, how many times",
    ]


def test_the_whole_is_told_last(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["validate", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "3 segments, 1 score: no problems\n" in printed
    assert "a user with all of it: typically " in printed


def test_a_segment_by_value_is_warned_of_without_the_advice_that_it_cannot_follow(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, new="segment: new\neach: sku\nwhen: exists(page) and not exists('Order Completed' within 7d)\n")
    assert cli.main(["validate", str(folder)]) == 0
    warned = capsys.readouterr().out.partition("new may let in people wrongly at first\n")[2].split("\nwarning")[0]
    assert "not exists('Order Completed' within 7d): for 7d" in warned
    assert "warmup" not in warned


def test_a_segment_that_may_let_in_wrongly_at_first_is_warned_of(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, new="segment: new\nwhen: never('Order Completed') and count(page within 7d) < 3\n")
    assert cli.main(["validate", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert (
        f"warning: {folder}/lapsed.yaml: lapsed may let in people wrongly at first\n"
        "  not exists('Order Completed' within 30d): for 30d\n"
        "  what was before its start (or before one of these was changed) counts as if it had not been\n"
        "  warmup: wait sends nothing for the first 30d\n"
    ) in printed
    assert (
        f"warning: {folder}/new.yaml: new may let in people wrongly at first\n"
        "  never('Order Completed'): for good\n"
        "  count(page within 7d) < 3: for 7d\n"
        "  what was before its start (or before one of these was changed) counts as if it had not been\n"
        "  warmup: wait sends nothing for the first 7d\n"
        "  where it says for good, a window (within 365d) would bound it\n"
    ) in printed
    assert "patient may let in" not in printed


def test_a_profile_that_may_grow_too_large_is_a_problem(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(12):
        condition = f"first(path of page within {number + 1}d) = 'a'"
        write(folder, **{f"many-{number}": f"segment: many-{number}\nwhen: {condition}\n"})
    assert cli.main(["validate", str(folder)]) == 2
    printed = " ".join(capsys.readouterr().err.split())
    assert "many-0.yaml:1:10: a user's profile could grow to " in printed
    assert "; 768 KB is the most" in printed
    assert "most of it: " in printed
    assert printed.endswith("1 problem in 1 file of 16")


def test_a_window_longer_than_users_are_remembered_is_a_problem(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, long="segment: long\nwhen: exists(page within 401d)\n")
    assert cli.main(["validate", str(folder)]) == 2
    assert "within 401d is longer than users are remembered" in capsys.readouterr().err
    assert cli.main(["plan", str(folder)]) == 2
    monkeypatch.setenv("SHOAL_RETENTION", "500d")
    for command in ("validate", "plan"):
        assert cli.main([command, str(folder)]) == 0


def test_conditions_of_more_parts_than_a_change_tells_are_warned_of(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = [f"exists('E{number}' within 1d)" for number in range(21)]
    few, many = " or ".join(parts[1:]), " or ".join(parts)
    write(folder, many=f"segment: many\nwhen: {many}\n", few=f"segment: few\nwhen: {few}\n")
    assert cli.main(["validate", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert f"{folder}/many.yaml: changes tell the first 20 parts of the condition" in printed
    assert f"{folder}/few.yaml: changes" not in printed


def test_names_of_events_that_differ_only_in_spelling_are_warned_of(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test = "[{name: one, events: [{at: 0s, event: Teammate Invited}], expect: [{at: 1s, in: true}]}]"
    write(folder, invited=f"segment: invited\nwhen: exists('Teammate invited')\ntests: {test}\n")
    write(folder, added="segment: added\nwhen: exists('product_added')\n")
    write(folder, cart="segment: cart-abandoned\neach: product_id\nwhen: item.quantity > 0\n")
    write(folder, pages="segment: pages\nwhen: count('page' within 1d) > 3\n")
    assert cli.main(["validate", str(folder)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "'Teammate Invited' (invited), 'Teammate invited' (invited): different events" in printed
    assert "'Product Added' (the cart), 'product_added' (added): different events" in printed
    assert "pages: 'page' between quotes is an event of that name" in printed
    assert printed.count("different events") == 2


def test_every_problem_is_told_with_its_place_and_2_is_the_code(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, lapsed=LAPSED.replace("exists(", "exist(", 1), cart=CART.replace("30m", "'x'"))
    assert cli.main(["validate", str(folder)]) == cli.EXIT_USER_ERROR
    printed = capsys.readouterr()
    assert not printed.out
    told = lines(printed.err)
    assert any(line.startswith(f"{folder}/lapsed.yaml:3:7: ") for line in told)
    assert any(line.startswith(f"{folder}/cart.yaml:2:") for line in told)
    assert any(line.strip().strip("|").strip().startswith("^^^") for line in told)
    assert told[-1] == "2 problems in 2 files of 4"


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: path / "nowhere", "no folder "),
        (lambda path: (path / "empty").mkdir() or path / "empty", "no definition files (.yaml) in "),
        (lambda path: path / "cart.yaml", "is a file"),
    ],
)
def test_a_folder_that_cannot_be_checked_is_an_error(
    folder: Path, make: object, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(make)
    assert cli.main(["validate", str(make(folder))]) == cli.EXIT_USER_ERROR
    assert told in capsys.readouterr().err


def test_the_schema_goes_to_a_file_or_to_standard_output(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["validate", "--schema", str(tmp_path / "schema.json")]) == 0
    written = json.loads((tmp_path / "schema.json").read_text())
    assert written["$defs"]["segment"]
    assert cli.main(["validate", str(folder), "--schema", "-"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == written
    assert "no problems" in printed.err


def test_a_schema_that_cannot_be_written_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["validate", "--schema", str(tmp_path / "no" / "schema.json")]) == cli.EXIT_USER_ERROR
    assert "cannot write" in capsys.readouterr().err
    assert cli.main(["validate"]) == cli.EXIT_USER_ERROR
    assert "no folder to check" in capsys.readouterr().err


def test_a_condition_that_nothing_makes_true_is_a_warning(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, nobody="segment: nobody\nwhen: cart.idle >= 30m and cart.idle < 10m\n")
    assert cli.main(["validate", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert f"warning: {folder}/nobody.yaml:2:7: cart.idle >= 30m and cart.idle < 10m is never true\n" in printed
