"""The definitions of a process that shows them, and takes no events: known at once, compiled later."""

import asyncio
import logging
from pathlib import Path

import pytest

from app.errors import UserError
from app.service.definitions import Definitions
from app.service.http.http_problem import Problem
from app.settings import Settings, load_settings

TOO_LONG = "segment: lookers\nwhen: exists('Product Viewed' within 401d)\n"


def folder_settings(folder: Path, text: str) -> Settings:
    """Those of definitions in a folder."""
    (folder / "lookers.yaml").write_text(text)
    return load_settings({}, segments=folder)


async def test_a_catalog_is_known_before_it_is_compiled(tmp_path: Path) -> None:
    definitions = Definitions(folder_settings(tmp_path, TOO_LONG.replace("401d", "7d")), collects=False)
    catalog = definitions.catalog
    assert [each.name for each in catalog.live_segments] == ["lookers"]
    assert definitions._compiled is None
    both = await asyncio.gather(definitions.compiled(), definitions.compiled())
    assert both[0] is both[1]
    assert both[0][0] is catalog
    assert both[0][1].version == catalog.version


async def test_a_catalog_that_workers_refuse_is_shown_and_told_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = folder_settings(tmp_path, TOO_LONG)
    with pytest.raises(UserError, match="1 problem"):
        Definitions(settings)
    definitions = Definitions(settings, collects=False)
    with caplog.at_level(logging.WARNING):
        definitions.start()
        assert definitions._task is not None
        await definitions._task
    await definitions.stop()
    assert "within 401d is longer than users are remembered" in caplog.text


async def test_a_folder_that_cannot_be_read_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="1 problem"):
        Definitions(folder_settings(tmp_path, "segment: lookers\nwhen: exists(\n"), collects=False)


async def test_what_was_not_read_yet_is_not_called_unpublished() -> None:
    definitions = Definitions(load_settings({}, catalog="topic"), collects=False)
    assert not definitions.is_empty
    with pytest.raises(Problem) as raised:
        await definitions.compiled()
    assert (raised.value.status, raised.value.body.code) == (503, "unread")
