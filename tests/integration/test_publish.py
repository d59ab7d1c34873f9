"""`shoal publish`, as someone would run it: what it warns of."""

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
