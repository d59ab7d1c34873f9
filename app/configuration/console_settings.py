"""The settings of `shoal console`, a part of all settings."""

from dataclasses import dataclass
from typing import Literal

from app.configuration.setting import setting

HOUR_MS = 3_600_000
Login = Literal["none", "password"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSettings:
    """The address of the console, and its users."""

    console_host: str = setting("127.0.0.1", "Address of shoal console")
    console_port: int = setting(8081, "Port of shoal console; 0: a free one", low=0, high=65_535)
    console_login: Login = setting(
        "none", "How users of the console log in; none: not at all, only where it listens on a loopback address"
    )
    console_users_file: str = setting("", "File of the console's users, one name:roles:hash a line; see shoal keys")
    console_secret: str = setting(
        "", "Secret that signs sessions of the console; empty: a new one at each start", secret=True
    )
    console_session_ms: int = setting(
        12 * HOUR_MS, "Time after which a session of the console ends", low=60_000, high=7 * 24 * HOUR_MS
    )
    console_review: bool = setting(
        False, "Whatever the console publishes needs the approval of a second person; it needs a login"
    )
    console_streams_max: int = setting(100, "Live streams that the console serves at once", low=1, high=10_000)
