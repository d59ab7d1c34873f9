"""`shoal publish` and `shoal catalog`, as someone would run them."""

from pathlib import Path

import pytest

from app.cli import main as cli
from app.embedded.broker import EmbeddedBroker


def test_publishing_warns_of_what_is_hardly_meant(
    embedded_broker: EmbeddedBroker,
    unique: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "nobody.yaml").write_text("segment: nobody\nwhen: count(page) < 0\n")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", embedded_broker.bootstrap_servers)
    monkeypatch.setenv("SHOAL_APP_ID", unique)
    monkeypatch.setenv("SHOAL_TOPIC_PREFIX", f"{unique}.")
    assert cli.main(["publish", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert f"warning: {tmp_path}/nobody.yaml:2:7: count(page) < 0 is never true" in printed.err
    assert "+ nobody" in printed.out


@pytest.fixture
def shoal(embedded_broker: EmbeddedBroker, unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of one deployment's definitions, which has a topic of publications of its own."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", embedded_broker.bootstrap_servers)
    monkeypatch.setenv("SHOAL_APP_ID", unique)
    monkeypatch.setenv("SHOAL_TOPIC_PREFIX", f"{unique}.")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s").mkdir()
    return tmp_path / "s"


def run(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """Everything that a command prints."""
    given = cli.main(list(arguments))
    printed = capsys.readouterr()
    assert given == code, printed
    return printed.out + printed.err


def test_the_history_is_shown_compared_and_published_again(shoal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shoal / "tea.yaml").write_text("segment: tea\nwhen: exists('Tea')\n")
    assert "published catalog" in run(capsys, "publish", "s", "--by", "Ann", "--message", "first\x1b[31m")
    (shoal / "tea.yaml").write_text("segment: tea\nwhen: count('Tea') > 1\n")
    (shoal / "cake.yaml").write_text("segment: cake\nwhen: exists('Cake')\n")
    assert "as publication 2; 0 definitions as before" in run(
        capsys, "publish", "s", "--by", "Bob", "--if-version", "1"
    )
    told = run(capsys, "catalog", "history")
    assert "\x1b" not in told
    assert [line.split()[0] for line in told.splitlines()] == ["number", "2", "1"]
    assert "+cake ~tea" in told
    assert "first\\x1b[31m" in told
    assert [line.split()[0] for line in run(capsys, "catalog", "history", "cake").splitlines()] == ["number", "2"]
    assert '"by":"Ann"' in run(capsys, "catalog", "history", "--json").splitlines()[0]
    assert run(capsys, "catalog", "show", "tea", "--version", "1") == "segment: tea\nwhen: exists('Tea')\n"
    assert "publication 2, catalog" in run(capsys, "catalog", "show")
    difference = run(capsys, "catalog", "diff", "1", "2")
    assert "-when: exists('Tea')" in difference
    assert "+segment: cake" in difference
    back = run(capsys, "catalog", "rollback", "1", "--message", "too few", "--dry-run")
    assert "would publish" in back
    assert "nobody knows how many users" in back
    assert "as publication 3" in run(capsys, "catalog", "rollback", "1", "--message", "too few", "--if-version", "2")
    assert "as 1: ~tea -cake" in run(capsys, "catalog", "history")
    assert "nothing to publish" in run(capsys, "catalog", "rollback", "1")
    assert "publication 3, published" in run(capsys, "catalog")


def test_what_is_refused_says_by_whom_and_what_to_do(shoal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shoal / "tea.yaml").write_text("segment: tea\nwhen: exists('Tea')\n")
    assert "nothing is published" in run(capsys, "catalog", "history", code=2)
    run(capsys, "publish", "s", "--by", "Ann", "--source", "console", "--message", "tea")
    assert "has no publication 7" in run(capsys, "catalog", "rollback", "7", code=2)
    assert "publication 1 has no cake" in run(capsys, "catalog", "show", "cake", code=2)
    assert "no publication was about cake" in run(capsys, "catalog", "history", "cake", code=2)
    assert "diff takes 2 names" in run(capsys, "catalog", "diff", "1", code=2)
    (shoal / "tea.yaml").rename(shoal / "cake.yaml")
    (shoal / "cake.yaml").write_text("segment: cake\nwhen: exists('Cake')\n")
    refused = run(capsys, "publish", "s", "--source", "git", code=1)
    assert "this publication by git would overwrite or remove 1 definition of another source" in refused
    assert 'by Ann, console, "tea"): +tea' in refused
    assert "--keep-others" in refused
    assert "--take-over" in refused
    late = run(capsys, "publish", "s", "--if-version", "none", code=1)
    assert "the publication is for version none, but 1 (" in late
    assert "+ cake" in run(capsys, "publish", "s", "--source", "git", "--keep-others")
    assert "- tea" in run(capsys, "publish", "s", "--source", "git", "--take-over")
