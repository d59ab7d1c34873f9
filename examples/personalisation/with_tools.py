"""Segments of a visitor for tools that decide or deliver what a page shows, with nothing but the standard library.

Each function takes the names of the segments that the visitor is in, as `GET /v1/users/USER/segments` answers them.
"""

import json
import urllib.request
from collections.abc import Collection
from typing import Any
from urllib.parse import quote, urlencode

TIMEOUT_S = 2.0
EVERYBODY = "everybody"
"""The audience of entries in Contentful that are for visitors in no segment, too."""


def optimizely_attributes(segments: Collection[str], known: Collection[str]) -> dict[str, bool]:
    """Attributes for audiences of Feature Experimentation: one for each segment that they use, in or not.

    Give them to `create_user_context(user, attributes)` of an SDK. A segment that is not named is no condition there.

    >>> optimizely_attributes({"hot-leads", "buyers"}, known=["hot-leads", "cart-abandoned"])
    {'segment_hot_leads': True, 'segment_cart_abandoned': False}
    """
    return {f"segment_{each.replace('-', '_')}": each in segments for each in known}


def optimizely_decide(agent: str, sdk_key: str, flag: str, user: str, attributes: dict[str, bool]) -> Any:
    """The decision of Optimizely Agent about a flag, for who uses no SDK: POST /v1/decide."""
    body = json.dumps({"userId": user, "userAttributes": attributes}).encode()
    headers = {"X-Optimizely-SDK-Key": sdk_key, "Content-Type": "application/json"}
    return _asked(f"{agent.rstrip('/')}/v1/decide?{urlencode({'keys': flag})}", headers, body)


def contentful_entries(api: str, space: str, token: str, content_type: str, segments: Collection[str]) -> list[Any]:
    """Entries of Contentful whose field `audiences`, a list of short texts, names one of the segments or everybody.

    `api`: https://cdn.contentful.com. The answer depends on the set of segments alone, so keep it by that, not by user.
    """
    audiences = ",".join([EVERYBODY, *sorted(segments)])
    query = urlencode({"content_type": content_type, "fields.audiences[in]": audiences})
    path = f"{api.rstrip('/')}/spaces/{quote(space)}/environments/master/entries?{query}"
    return list(_asked(path, {"Authorization": f"Bearer {token}"})["items"])


def _asked(address: str, headers: dict[str, str], body: bytes | None = None) -> Any:
    request = urllib.request.Request(address, data=body, headers=headers)  # noqa: S310  # as it is set
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310  # as above
        return json.load(response)
