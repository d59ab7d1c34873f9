"""Cookies of the console. Browsers keep them from scripts, and from what other sites send."""

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final, Literal

from litestar import Request

SESSION: Final = "shoal-console"
LOGIN: Final = "shoal-console-login"
SECURE_PREFIX: Final = "__Host-"


class Cookies:
    """Writes and reads cookies. `url`: the address of the console as browsers see it, where it is known."""

    def __init__(self, url: str) -> None:
        self._https = url.lower().startswith("https://")

    def made(
        self,
        name: str,
        text: str,
        request: "Request[Any, Any, Any]",
        *,
        age_s: int,
        same_site: Literal["Strict", "Lax"] = "Strict",
    ) -> str:
        """The header that sets a cookie; of age 0, it takes the cookie away."""
        secure = self._secure(request)
        return (
            f"{SECURE_PREFIX if secure else ''}{name}={text}; Path=/; Max-Age={age_s}; HttpOnly; SameSite={same_site}"
            f"{'; Secure' if secure else ''}"
        )

    def read(self, name: str, request: "Request[Any, Any, Any]") -> str:
        """The text of a cookie; empty if there is none. Over HTTPS only one that no other host can have set."""
        headers: Mapping[str, str] = request.headers
        try:
            found: SimpleCookie = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return ""
        names = (SECURE_PREFIX + name,) if self._secure(request) else (SECURE_PREFIX + name, name)
        return next((found[each].value for each in names if each in found), "")

    def _secure(self, request: "Request[Any, Any, Any]") -> bool:
        return self._https or request.url.scheme == "https"
