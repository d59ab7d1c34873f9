"""Keys of a destination file that belong to the kind `audience`."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec
import yaml

from app.destinations.audiences import google, linkedin, meta
from app.destinations.audiences.audience_target import AudienceTarget
from app.destinations.audiences.google import Google
from app.destinations.audiences.http_platform import HttpPlatform, ListRequest, Refused
from app.destinations.audiences.identifiers import IDENTIFIER_KINDS, IdentifierKind, Normal, is_country
from app.destinations.audiences.linkedin import LinkedIn
from app.destinations.audiences.meta import Meta
from app.destinations.audiences.platform import Platform
from app.destinations.destination_values import DestinationValues
from app.destinations.http.http_file import METHODS, HttpFile
from app.destinations.http.http_target import OAuth, ServiceAccount
from app.destinations.template import Node
from app.segments.definitions.yaml_fields import Fields
from app.segments.language.suggestions import did_you_mean, listed

COMMON: Final = ("platform", "segment", "identify", "consent", "country", "guard", "reconcile", "minimum_members")
OF_PLATFORM: Final[Mapping[str, tuple[str, ...]]] = {
    "google": ("audience", "account", "login_account", "terms", "service_account", "oauth", "url"),
    "http": ("add", "remove", "item", "hash", "headers", "basic", "oauth", "answer", "refused"),
    "linkedin": ("audience", "version", "token", "oauth", "url"),
    "meta": ("audience", "version", "token", "url"),
}
KEYS: Final = (*COMMON, *dict.fromkeys(key for keys in OF_PLATFORM.values() for key in keys))
ITEM_ROOTS: Final = frozenset({"user", "email", "phone"})
BODY_ROOTS: Final = frozenset({"items"})
NUMBER: Final = re.compile(r"[0-9][0-9-]{0,30}")
META_VERSION: Final = re.compile(r"v[0-9]{1,3}\.[0-9]")
LINKEDIN_VERSION: Final = re.compile(r"20[0-9]{4}")
PATH: Final = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w$-]+)*")


class KeyFile(msgspec.Struct):
    """Key file of a service account of Google."""

    client_email: str
    private_key: str
    private_key_id: str
    token_uri: str


_decode_key = msgspec.json.Decoder(KeyFile).decode


class AudienceFile(HttpFile):
    """Reads the keys of one file."""

    def read_target(self) -> AudienceTarget | None:
        """The target; None after a problem."""
        fields, known = self._fields, len(self.source.problems)
        name = fields.text("platform")
        if name not in OF_PLATFORM:
            message = f"there is no platform {name}" if name else "the platform is missing"
            fields.wrong("platform", message, did_you_mean(name, OF_PLATFORM) if name else "", _platforms())
            return None
        for key in KEYS:
            if key in fields and key not in (*COMMON, *OF_PLATFORM[name]):
                self.source.wrong(fields.key(key), f"the platform {name} has no {key}", "leave it out")
        if not fields.text("segment"):
            fields.wrong("segment", "the segment is missing", "write segment: <name of the segment>")
        readers: Mapping[str, Callable[[], Platform | None]] = {
            "google": self._google,
            "http": self._http,
            "linkedin": self._linkedin,
            "meta": self._meta,
        }
        platform = readers[name]()
        identify = self._identify(platform.kinds if platform is not None else IDENTIFIER_KINDS)
        consent = self._path(fields.scalar("consent"), roots=("attach",)) if "consent" in fields else ()
        reconcile_ms = self._values.duration(fields, "reconcile", 0, 3_600_000, 30 * 86_400_000)
        if platform is None or len(self.source.problems) > known:
            return None
        return AudienceTarget(
            platform=platform,
            identify=identify,
            consent=consent,
            guarded=fields.choice("guard", ("on", "off")) == "on",
            reconcile_ms=reconcile_ms,
        )

    # ------------------------------------------------------------ of all platforms

    def _identify(self, kinds: tuple[IdentifierKind, ...]) -> dict[IdentifierKind, tuple[str, ...]]:
        found = self._values.nested(self._fields, "identify", kinds)
        made: dict[IdentifierKind, tuple[str, ...]] = {}
        for kind in kinds:
            if found is not None and kind in found:
                roots = ("user",) if kind == "user" else ("attach",)
                if path := self._path(found.scalar(kind), roots=roots):
                    made[kind] = path
        if not made and (found is None or not found.node.value):
            self._fields.wrong("identify", "there is no identifier", "write identify: {email: attach.email}")
        return made

    def _path(self, node: yaml.ScalarNode | None, *, roots: tuple[str, ...]) -> tuple[str, ...]:
        if node is None:
            return ()
        path = tuple(node.value.strip().removeprefix("{{").removesuffix("}}").strip().split("."))
        if not PATH.fullmatch(".".join(path)) or path[0] not in roots or (path[0] == "attach") != (len(path) > 1):
            example = "attach.email, a value that the segment attaches" if roots[0] == "attach" else "user"
            self.source.wrong(node, f"{node.value} is no place of this value", f"write {example}")
            return ()
        return path

    def _normal(self, *, gmail: bool = False, plus: bool = False, hashed: bool = True) -> Normal:
        country = self._fields.text("country").removeprefix("+")
        if country and not is_country(country):
            self._fields.wrong("country", f"{country} is no country code", "write 49, 44 or 1")
        return Normal(gmail=gmail, plus=plus, country=country, hashed=hashed)

    def _fixed_headers(self) -> dict[str, str]:
        made: dict[str, str] = {}
        for name, text in self._headers(self._fields).items():
            if text.fixed:
                made[name] = text.text({})
            else:
                self._fields.wrong("headers", f"{name} depends on a change", "a request is about many: write it out")
        return made

    # ------------------------------------------------------------ http

    def _http(self) -> HttpPlatform | None:
        fields = self._fields
        add, remove = self._list_request("add", "POST"), self._list_request("remove", "DELETE")
        item: Node = self._values.node(fields.get("item"), roots=ITEM_ROOTS) if "item" in fields else None
        hashed = fields.choice("hash", ("sha256", "none")) == "sha256"
        refused = self._values.nested(fields, "refused", ("path", "key", "ok"))
        made = None
        if refused is not None:
            path, key, ok = (_split(refused.text(each)) for each in ("path", "key", "ok"))
            made = Refused(path=path, key=key, ok=ok)
        if add is None or remove is None:
            return None
        return HttpPlatform(
            add=add,
            remove=remove,
            item=item,
            headers=self._fixed_headers(),
            normal=self._normal(hashed=hashed),
            oauth=self._oauth(fields),
            answer=self._answer(fields),
            refused=made,
        )

    # ------------------------------------------------------------ ad services

    def _meta(self) -> Meta:
        return Meta(
            audience=self._number("audience"),
            version=self._matching("version", META_VERSION, "v25.0, a version of the Graph API"),
            token=self._values.secret(self._fields, "token"),
            url=self._base(meta.URL),
            normal=self._normal(),
        )

    def _linkedin(self) -> LinkedIn:
        fields = self._fields
        if ("token" in fields) == ("oauth" in fields):
            fields.wrong("oauth", "there must be either token or oauth", "write token: ${LINKEDIN_TOKEN}")
        return LinkedIn(
            audience=self._number("audience"),
            version=self._matching("version", LINKEDIN_VERSION, "202511, a month's version of the API"),
            token=self._values.secret(fields, "token") if "token" in fields else "",
            url=self._base(linkedin.URL),
            normal=self._normal(),
            oauth=self._oauth(fields),
        )

    def _google(self) -> Google:
        fields = self._fields
        if fields.text("terms") != "accepted":
            hint = "write terms: accepted once you have accepted the terms of Customer Match"
            fields.wrong("terms", "Google wants its terms to be accepted", hint)
        if ("service_account" in fields) == ("oauth" in fields):
            hint = "write service_account: ${GOOGLE_SERVICE_ACCOUNT}"
            fields.wrong("service_account", "there must be either service_account or oauth", hint)
        return Google(
            audience=self._number("audience"),
            account=self._number("account"),
            login_account=self._number("login_account") if "login_account" in fields else "",
            consented="consent" in fields,
            url=self._base(google.URL),
            normal=self._normal(gmail=True, plus=True),
            oauth=self._service_account() if "service_account" in fields else self._oauth(fields),
        )

    def _number(self, key: str) -> str:
        return self._matching(key, NUMBER, "its number, such as 1234567890").replace("-", "")

    def _matching(self, key: str, pattern: re.Pattern[str], example: str) -> str:
        found = self._values.secret(self._fields, key)
        if found and not pattern.fullmatch(found):
            self._fields.wrong(key, f"this is no {key}", f"write {example}")
        return found

    def _base(self, default: str) -> str:
        if "url" not in self._fields:
            return default
        url = self._url(self._fields)
        if url is not None and not url.fixed:
            self._fields.wrong("url", "the address has no values of a change", "write it out")
        return default if url is None or not url.fixed else url.text({}).rstrip("/")

    def _service_account(self) -> OAuth | None:
        """The key file of a service account: its path, or its content in one line."""
        text = self._values.secret(self._fields, "service_account")
        if not text:
            return None
        try:
            key = _decode_key(text if text.lstrip().startswith("{") else Path(text).read_bytes())
        except (OSError, ValueError, msgspec.DecodeError):
            hint = "its path, or its content in one line; it has client_email, private_key and token_uri"
            self._fields.wrong("service_account", "this is no key file of a service account", hint)
            return None
        if not key.token_uri.startswith("https://") and not self._values.private:
            self._fields.wrong("service_account", "the token_uri of the key file is not https", "get another key file")
        account = ServiceAccount(
            email=key.client_email, private_key=key.private_key, key_id=key.private_key_id, scope=google.SCOPE
        )
        return OAuth(url=key.token_uri, account=account)

    def _list_request(self, key: str, method: str) -> ListRequest | None:
        fields = self._values.nested(self._fields, key, ("method", "url", "body", "item"))
        if fields is None:
            example = '{url: https://..., body: {people: "{{ items }}"}}'
            self._fields.wrong(key, f"{key} is missing", f"write {key}: {example}")
            return None
        url = self._url(fields)
        if url is None or not url.fixed:
            if "url" not in fields:
                self.source.wrong(fields.node, "url is missing", "write url: https://host/path")
            elif url is not None:
                fields.wrong("url", "the address has no values of a change", "a request is about many: write it out")
            return None
        body = self._values.node(fields.get("body"), roots=BODY_ROOTS)
        if "items" not in repr(body):
            fields.wrong(
                "body", f"the body of {key} names nobody", 'put "{{ items }}" where the list of people belongs'
            )
        chosen = fields.choice("method", METHODS) if "method" in fields else method
        item: Node = self._values.node(fields.get("item"), roots=ITEM_ROOTS) if "item" in fields else None
        return ListRequest(method=chosen, url=url.text({}), body=body, item=item)


def read_audience(fields: Fields, values: DestinationValues) -> AudienceTarget | None:
    """The target that a file describes; None after a problem."""
    return AudienceFile(fields, values).read_target()


def _platforms() -> str:
    return f"platforms are {listed(sorted(OF_PLATFORM))}"


def _split(path: str) -> tuple[str, ...]:
    return tuple(path.split(".")) if path else ()
