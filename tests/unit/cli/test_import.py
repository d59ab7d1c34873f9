"""`shoal import` writes files that `shoal validate` and `shoal test` accept, and says what it left out."""

import json
from pathlib import Path

import pytest

from app.cli import main as cli

GIVEN = Path(__file__).parents[1] / "imports" / "given"
METRIC = {
    "type": "profile-metric",
    "metric_id": "S4SFhi",
    "measurement": "count",
    "measurement_filter": {"type": "numeric", "operator": "greater-than", "value": 0},
    "timeframe_filter": {"type": "date", "operator": "alltime"},
}


@pytest.mark.parametrize("product", ["klaviyo", "segment-engage", "customerio", "posthog"])
def test_it_writes_files_that_validate_and_test_accept(
    product: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "made"
    assert cli.main(["import", product, str(GIVEN / f"{product}.json"), "--output", str(folder)]) == 1
    out = capsys.readouterr().out
    assert f"next: shoal validate {folder}" in out.replace("\n", "")
    assert " left out" in out
    assert cli.main(["validate", str(folder)]) == 0
    assert cli.main(["test", str(folder)]) == 0
    assert "all passed" in capsys.readouterr().out


def test_the_exit_code_is_0_if_all_is_translated_and_names_come_from_a_second_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = tmp_path / "buyers.json"
    given.write_text(json.dumps({"condition_groups": [{"conditions": [METRIC]}]}))
    folder = tmp_path / "made"
    assert cli.main(["import", "klaviyo", str(given), "--output", str(folder)]) == 1
    out = capsys.readouterr().out
    assert "metric 'S4SFhi': its name is not in the file; nearest: give the answer of GET /api/metrics" in out
    assert not folder.exists()
    (tmp_path / "names.json").write_text('{"S4SFhi": "Placed Order"}')
    arguments = ["import", "klaviyo", str(given), "--names", str(tmp_path / "names.json"), "--output", str(folder)]
    assert cli.main(arguments) == 0
    assert "1 segment, with 2 tests" in capsys.readouterr().out
    assert "exists('Placed Order')" in (folder / "buyers.yaml").read_text()
    assert cli.main(arguments) == 2
    assert "nothing is overwritten" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_and_an_unknown_product_are_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["import", "posthog", str(tmp_path / "none.json")]) == 2
    assert "cannot be read" in capsys.readouterr().err
    assert cli.main(["import", "braze", str(GIVEN / "posthog.json")]) == 2
    assert "braze" in capsys.readouterr().err
