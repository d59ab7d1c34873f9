"""`tests.benchmarks.compare`: two runs of the benchmarks side by side, and when they must not be compared."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.cli.main import EXIT_OK, EXIT_USER_ERROR
from tests.benchmarks.compare import main

MACHINE = {"system": "Linux", "processor": "AMD EPYC", "cores": 2, "memory_gib": 23.5, "load_1_min": 0.5}


def figures(benchmark: str = "core", **other: Any) -> dict[str, Any]:
    """Returns what `make bench` writes of one benchmark."""
    return {
        "benchmark": benchmark,
        "source": "a simulated shop (seed 1)",
        "seed": 1,
        "events": 10_000,
        "calibration_us": 1.0,
        "rows": [{"run": "best", "us_an_event": 20.0, "events_a_cpu_s": 50_000.0, "changes": 300, "equal": "yes"}],
        "invalid": "",
        "when": "2026-11-23T14:23:01+00:00",
        "machine": MACHINE,
        "versions": {"python": "3.11.2", "commit": "abc"},
    } | other


def written(path: Path, content: dict[str, Any]) -> Path:
    """The file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


class Compared:
    """One call of the command: its exit code, its words, and its table as figure -> cells."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err
        rows = (re.split(r"\s{2,}", line.strip()) for line in out.splitlines())
        self.cells = {cells[1]: cells[2:] for cells in rows if len(cells) > 3}


@pytest.fixture
def compare(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    """Two files' contents, or two paths -> what the command says."""

    def run(one: dict[str, Any] | Path, other: dict[str, Any] | Path, *options: str) -> Compared:
        paths = [
            each if isinstance(each, Path) else written(tmp_path / f"{name}.json", each)
            for name, each in (("a", one), ("b", other))
        ]
        code = main([*map(str, paths), *options])
        printed = capsys.readouterr()
        return Compared(code, printed.out, printed.err)

    return run


def test_each_figure_stands_beside_the_other_with_its_ratio(compare: Any) -> None:
    row = {"run": "best", "us_an_event": 10.0, "events_a_cpu_s": 100_000.0, "changes": 300, "equal": "yes"}
    said = compare(figures(), figures(rows=[row]))
    assert said.code == EXIT_OK
    assert said.cells["us an event"] == ["20.00", "10.00", "0.500", "0.500", "better"]
    assert said.cells["events a cpu s"] == ["50,000", "100,000", "2.000", "2.000", "better"]
    assert said.cells["changes"] == ["300", "300", "1.000"]
    assert said.cells["equal"] == ["yes", "yes"]


def test_a_machine_twice_as_slow_is_divided_out(compare: Any) -> None:
    row = {"run": "best", "us_an_event": 40.0, "events_a_cpu_s": 25_000.0, "changes": 300, "equal": "yes"}
    said = compare(figures(), figures(rows=[row], calibration_us=2.0, machine=MACHINE | {"processor": "Other"}))
    assert said.code == EXIT_OK
    assert said.cells["us an event"] == ["20.00", "40.00", "2.000", "1.000"]
    assert said.cells["events a cpu s"] == ["50,000", "25,000", "0.500", "1.000"]
    assert "another machine: processor AMD EPYC against Other" in said.out


def test_an_interpreter_that_is_twice_as_slow_is_divided_out(compare: Any) -> None:
    """Decoding, which is C, takes as long as on the other: the calibration alone would call it a loss."""
    row = {"run": "best", "us_an_event": 40.0, "events_a_cpu_s": 25_000.0, "changes": 300, "equal": "yes"}
    said = compare(figures(interpreter_us=2.0), figures(rows=[row], interpreter_us=4.0))
    assert said.cells["us an event"] == ["20.00", "40.00", "2.000", "2.000", "1.000"]
    assert said.cells["events a cpu s"] == ["50,000", "25,000", "0.500", "0.500", "1.000"]
    assert "interpreter 2.00 us" in said.out


def test_what_both_calibrations_say_is_a_verdict(compare: Any) -> None:
    row = {"run": "best", "us_an_event": 80.0, "events_a_cpu_s": 12_500.0, "changes": 300, "equal": "yes"}
    said = compare(figures(interpreter_us=2.0), figures(rows=[row], interpreter_us=4.0))
    assert said.cells["us an event"] == ["20.00", "80.00", "4.000", "4.000", "2.000", "worse"]


def test_waiting_and_sizes_are_not_divided_by_the_calibration(compare: Any) -> None:
    rows = [{"run": "x", "p99_ms": 100.0, "p99_9_ms": 100.0, "bytes_a_user": 500.0, "worker_cpu_share": 0.5}]
    slower = [{"run": "x", "p99_ms": 200.0, "p99_9_ms": 50.0, "bytes_a_user": 510.0, "worker_cpu_share": 0.5}]
    said = compare(figures(rows=rows), figures(rows=slower, calibration_us=2.0))
    assert said.cells["p99 ms"] == ["100.00", "200.00", "2.000", "worse"]
    assert said.cells["p99.9 ms"] == ["100.00", "50.00", "0.500", "better"]
    assert said.cells["bytes a user"] == ["500.00", "510.00", "1.020"]


def test_versions_that_differ_are_told(compare: Any) -> None:
    said = compare(figures(), figures(versions={"python": "3.11.2", "commit": "def"}))
    assert "versions: commit abc against def" in said.out


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"events": 20_000}, "events 10,000 against 20,000"),
        ({"seed": 2}, "seed 1 against 2"),
        ({"source": "a real shop"}, "source a simulated shop (seed 1) against a real shop"),
        ({"invalid": "the worker was late"}, "B is invalid: the worker was late"),
    ],
)
def test_other_work_and_invalid_runs_are_not_compared_unless_forced(
    other: dict[str, Any], why: str, compare: Any
) -> None:
    said = compare(figures(), figures(**other))
    assert said.code == EXIT_USER_ERROR
    assert f"core: not compared: {why}" in said.err
    assert "--force" in said.err
    assert "us an event" not in said.out
    forced = compare(figures(), figures(**other), "--force")
    assert forced.code == EXIT_OK
    assert why in forced.out
    assert forced.cells["us an event"][:3] == ["20.00", "20.00", "1.000"]


def test_folders_are_compared_benchmark_by_benchmark(compare: Any, tmp_path: Path) -> None:
    for name in ("core", "drain"):
        written(tmp_path / "one" / f"{name}.json", figures(name))
        written(tmp_path / "two" / f"{name}.json", figures(name, events=10_000 if name == "drain" else 7))
    written(tmp_path / "two" / "many.json", figures("many"))
    said = compare(tmp_path / "one", tmp_path / "two")
    assert said.code == EXIT_USER_ERROR
    assert "us an event" in said.out
    assert "core: not compared: events 10,000 against 7" in said.err
    assert "only in B: many" in said.out


def test_rows_that_only_one_has_are_told(compare: Any) -> None:
    said = compare(figures(), figures(rows=[*figures()["rows"], {"run": "two workers", "us_an_event": 1.0}]))
    assert "only in B: two workers" in said.out


def test_rows_of_the_same_name_are_told_apart(compare: Any) -> None:
    rows = [{"run": "x", "seconds": 1.0}, {"run": "x", "seconds": 2.0}]
    said = compare(figures(rows=rows), figures(rows=rows))
    assert re.search(r"^x +seconds +1\.00 ", said.out, re.MULTILINE)
    assert re.search(r"^x \(2\) +seconds +2\.00 ", said.out, re.MULTILINE)


def test_a_zero_has_no_ratio(compare: Any) -> None:
    said = compare(figures(rows=[{"run": "x", "seconds": 0.0}]), figures(rows=[{"run": "x", "seconds": 1.0}]))
    assert said.cells["seconds"] == ["0.00", "1.00"]


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("{", "is no JSON"),
        ('{"benchmark": "core"}', "is not what make bench writes: "),
        (json.dumps(figures(calibration_us=0)), "calibration_us"),
        (json.dumps(figures(rows=[])), "rows"),
    ],
)
def test_a_file_that_is_no_result_is_named_with_what_is_wrong(
    content: str, wrong: str, compare: Any, tmp_path: Path
) -> None:
    path = tmp_path / "odd.json"
    path.write_text(content)
    said = compare(path, figures())
    assert said.code == EXIT_USER_ERROR
    assert f"{path} " in said.err
    assert wrong in said.err


def test_what_is_not_there_is_told(compare: Any, tmp_path: Path) -> None:
    said = compare(tmp_path / "none.json", figures())
    assert said.code == EXIT_USER_ERROR
    assert f"there is no {tmp_path / 'none.json'}" in said.err
    (tmp_path / "empty").mkdir()
    assert "holds no .json" in compare(tmp_path / "empty", figures()).err


def test_a_benchmark_that_stands_twice_in_a_folder_is_refused(compare: Any, tmp_path: Path) -> None:
    for name in ("core", "core-before"):
        written(tmp_path / "one" / f"{name}.json", figures())
    said = compare(tmp_path / "one", figures())
    assert said.code == EXIT_USER_ERROR
    assert "core-before.json and" in said.err
    assert "core.json are both of core" in said.err


@pytest.mark.parametrize(
    ("one", "other"), [(figures("core"), figures("drain")), (figures(), figures(rows=[{"run": "other", "x": 1}]))]
)
def test_nothing_in_common_is_an_error(one: dict[str, Any], other: dict[str, Any], compare: Any) -> None:
    said = compare(one, other)
    assert said.code == EXIT_USER_ERROR
    assert "nothing in common" in said.err
