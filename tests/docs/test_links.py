"""Links between the pages lead somewhere."""

import re
from pathlib import Path

import pytest

from tools.docs_pages import PAGES, ROOT

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings have: small letters, no punctuation, dashes for spaces."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in _HEADING.findall(text)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_page_and_a_heading_that_exist(page: Path) -> None:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{page.name} links to {link}"
        if anchor:
            assert anchor in anchors(target), f"{page.name} links to {link}"


@pytest.mark.parametrize(
    "listing", [ROOT / "README.md", ROOT / "docs" / "README.md"], ids=["README.md", "docs/README.md"]
)
def test_every_page_is_linked_from_the_listings(listing: Path) -> None:
    linked = {(listing.parent / link.partition("#")[0]).resolve() for link in _LINK.findall(listing.read_text("utf-8"))}
    pages = {page.resolve() for page in (ROOT / "docs").glob("*.md")} - {listing.resolve()}
    assert not sorted(page.name for page in pages - linked)
