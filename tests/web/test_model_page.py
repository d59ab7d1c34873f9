"""The page of a training in a real browser: it can be read on a phone, in light and dark, by everybody."""

from pathlib import Path

import pytest

from app.cli import main as cli
from tests.service.browser import Browser, folder_served
from tests.unit.cli.test_train import rows_file
from tests.web.test_pages import look, violations


@pytest.mark.long
async def test_the_page_of_a_training_can_be_read_on_a_phone_and_by_everybody(tmp_path: Path, page: Browser) -> None:
    served = tmp_path / "served"
    served.mkdir()
    rows = str(rows_file(tmp_path / "rows.parquet"))
    given = ["--label", "bought", "--output", str(tmp_path / "m.json"), "--html", str(served / "r.html")]
    assert cli.main(["train", rows, *given]) == 0
    with folder_served(served) as url:
        for theme, width in (("light", 1280), ("dark", 360), ("light", 360), ("dark", 1280)):
            await look(page, f"{url}/r.html", theme=theme, width=width)
            assert await page.evaluate("document.querySelectorAll('svg').length") == 6
            assert await violations(page) == [], (theme, width)
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (theme, width)
            loaded = await page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
            assert [name for name in loaded if "favicon" not in name] == []
