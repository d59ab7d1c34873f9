"""The keys of a person in files of events: all that events with two ids join, whatever became of the claims."""

from collections.abc import Iterable

from app.events.message import MessageDecoder, MessageError
from app.events.user_ids import UserIds, bare_id
from app.segments.definitions.identity_policy import IdentityPolicy


def keys_of(messages: Iterable[bytes], user: str, policy: IdentityPolicy, user_ids: UserIds) -> frozenset[str]:
    """The keys whose events have a say in what becomes of `user`: those joined to it, and to one another.

    >>> said = b'{"type":"page","userId":"ann","anonymousId":"a-1"}', b'{"type":"page","anonymousId":"a-2"}'
    >>> sorted(keys_of(said, "a-1", IdentityPolicy(), UserIds()))
    ['a-1', 'ann']
    """
    decode = MessageDecoder().decode
    joined: dict[str, set[str]] = {}
    for message in messages:
        try:
            decoded = decode(message)
        except (MessageError, UnicodeError):
            continue
        owner = None if decoded.userId is None else user_ids.id_of(decoded.userId)
        if owner is None:
            continue
        for given in (decoded.anonymousId, decoded.previousId if decoded.type == "alias" else None):
            other = None if given is None else user_ids.id_of(given)
            if other is not None and other != owner and bare_id(other) not in policy.blocked:
                joined.setdefault(owner, set()).add(other)
                joined.setdefault(other, set()).add(owner)
    found, left = {user}, [user]
    while left:
        new = joined.get(left.pop(), set()) - found
        found |= new
        left += new
    return frozenset(found)
