"""Pages for people: the front page, and the OpenAPI document as HTML. Without scripts, and without requests to others.

Pure: from the document to text. Every text of the document is escaped.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from typing import Any, Final

STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2330}"
    "h2{margin-top:2.5rem}h3{margin:2rem 0 .3rem;font-size:1.05rem}"
    "code,pre{font:14px/1.4 ui-monospace,monospace}a{color:#0b5c8f}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.25rem .8rem .25rem 0;"
    "border-top:1px solid #d8dde5}.method{font-weight:700}.quiet{color:#566072}"
    "@media(prefers-color-scheme:dark){body{background:#14181f;color:#dde3ec}a{color:#7cc4f0}"
    "td,th{border-color:#333b47}.quiet{color:#9aa6b8}}"
)
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of each page: nothing is loaded, run, sent or framed but the style inside of it."""
_OPTIONAL: Final = ' <span class="quiet">optional</span>'
METHODS: Final = ("get", "post", "put", "patch", "delete")


def front_page(document: Mapping[str, Any]) -> str:
    """The page at `/`: the purpose of the service and its endpoints."""
    rows = (
        f'<tr><td class="method">{method.upper()}</td><td><a href="/docs#{_anchor(method, path)}"><code>{escape(path)}'
        f'</code></a></td><td>{escape(operation.get("summary", ""))}</td><td class="quiet">{_who(operation)}</td></tr>'
        for path, method, operation in _operations(document)
    )
    return _page(
        f"{escape(document['info']['title'])} {escape(document['info']['version'])}",
        f"<p>{escape(document['info'].get('description', ''))}</p>"
        "<p>This is the HTTP service of Shoal. Sites and apps send events with a write key. Your programs query with a "
        "read key which segments a user is in, and why. Pages follow the segments of their visitor with a token.</p>"
        '<p><a href="/docs">All endpoints with their requests and answers</a> &middot; '
        '<a href="/docs/openapi.json">OpenAPI document</a></p>'
        "<h2>Endpoints</h2><table><tr><th>method</th><th>path</th><th>purpose</th><th>key</th></tr>"
        f"{''.join(rows)}</table>",
    )


def documentation(document: Mapping[str, Any]) -> str:
    """The page at `/docs`: every operation and every schema of the document."""
    operations = "".join(_operation(path, method, operation) for path, method, operation in _operations(document))
    schemas = "".join(
        f'<h3 id="schema-{escape(name)}"><code>{escape(name)}</code></h3>{_schema(schema)}'
        for name, schema in sorted(document.get("components", {}).get("schemas", {}).items())
    )
    keys = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(scheme.get('scheme', scheme['type']))}</td>"
        f"<td>{escape(scheme.get('description', ''))}</td></tr>"
        for name, scheme in document.get("components", {}).get("securitySchemes", {}).items()
    )
    return _page(
        f"{escape(document['info']['title'])} {escape(document['info']['version'])}: endpoints",
        '<p><a href="/">Front page</a> &middot; <a href="/docs/openapi.json">OpenAPI document</a></p>'
        f"<h2>Keys</h2><table>{keys}</table><h2>Endpoints</h2>{operations}<h2>Schemas</h2>{schemas}",
    )


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><h1>{title}</h1>{body}</body></html>\n"
    )


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in sorted(document["paths"].items()):
        for method in METHODS:
            if method in methods:
                yield path, method, methods[method]


def _anchor(method: str, path: str) -> str:
    return escape(f"{method}-{path.strip('/').replace('/', '-').replace('{', '').replace('}', '')}")


def _who(operation: Mapping[str, Any]) -> str:
    names = [name for each in operation.get("security", ()) for name in each]
    return escape(" or ".join(names)) if names else "none"


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> str:
    parameters = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{escape(each['in'])}"
        f"{', required' if each.get('required') else ''}</td><td>{_type(each.get('schema', {}))}</td>"
        f"<td>{escape(each.get('description', ''))}</td></tr>"
        for each in operation.get("parameters", ())
    )
    asked = operation.get("requestBody")
    body = "" if asked is None else f"<p>Body: {escape(asked.get('description', ''))}</p>{_content(asked)}"
    answers = "".join(
        f"<tr><td>{escape(status)}</td><td>{escape(answer.get('description', ''))}</td><td>{_content(answer)}</td></tr>"
        for status, answer in sorted(operation.get("responses", {}).items())
    )
    return (
        f'<h3 id="{_anchor(method, path)}"><span class="method">{method.upper()}</span> '
        f"<code>{escape(path)}</code></h3>"
        f'<p><b>{escape(operation.get("summary", ""))}</b> <span class="quiet">key: {_who(operation)}</span><br>'
        f"{escape(operation.get('description', ''))}</p>"
        f"{f'<table>{parameters}</table>' if parameters else ''}{body}<table>{answers}</table>"
    )


def _content(holder: Mapping[str, Any]) -> str:
    return "".join(
        f'<span class="quiet">{escape(media)}</span> {_schema(each.get("schema", {}))}'
        for media, each in holder.get("content", {}).items()
    )


def _schema(schema: Mapping[str, Any]) -> str:
    """An object with its fields as a table, anything else as its type."""
    fields = schema.get("properties")
    if not fields:
        return _type(schema)
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code>{'' if name in required else _OPTIONAL}</td>"
        f"<td>{_type(each)}</td><td>{escape(each.get('description', ''))}</td></tr>"
        for name, each in fields.items()
    )
    return f"<table>{rows}</table>"


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}"><code>{name}</code></a>'
    several = schema.get("oneOf") or schema.get("anyOf")
    if several:
        return " or ".join(_type(each) for each in several)
    if "enum" in schema:
        return " or ".join(f"<code>{escape(str(each))}</code>" for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if schema.get("properties"):
        return f"object: {_schema(schema)}"
    return escape(str(schema.get("type", "any value")))
