"""Oracle of a partition whose users have several keys: what keys say to each other arrives at once, in order.

A key claims others, moves to another, and is forgotten, as "One person, several keys" of docs/exact-meaning.md says.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import blake2b
from typing import Any, NamedTuple

from app.segments.definitions.definition import Catalog
from app.segments.definitions.identity_policy import IdentityPolicy
from app.segments.evaluation.time_rules import TimeRules
from tests.model.history import History
from tests.model.life import Life, is_among
from tests.model.messages import Erased, Message
from tests.model.oracle import Lists, Oracle, in_order

DAY_MS = 86_400_000
CLAIM_MS = 30 * DAY_MS
MOVED_KEPT_MS = 37 * DAY_MS
HOLDS = ("asked", "refused")
Waiting = list[tuple[int, Message]]
Path = tuple[str, ...]
Given = tuple[Life | None, Waiting, Lists]


class Asked(NamedTuple):
    """A claim of a user on an id, by an event at `at_ms`."""

    source: str
    user: str
    n: int
    at_ms: int


@dataclass(slots=True)
class Claim:
    """On an anonymous id, by an event at `at_ms`. `state`: `asked`, `refused`, `lost`, `released`."""

    n: int
    at_ms: int
    state: str = "asked"


@dataclass(slots=True)
class Key:
    """Memory of a key about others. As a user: `claims`, by id. As an id: the last number that each user `answered`
    to it; to whom it `moved_to`; the latest claim; the last use; changes of hands; and, while it has no life, its next
    number of a change and the ids of its messages; those that it `passed` on count elsewhere."""

    claims: dict[str, Claim] = field(default_factory=dict)
    answered: dict[str, int] = field(default_factory=dict)
    moved_to: str | None = None
    claimed_ms: int = -1
    used_ms: int = -1
    hands: list[int] = field(default_factory=list)
    shared_until_ms: int = -1
    sequence: int = 0
    message_ids: list[tuple[int, Any]] = field(default_factory=list)
    passed: set[Any] = field(default_factory=set)


@dataclass(slots=True)
class PeopleOracle(Oracle):
    """`keys`: of all that have said something to another. `said`: by whom, and what arrives then, in order."""

    keys: dict[str, Key] = field(default_factory=dict)
    said: deque[tuple[str, Callable[[], None]]] = field(default_factory=deque)

    @property
    def policy(self) -> IdentityPolicy:
        policy = self.catalog.settings.identity
        assert policy is not None, "a catalog without identity"
        return policy

    def known(self) -> set[str]:
        for key in list(self.keys):
            self.key_of(key)
        return Oracle.known(self) | set(self.keys)

    def key_of(self, name: str) -> Key | None:
        """Memory of the key about others; one without a life is forgotten 37 days after its last use."""
        self.is_remembered(name)
        return self.keys.get(name)

    def remembered_until_ms(self, user: str) -> int:
        key = self.keys.get(user)
        return max(Oracle.remembered_until_ms(self, user), -1 if key is None else key.used_ms + MOVED_KEPT_MS)

    def forget_listed(self, user: str) -> None:
        if (key := self.keys.get(user)) is not None:
            self.end(user, key)
        Oracle.forget_listed(self, user)
        self.keys.pop(user, None)

    def drop(self, user: str) -> None:
        Oracle.drop(self, user)
        self.keys.pop(user, None)

    def begin(self, user: str) -> Life:
        life = Oracle.begin(self, user)
        if (key := self.key_of(user)) is not None:
            life.sequence, life.known_ids = max(life.sequence, key.sequence), list(key.message_ids)
        return life

    def link_id(self, source: str, user: str, n: int) -> str:
        text = f"{self.rules.app}\0{source}\0{user}\0{n}"
        return blake2b(text.encode(), digest_size=12).hexdigest()

    def say(self, speaker: str, arrive: Callable[..., None], *facts: Any) -> None:
        self.said.append((speaker, partial(arrive, *facts)))

    def tell(self, source: str, user: str, result: str) -> None:
        self.answer.links[source, user, result] += 1

    def end(self, name: str, key: Key) -> None:
        """The key is its own again, without a logout or another claim."""
        if key.moved_to is not None:
            self.tell(name, key.moved_to, "ended")
            key.moved_to = None

    # ---- order of work

    def take_turns(self) -> None:
        """After a record: what keys have said arrives; then everything whose turn has come, and what that says."""
        self.let_arrive()
        while True:
            Oracle.take_turns(self)
            if len({user for user, _ in self.said}) > 1:
                self.answer.is_open = True
            if not self.said:
                return
            self.let_arrive()

    def let_arrive(self) -> None:
        while self.said:
            self.said.popleft()[1]()

    def catch_up(self, user: str) -> None:
        """Before something of another arrives: the user's events whose turn has come."""
        own = [waiting for waiting in self.waiting if waiting[1].user == user]
        for offset, message in sorted(own, key=in_order):
            if not self.waits(message):
                self.take_turn(offset, message)
        if own:
            self.pass_time(user, self.answer.clock_ms)

    # ---- events

    def arrive(self, message: Message, offset: int) -> str:
        if message.t <= self.erased_ms(message.user):
            return "erased"
        key = self.key_of(message.user)
        if key is None or key.moved_to is None:
            return Oracle.arrive(self, message, offset)
        if message.identified or (self.policy.follow == "before" and message.t > key.claimed_ms):
            self.end(message.user, key)
            return Oracle.arrive(self, message, offset)
        now = max(self.answer.clock_ms, message.t, key.used_ms)
        return self.follow(key, message, offset, now, (message.user,))

    def follow(self, key: Key, message: Message, offset: int, now: int, path: Path) -> str:
        """An event goes to where its key has moved, unless the key has seen it before."""
        if message.id is not None:
            if is_among(key.message_ids, message.id, now):
                return "duplicate"
            key.message_ids.append((now, message.id))
            key.passed.add(message.id)
        key.used_ms = max(key.used_ms, now)
        assert key.moved_to is not None
        self.say(message.user, self.take_forward, replace(message, user=key.moved_to), offset, path)
        return "forwarded"

    def take_forward(self, message: Message, offset: int, path: Path) -> None:
        user = message.user
        self.catch_up(user)
        if message.t <= self.erased_ms(user):
            self.answer.outcomes[offset] = "erased"
            return
        key = self.key_of(user)
        if key is not None and key.moved_to is not None and not self.ends_circle(user, key, path):
            now = max(self.answer.clock_ms, key.used_ms)
            self.answer.outcomes[offset] = self.follow(key, message, offset, now, (*path, user))
            return
        self.answer.outcomes[offset] = Oracle.arrive(self, message, offset)

    def ends_circle(self, name: str, key: Key, path: Path) -> bool:
        """The smallest key of a circle lives again."""
        passed = [*path, name]
        if key.moved_to not in passed or name != min(passed[passed.index(key.moved_to) :]):
            return False
        self.end(name, key)
        return True

    def take_event(self, message: Message, now: int) -> str:
        key = None if message.user in self.lives or message.id is None else self.key_of(message.user)
        if key is not None and is_among(key.message_ids, message.id, now):
            return "duplicate"
        outcome = Oracle.take_event(self, message, now)
        if outcome == "accepted" and message.identified:
            self.claim(message)
        return outcome

    # ---- at a user

    def claim(self, message: Message) -> None:
        """The other ids of an event of a user."""
        policy = self.policy
        other, previous = message.anonymous_id, message.previous_id
        if self.is_claimable(other, message.user):
            if message.type == "track" and message.name in policy.logout:
                self.log_out(message.user, other, message.t)
            else:
                self.ask(message.user, other, message.t)
        is_alias = message.type == "alias" and policy.trust_alias and previous != other
        if is_alias and self.is_claimable(previous, message.user):
            self.ask(message.user, previous, message.t)

    def is_claimable(self, other: str, user: str) -> bool:
        return other not in ("", user) and other.casefold() not in self.policy.blocked

    def ask(self, user: str, other: str, t: int) -> None:
        claims = self.keys.setdefault(user, Key()).claims
        claim = claims.get(other)
        if claim is not None and claim.state in HOLDS and t < claim.at_ms + CLAIM_MS:
            return
        others = [each for name, each in claims.items() if name != other and each.at_ms > t - CLAIM_MS]
        if len(others) >= self.policy.devices_max:
            return
        claims[other] = Claim(t if claim is None else max(t, claim.n + 1), t)
        self.say(user, self.take_ask, other, user, claims[other].n, t)

    def log_out(self, user: str, other: str, t: int) -> None:
        claims = self.keys.setdefault(user, Key()).claims
        claim = claims.setdefault(other, Claim(t, t - CLAIM_MS - DAY_MS, "forgotten"))
        if claim.state in ("asked", "forgotten"):
            n, claim.n, claim.state = claim.n, max(claim.n, t), "released"
            claim.at_ms = max(claim.at_ms, t - CLAIM_MS - DAY_MS)
            self.say(user, self.take_release, other, user, n)

    def take_answer(self, user: str, source: str, n: int, state: str) -> None:
        self.catch_up(user)
        key = self.key_of(user)
        claim = None if key is None else key.claims.get(source)
        if claim is not None and claim.n == n:
            claim.state = state

    def take_give(self, asked: Asked, given: Given, cause: dict[str, str], user: str, path: Path) -> None:
        """All that an id remembers is the user's from here on, unless it was asked for before the user was erased."""
        self.catch_up(user)
        is_before = asked.at_ms <= self.erased_ms(user)
        key = self.key_of(user)
        claim = None if key is None else key.claims.get(asked.source)
        if is_before and (claim is None or claim.n != asked.n):
            return
        other, waiting, lists = given
        if key is not None and key.moved_to is not None and not self.ends_circle(user, key, path):
            key.used_ms = max(key.used_ms, self.answer.clock_ms)
            self.say(user, self.take_give, asked, given, cause, key.moved_to, (*path, user))
            return
        now = max(self.answer.clock_ms, self.seen_ms(user))
        if other is not None:
            now = max(now, other.highest_ms(), other.at_ms)
        self.pass_time(user, now)
        self.waiting += [(offset, replace(message, user=user)) for offset, message in waiting]
        if other is None:
            self.receive_lists(lists, user, now, cause)
        if other is None or other.forgotten_ms() <= now:
            return
        life = self.lives.get(user)
        if life is None:
            life = self.begin(user)
            life.history.is_users = True
            self.keys.setdefault(user, Key())  # of who is forgotten at this instant no claim stays
        life.receive(other, now, cause)
        self.gather(life)

    def receive_lists(self, lists: Lists, user: str, now: int, cause: dict[str, str]) -> None:
        """The static lists of an id without an event are the user's from here on."""
        life = self.lives.get(user)
        history = History(0, 0) if life is None else life.history
        if life is None:
            history.lists = self.lists.get(user, {})
        history.put_on(lists)
        if life is None and lists:
            self.lists[user] = history.lists
        elif life is not None and lists:
            life.put_on({}, now, {"kind": "merged", **cause})
            self.gather(life)

    # ---- at an anonymous id

    def take_ask(self, source: str, user: str, n: int, at_ms: int) -> None:
        self.catch_up(source)
        if at_ms <= self.erased_ms(source):
            self.say(source, self.take_answer, user, source, n, "lost")
            return
        now = self.answer.clock_ms
        if source in self.lives:
            now = max(now, self.seen_ms(source))
            self.pass_time(source, now)
        key = self.key_of(source)
        if key is not None and n <= key.answered.get(user, -1):
            return
        if key is None:
            key = self.keys[source] = Key()
        key.answered[user] = n
        key.used_ms = max(key.used_ms, now, at_ms)
        life = self.lives.get(source)
        if key.moved_to is not None:
            if key.moved_to != user and not self.change_hands(source, user, key, now):
                self.refuse(source, user, n, "shared")
                return
        elif life is not None and life.history.identified():
            self.refuse(source, user, n, "identified")
            return
        elif now < key.shared_until_ms:
            self.refuse(source, user, n, "shared")
            return
        else:
            self.give(Asked(source, user, n, at_ms), key, now)
        key.moved_to = user
        key.claimed_ms = max(key.claimed_ms, at_ms)

    def change_hands(self, source: str, user: str, key: Key, now: int) -> bool:
        """Another user claims an id that has moved; False if that was once too often."""
        assert key.moved_to is not None
        self.tell(source, key.moved_to, "lost")
        self.say(source, self.take_answer, key.moved_to, source, key.answered.get(key.moved_to, 0), "lost")
        key.hands = [at for at in key.hands if at > now - CLAIM_MS] + [now]
        if len(key.hands) <= self.policy.switches_max:
            self.tell(source, user, "empty")
            return True
        key.hands, key.moved_to, key.shared_until_ms = [], None, now + CLAIM_MS
        return False

    def refuse(self, source: str, user: str, n: int, why: str) -> None:
        self.tell(source, user, f"refused:{why}")
        self.say(source, self.take_answer, user, source, n, "refused")

    def give(self, asked: Asked, key: Key, now: int) -> None:
        """All that the id remembers goes to the user."""
        source, user, n, _ = asked
        life = self.lives.pop(source, None)
        waiting = [each for each in self.waiting if each[1].user == source]
        self.waiting = [each for each in self.waiting if each[1].user != source]
        link = self.link_id(source, user, n)
        if life is not None:
            life.leave(now, {"link": link, "into": user})
            self.gather(life)
            key.sequence, key.message_ids = life.sequence, life.message_ids()
            life.known_ids = [known for known in life.known_ids if known[1] not in key.passed]
        lists = self.lists.pop(source, {})
        is_empty = life is None and not waiting and not lists
        self.tell(source, user, "empty" if is_empty else "given")
        if not is_empty:
            cause = {"link": link, "from": source}
            self.say(source, self.take_give, asked, (life, waiting, lists), cause, user, (source,))

    def take_release(self, source: str, user: str, n: int) -> None:
        self.catch_up(source)
        key = self.key_of(source)
        if key is not None and key.moved_to == user and key.answered[user] <= n:
            key.moved_to = None
            self.tell(source, user, "released")

    # ---- erasures

    def take_erasure(self, erased: Erased) -> None:
        self.catch_up(erased.key)
        self.pass_time(erased.key, self.answer.clock_ms)  # of who is forgotten by now no claim is known either
        key = self.key_of(erased.key)
        if erased.is_end:
            self.end_suppression(erased)
        elif key is None or key.moved_to in (None, erased.owner):
            self.erase(erased.key, erased.at_ms, suppress=erased.suppress)

    def take_erase(self, source: str, user: str, at_ms: int, suppress: bool) -> None:
        """The user was erased: the id too, if it is theirs and was not erased at once with them."""
        self.catch_up(source)
        erased_ms = self.erased_ms(source)
        key = self.key_of(source)
        if key is not None and key.moved_to == user and erased_ms < at_ms:
            self.erase(source, at_ms, suppress=suppress)

    def erase(self, user: str, at_ms: int, *, suppress: bool = False) -> None:
        key = self.key_of(user)
        claims = {} if key is None else dict(key.claims)
        Oracle.erase(self, user, at_ms, suppress=suppress)
        erasure = self.erasures[user]
        erasure.until_ms = max([erasure.until_ms, *(claim.at_ms for claim in claims.values())])
        erasure.used_ms = max(erasure.used_ms, erasure.until_ms)
        for source, claim in claims.items():
            if claim.state == "asked" and claim.at_ms >= erasure.until_ms - MOVED_KEPT_MS:
                self.say(user, self.take_erase, source, user, at_ms, suppress)
        if key is not None:
            self.end(user, key)
            erasure.sequence = max(erasure.sequence, key.sequence)
            self.keys.pop(user, None)


def oracle_of(catalog: Catalog, rules: TimeRules, *, look_ahead: bool = False, every_ms: bool = False) -> Oracle:
    """The oracle of a catalog, with identity or without."""
    kind = Oracle if catalog.settings.identity is None else PeopleOracle
    return kind(catalog, rules, look_ahead=look_ahead, every_ms=every_ms)
