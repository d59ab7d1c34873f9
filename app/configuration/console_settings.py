"""The settings of `shoal console`, a part of all settings."""

from dataclasses import dataclass
from typing import Literal

from app.configuration.setting import setting

HOUR_MS = 3_600_000
Login = Literal["none", "password", "proxy", "oidc"]
Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSettings:
    """The address of the console, and its users."""

    console_host: str = setting("127.0.0.1", "Address of shoal console")
    console_port: int = setting(8081, "Port of shoal console; 0: a free one", low=0, high=65_535)
    console_login: Login = setting(
        "none", "How users of the console log in; none: not at all, only where it listens on a loopback address"
    )
    console_users_file: str = setting("", "File of the console's users, one name:roles:hash a line; see shoal keys")
    console_roles: str = setting(
        "", "Roles of groups with the logins proxy and oidc: group=role,role; of everybody who logs in: *=role"
    )
    console_url: str = setting("", "Address of the console as browsers see it; needed by the login oidc")
    console_proxies: str = setting(
        "", "Networks of the proxies whose headers count with the login proxy, as 10.0.0.0/8, separated by commas"
    )
    console_proxy_secret: str = setting(
        "", "What a proxy sends in X-Shoal-Proxy-Secret with each request, with the login proxy", secret=True
    )
    console_proxy_user: str = setting("X-Forwarded-User", "Header with the name of the user, with the login proxy")
    console_proxy_groups: str = setting(
        "X-Forwarded-Groups", "Header with their groups, separated by commas, with the login proxy"
    )
    console_logout_url: str = setting("", "Address that ends the session of the proxy; empty: no button for it")
    console_oidc_issuer: str = setting("", "Issuer of the OpenID provider, with the login oidc")
    console_oidc_client: str = setting("", "Client id of the console at the OpenID provider")
    console_oidc_secret: str = setting("", "Client secret; empty: a public client, with PKCE alone", secret=True)
    console_oidc_scopes: str = setting("openid profile email", "Scopes that the console asks for")
    console_oidc_name: str = setting("email", "Claim with the name of the user; nobody should be able to change theirs")
    console_oidc_groups: str = setting("groups", "Claim with the groups of the user")
    console_oidc_algorithm: Algorithm = setting("RS256", "The only algorithm of signatures that is taken")
    console_secret: str = setting(
        "", "Secret that signs sessions of the console; empty: a new one at each start", secret=True
    )
    console_session_ms: int = setting(
        12 * HOUR_MS, "Time after which a session of the console ends", low=60_000, high=7 * 24 * HOUR_MS
    )
    console_review: bool = setting(
        False, "Whatever the console publishes needs the approval of a second person; it needs a login"
    )
    console_histories: str = setting(
        "",
        "Files from which the console may backfill: name=files:EVENTS,EVENTS or name=parquet:FOLDER; the next one "
        "after a semicolon",
    )
    console_streams_max: int = setting(100, "Live streams that the console serves at once", low=1, high=10_000)
