"""People who log in at a console of a shop of their own."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from app.settings import Settings
from app.web.access.passwords import user_line
from tests.service.browser import Browser
from tests.web.author import SAME_ORIGIN, Author
from tests.web.conftest import PASSWORD, console_served

LOGINS_MAX = 5
"""Of one address a minute."""


@contextmanager
def people_of_own_shop(
    settings: Settings, folder: Path, name: str, roles: Mapping[str, str], **more: Any
) -> Iterator[dict[str, Author]]:
    """Clients of people by name, each with a role; `more`: settings of their console."""
    assert len(roles) <= LOGINS_MAX
    file = folder / "console-users"
    file.write_text("".join(f"{user_line(who, role, PASSWORD)}\n" for who, role in roles.items()))
    unique = f"{settings.app_id}-{name}"
    own = replace(settings, topic_prefix=f"{settings.topic_prefix}{name}.", catalog="topic", app_id=unique)
    own = replace(own, console_login="password", console_users_file=str(file), **more)
    with console_served(own) as url, ExitStack() as open_clients:
        found = {}
        for who in roles:
            body = {"name": who, "password": PASSWORD}
            answer = httpx.post(f"{url}/console/v1/session", json=body, headers=SAME_ORIGIN, timeout=60)
            assert answer.status_code == 200, answer.text
            found[who] = Author(url, own, answer.headers["set-cookie"].partition(";")[0])
            open_clients.callback(found[who].http.close)
        yield found


async def be(page: Browser, who: Author) -> None:
    """The page is that of somebody who has logged in."""
    name, _, value = who.cookie.partition("=")
    await page.command("Network.setCookie", name=name, value=value, url=who.url, httpOnly=True, sameSite="Strict")
