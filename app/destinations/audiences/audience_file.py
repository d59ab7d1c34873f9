"""Keys of a destination file that belong to the kind `audience`."""

import re
from collections.abc import Callable, Mapping
from typing import Final

import yaml

from app.destinations.audiences.audience_target import AudienceTarget
from app.destinations.audiences.http_platform import HttpPlatform, ListRequest, Refused
from app.destinations.audiences.identifiers import IDENTIFIER_KINDS, IdentifierKind, Normal, is_country
from app.destinations.audiences.platform import Platform
from app.destinations.destination_values import DestinationValues
from app.destinations.http.http_file import METHODS, HttpFile
from app.destinations.template import Node
from app.segments.definitions.yaml_fields import Fields
from app.segments.language.suggestions import did_you_mean, listed

COMMON: Final = ("platform", "segment", "identify", "consent", "country")
OF_PLATFORM: Final[Mapping[str, tuple[str, ...]]] = {
    "http": ("add", "remove", "item", "hash", "headers", "basic", "oauth", "answer", "refused"),
}
KEYS: Final = (*COMMON, *dict.fromkeys(key for keys in OF_PLATFORM.values() for key in keys))
ITEM_ROOTS: Final = frozenset({"user", "email", "phone"})
BODY_ROOTS: Final = frozenset({"items"})
PATH: Final = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w$-]+)*")


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
        readers: Mapping[str, Callable[[], Platform | None]] = {"http": self._http}
        platform = readers[name]()
        identify = self._identify(platform.kinds if platform is not None else IDENTIFIER_KINDS)
        consent = self._path(fields.scalar("consent"), roots=("attach",)) if "consent" in fields else ()
        if platform is None or len(self.source.problems) > known:
            return None
        return AudienceTarget(platform=platform, identify=identify, consent=consent)

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
        refused = self._values.nested(fields, "refused", ("path", "key"))
        made = Refused(path=_split(refused.text("path")), key=_split(refused.text("key"))) if refused else None
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

    def _list_request(self, key: str, method: str) -> ListRequest | None:
        fields = self._values.nested(self._fields, key, ("method", "url", "body"))
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
        return ListRequest(method=chosen, url=url.text({}), body=body)


def read_audience(fields: Fields, values: DestinationValues) -> AudienceTarget | None:
    """The target that a file describes; None after a problem."""
    return AudienceFile(fields, values).read_target()


def _platforms() -> str:
    return f"platforms are {listed(sorted(OF_PLATFORM))}"


def _split(path: str) -> tuple[str, ...]:
    return tuple(path.split(".")) if path else ()
