"""One file of a destination (.yaml): read, checked, its secrets taken from the environment."""

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from app.destinations.addresses import host_of, is_forbidden_host
from app.destinations.destination import Answer, Destination, Kind, OAuth, Request, Retry, Signature
from app.destinations.template import Node, TemplateError, Text, parse
from app.segments.definitions.yaml_fields import Fields
from app.segments.definitions.yaml_source import YamlSource
from app.segments.definitions.yaml_values import scalar_value
from app.segments.language.suggestions import did_you_mean

KINDS: Final[tuple[Kind, ...]] = ("entered", "exited", "updated")
METHODS: Final = ("POST", "PUT", "PATCH", "DELETE", "GET")
KEYS: Final = (
    *("destination", "description", "segments", "changes", "method", "url", "headers", "body", "on", "sign", "basic"),
    *("oauth", "answer", "retry", "rate", "at_once", "timeout", "max_age", "start", "pause_after"),
)
NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
OWN_HEADERS: Final = frozenset({"content-length", "transfer-encoding", "host", "connection"})
VARIABLE: Final = re.compile(r"\$\{([^}]*)\}")
VARIABLE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
AT_ONCE: Final = 8
AT_ONCE_MAX: Final = 256
REFUSALS_MAX: Final = 10_000
TIMEOUT_MS_MAX: Final = 120_000
ALLOW: Final = "SHOAL_PRIVATE_DESTINATIONS=on"
EXAMPLE: Final = "a destination begins with destination: <name>"


class DestinationFile:
    """Reads one file. What is wrong is in `source.problems`; then there is no destination."""

    def __init__(self, path: str, text: str, *, environ: Mapping[str, str], private: bool) -> None:
        """`private`: addresses that are not public, and plain http, are allowed."""
        self.source = YamlSource(path, text)
        self._environ = environ
        self._private = private
        self._used: dict[str, str] = {}

    def read(self) -> Destination | None:
        """The destination, or None with problems."""
        source = self.source
        if not source.text.strip():
            source.wrong_at(0, 0, "this file is empty", EXAMPLE)
            return None
        root = source.root()
        if root is None:
            return None
        fields = Fields(source, root, KEYS, "a destination")
        name = self._name(fields)
        requests = self._requests(fields)
        segments = frozenset(fields.texts("segments")) if "segments" in fields else None
        made = Destination(
            name=name,
            path=source.path,
            segments=segments,
            requests=requests,
            headers=self._headers(fields),
            signature=self._signature(fields),
            oauth=self._oauth(fields),
            answer=self._answer(fields),
            retry=self._retry(fields),
            rate=float(self._number(fields, "rate", 0, 10_000) or 0),
            at_once=int(self._number(fields, "at_once", 1, AT_ONCE_MAX) or AT_ONCE),
            timeout_ms=self._duration(fields, "timeout", 10_000, 100, TIMEOUT_MS_MAX),
            max_age_ms=fields.duration("max_age"),
            secrets=dict(self._used),
            refusals_max=self._count(fields, "pause_after", REFUSALS_MAX),
            start="beginning" if fields.choice("start", ("now", "beginning")) == "beginning" else "now",
        )
        return None if source.problems else made

    # ------------------------------------------------------------ parts

    def _name(self, fields: Fields) -> str:
        name = fields.text("destination")
        if not name:
            self.source.wrong(fields.key("destination"), "this destination has no name", EXAMPLE)
        elif not NAME.fullmatch(name) or len(name) > 64:
            fields.wrong("destination", f"{name} is no name", "small letters, digits and -, at most 64 characters")
        return name

    def _requests(self, fields: Fields) -> dict[Kind, Request]:
        given = self._kinds(fields)
        kinds = [kind for kind in KINDS if kind in given]
        own: dict[Kind, Fields] = {}
        if (on := fields.mapping("on")) is not None:
            by_kind = Fields(self.source, on, KINDS, "on")
            for kind in KINDS:
                if (node := by_kind.mapping(kind)) is not None:
                    own[kind] = Fields(self.source, node, ("method", "url", "body"), f"on {kind}")
            if "changes" not in fields:
                kinds = [kind for kind in KINDS if kind in own]
        made: dict[Kind, Request] = {}
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
                filled[id(bodies[0])] = self._node(bodies[0].get("body"))
            body = filled[id(bodies[0])] if bodies else None
            if url is not None:
                made[kind] = Request(method=method, url=url, body=body)
        return made

    def _kinds(self, fields: Fields) -> tuple[str, ...]:
        if "changes" not in fields:
            return ("entered",)
        found = fields.scalars("changes")
        for node in found:
            if node.value not in KINDS:
                self.source.wrong(node, f"there is no change {node.value}", did_you_mean(node.value, KINDS))
        return tuple(node.value for node in found)

    def _url(self, fields: Fields) -> Text | None:
        node = fields.scalar("url")
        if node is None:
            return None
        known = len(self.source.problems)
        text = self._text(node)
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
        elif scheme.lower() == "http" and not self._private:
            self.source.wrong(
                node, "http is not encrypted", "write https://, or allow it: SHOAL_PRIVATE_DESTINATIONS=on"
            )
        elif not self._private and is_forbidden_host(host):
            self.source.wrong(node, f"{host} is no public address", f"if it is meant, allow it: {ALLOW}")
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
            elif (text := self._text(value)) is not None:
                made[key.value] = text
        basic = self._nested(fields, "basic", ("user", "password"))
        if basic is not None:
            made["Authorization"] = Text((_basic(self._secret(basic, "user"), self._secret(basic, "password")),))
        return made

    def _signature(self, fields: Fields) -> Signature | None:
        sign = self._nested(fields, "sign", ("secret",))
        if sign is None:
            return None
        secret = self._secret(sign, "secret")
        return Signature(secret=secret)

    def _oauth(self, fields: Fields) -> OAuth | None:
        oauth = self._nested(fields, "oauth", ("url", "client_id", "client_secret", "method"))
        if oauth is None:
            return None
        url = self._url(oauth)
        if url is None and "url" not in oauth:
            self.source.wrong(oauth.node, "url is missing", "write url: https://host/path")
        elif url is not None and not url.fixed:
            oauth.wrong("url", "the address that gives tokens has no values of a change", "write it out")
        return OAuth(
            url=url.text({}) if url is not None and url.fixed else "",
            client_id=self._secret(oauth, "client_id"),
            client_secret=self._secret(oauth, "client_secret"),
            method="GET" if oauth.choice("method", ("POST", "GET")) == "GET" else "POST",
        )

    def _answer(self, fields: Fields) -> Answer | None:
        answer = self._nested(fields, "answer", ("path", "is", "code", "retry", "token"))
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

    def _retry(self, fields: Fields) -> Retry:
        retry = self._nested(fields, "retry", ("first", "longest", "give_up"))
        if retry is None:
            return Retry()
        plain = Retry()
        made = Retry(
            first_ms=self._duration(retry, "first", plain.first_ms, 10, 3_600_000),
            longest_ms=self._duration(retry, "longest", plain.longest_ms, 100, 86_400_000),
            give_up_ms=self._duration(retry, "give_up", plain.give_up_ms, 1_000, 30 * 86_400_000),
        )
        if made.first_ms > made.longest_ms:
            retry.wrong("first", "first is longer than longest")
        return made

    # ------------------------------------------------------------ values

    def _nested(self, fields: Fields, key: str, known: tuple[str, ...]) -> Fields | None:
        node = fields.mapping(key)
        return None if node is None else Fields(self.source, node, known, key)

    def _secret(self, fields: Fields, key: str) -> str:
        node = fields.scalar(key)
        if node is None:
            self.source.wrong(
                fields.node, f"{key} is missing", f"write {key}: ${{NAME}} and set NAME in the environment"
            )
            return ""
        return self._expanded(node, node.value)

    def _number(self, fields: Fields, key: str, low: float, high: float) -> float | None:
        number = fields.number(key)
        if number is not None and not low <= number <= high:
            fields.wrong(key, f"{key} is {number}", f"allowed: {low:g} to {high:g}")
        return number

    def _count(self, fields: Fields, key: str, high: int) -> int | None:
        number = self._number(fields, key, 0, high)
        return None if number is None else int(number)

    def _duration(self, fields: Fields, key: str, default: int, low: int, high: int) -> int:
        found = fields.duration(key)
        if found is not None and not low <= found <= high:
            fields.wrong(key, f"{key} is out of bounds", f"allowed: {low} ms to {high // 1000} s")
        return default if found is None else found

    def _node(self, node: yaml.Node | None) -> Node:
        if node is None:
            return None
        if isinstance(node, yaml.SequenceNode):
            return [self._node(item) for item in node.value]
        if isinstance(node, yaml.MappingNode):
            made: dict[str, Node] = {}
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    made[key.value] = self._node(value)
                else:
                    self.source.wrong(key, "a key is a word here", 'put a place in double quotes: "{{ user }}"')
            return made
        assert isinstance(node, yaml.ScalarNode)
        plain: Any = scalar_value(node)
        return self._text(node) if isinstance(plain, str) else plain

    def _text(self, node: yaml.ScalarNode) -> Text | None:
        # Places are found before secrets are put in: what is in a secret is never a placeholder.
        try:
            text = parse(node.value)
        except TemplateError as error:
            offsets = self.source.offsets(node)
            last = len(offsets) - 1
            self.source.wrong_at(
                offsets[min(error.start, last)], offsets[min(error.end, last)], error.message, error.hint
            )
            return None
        return Text(tuple(self._expanded(node, part) if isinstance(part, str) else part for part in text.parts))

    def _expanded(self, node: yaml.ScalarNode, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            name = match[1].strip()
            if not VARIABLE_NAME.fullmatch(name):
                self.source.wrong(node, f"{match[0]} names no variable", "write ${NAME}")
                return ""
            found = self._environ.get(name, "")
            if not found:
                self.source.wrong(node, f"the variable {name} is not set", f"set it: export {name}=...")
            elif "\n" in found or "\r" in found:
                self.source.wrong(node, f"the variable {name} has more than one line (its value is a secret)")
            else:
                self._used[name] = found
            return found

        return VARIABLE.sub(value, text)


def _basic(user: str, password: str) -> str:
    from base64 import b64encode

    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
