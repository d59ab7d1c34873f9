"""Keys of a destination file that belong to the kind `http`."""

import re
from base64 import b64encode
from collections.abc import Sequence
from typing import Final

import yaml

from app.destinations.destination import ERASED, Occasion
from app.destinations.destination_values import DestinationValues
from app.destinations.http.addresses import host_of, is_forbidden_host
from app.destinations.http.http_request import RequestTemplate
from app.destinations.http.http_target import Answer, HttpTarget, OAuth, Signature
from app.destinations.template import Node, Text
from app.segments.definitions.yaml_fields import Fields
from app.segments.definitions.yaml_values import scalar_value
from app.segments.evaluation.change import CHANGE_KINDS, ChangeKind

KEYS: Final = ("method", "url", "headers", "body", "on", "sign", "basic", "oauth", "answer")
METHODS: Final = ("POST", "PUT", "PATCH", "DELETE", "GET")
HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
OWN_HEADERS: Final = frozenset({"content-length", "transfer-encoding", "host", "connection"})
OCCASIONS: Final[tuple[Occasion, ...]] = (*CHANGE_KINDS, ERASED)
ALLOW: Final = "SHOAL_PRIVATE_DESTINATIONS=on"


class HttpFile:
    """Reads the keys of one file."""

    def __init__(self, fields: Fields, values: DestinationValues) -> None:
        self.source = values.source
        self._fields = fields
        self._values = values

    def read(self, changes: Sequence[ChangeKind] | None) -> HttpTarget:
        """The target; one that cannot be used, if the source has problems afterwards."""
        fields = self._fields
        return HttpTarget(
            requests=self._requests(fields, changes),
            headers=self._headers(fields),
            signature=self._signature(fields),
            oauth=self._oauth(fields),
            answer=self._answer(fields),
        )

    def _requests(self, fields: Fields, changes: Sequence[ChangeKind] | None) -> dict[Occasion, RequestTemplate]:
        kinds: list[Occasion] = ["entered"] if changes is None else list(changes)
        own: dict[Occasion, Fields] = {}
        if (on := fields.mapping("on")) is not None:
            by_kind = Fields(self.source, on, OCCASIONS, "on")
            for kind in OCCASIONS:
                if (node := by_kind.mapping(kind)) is not None:
                    own[kind] = Fields(self.source, node, ("method", "url", "body"), f"on {kind}")
            if changes is None:
                kinds = [kind for kind in OCCASIONS if kind in own]
            elif ERASED in own:
                kinds.append(ERASED)
        made: dict[Occasion, RequestTemplate] = {}
        read: dict[int, Text | None] = {}
        filled: dict[int, Node] = {}
        for kind in kinds:
            places = [each for each in (own.get(kind), fields) if each is not None]
            urls = [each for each in places if "url" in each]
            methods = [each for each in places if "method" in each]
            bodies = [each for each in places if "body" in each]
            if not urls:
                self.source.wrong(fields.key("destination"), f"there is no url for {kind}", "add url: https://...")
                continue
            if id(urls[0]) not in read:
                read[id(urls[0])] = self._url(urls[0])
            url = read[id(urls[0])]
            method = methods[0].choice("method", METHODS) if methods else METHODS[0]
            if bodies and id(bodies[0]) not in filled:
                filled[id(bodies[0])] = self._values.node(bodies[0].get("body"))
            body = filled[id(bodies[0])] if bodies else None
            if url is not None:
                made[kind] = RequestTemplate(method=method, url=url, body=body)
        return made

    def _url(self, fields: Fields) -> Text | None:
        node = fields.scalar("url")
        if node is None:
            return None
        known = len(self.source.problems)
        text = self._values.template(node)
        if text is None or len(self.source.problems) > known:
            return None
        first = text.parts[0]
        start = first if isinstance(first, str) else ""
        scheme, _, rest = start.partition("://")
        try:
            host = host_of(start)
        except ValueError:
            host = ""
        if scheme.lower() not in ("https", "http") or not host:
            self.source.wrong(node, "this is no address of a web service", "write https://host/path")
        elif len(text.parts) > 1 and "/" not in rest:
            self.source.wrong(node, "the host must be written out", "values of a change belong behind the host")
        elif scheme.lower() == "http" and not self._values.private:
            self.source.wrong(
                node, "http is not encrypted", "write https://, or allow it: SHOAL_PRIVATE_DESTINATIONS=on"
            )
        elif not self._values.private and is_forbidden_host(host):
            self.source.wrong(node, f"{host} is not a public address", f"if it is meant, allow it: {ALLOW}")
        return text

    def _headers(self, fields: Fields) -> dict[str, Text]:
        made: dict[str, Text] = {}
        node = fields.mapping("headers")
        for key, value in node.value if node is not None else ():
            if not isinstance(key, yaml.ScalarNode) or not HEADER.fullmatch(key.value):
                self.source.wrong(key, "this is no name of a header", "letters, digits and -")
            elif key.value.lower() in OWN_HEADERS:
                self.source.wrong(key, f"{key.value} is set by itself", "leave it out")
            elif not isinstance(value, yaml.ScalarNode):
                self.source.wrong(value, "a header has one text", "put it in double quotes")
            elif (text := self._values.template(value)) is not None:
                made[key.value] = text
        basic = self._values.nested(fields, "basic", ("user", "password"))
        if basic is not None:
            user, password = self._values.secret(basic, "user"), self._values.secret(basic, "password")
            made["Authorization"] = Text((_basic(user, password),))
        return made

    def _signature(self, fields: Fields) -> Signature | None:
        sign = self._values.nested(fields, "sign", ("secret",))
        if sign is None:
            return None
        secret = self._values.secret(sign, "secret")
        return Signature(secret=secret)

    def _oauth(self, fields: Fields) -> OAuth | None:
        oauth = self._values.nested(fields, "oauth", ("url", "client_id", "client_secret", "refresh_token", "method"))
        if oauth is None:
            return None
        url = self._url(oauth)
        if url is None and "url" not in oauth:
            self.source.wrong(oauth.node, "url is missing", "write url: https://host/path")
        elif url is not None and not url.fixed:
            oauth.wrong("url", "the address that gives tokens has no values of a change", "write it out")
        return OAuth(
            url=url.text({}) if url is not None and url.fixed else "",
            client_id=self._values.secret(oauth, "client_id"),
            client_secret=self._values.secret(oauth, "client_secret"),
            refresh_token=self._values.secret(oauth, "refresh_token") if "refresh_token" in oauth else "",
            method="GET" if oauth.choice("method", ("POST", "GET")) == "GET" else "POST",
        )

    def _answer(self, fields: Fields) -> Answer | None:
        answer = self._values.nested(fields, "answer", ("path", "is", "code", "retry", "token"))
        if answer is None:
            return None
        expected = answer.scalar("is")
        return Answer(
            path=tuple(answer.text("path").split(".")),
            value=True if expected is None else scalar_value(expected),
            code_path=tuple(answer.text("code").split(".")) if "code" in answer else (),
            retry=frozenset(answer.texts("retry")),
            token=frozenset(answer.texts("token")),
        )


def _basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
