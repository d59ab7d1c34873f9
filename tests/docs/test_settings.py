"""The documentation of the settings is that of the settings there are."""

import re

from app.settings import describe_settings
from tools.docs_pages import PAGES
from tools.settings_page import PAGE, settings_page


def test_the_page_of_settings_says_what_the_settings_are() -> None:
    expected = settings_page()
    assert PAGE.read_text(encoding="utf-8") == expected, "make docs writes it anew"


def test_no_page_names_a_setting_that_does_not_exist() -> None:
    known = {each.variable for each in describe_settings()}
    for page in PAGES:
        for variable in re.findall(r"\bSHOAL_[A-Z_]*[A-Z]\b", page.read_text(encoding="utf-8")):
            assert variable in known, f"{page.name} names {variable}"
