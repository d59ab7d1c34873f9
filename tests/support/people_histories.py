"""Random histories of people with several keys: logins, logouts, shared devices, repeats, and gaps of weeks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.model.messages import Record
from tests.support.choices import Choices
from tests.support.histories import DAY_MS, Narrator

DEVICES = ("a1", "a2", "a3")
PEOPLE = ("u1", "u2", "u3")
LOGOUT = "Signed Out"
GAPS_MS = (30 * DAY_MS, 37 * DAY_MS, 30 * DAY_MS - 1, 37 * DAY_MS - 1, 7 * DAY_MS, 7 * DAY_MS + 1, DAY_MS, DAY_MS + 1)


@dataclass(frozen=True, slots=True)
class People:
    """`gap_percent`: of the events, those long after the one before."""

    devices: Sequence[str]
    users: Sequence[str]
    gap_percent: int
    switch_percent: int

    @classmethod
    def drawn(cls, choices: Choices) -> "People":
        devices = list(DEVICES[: choices.one_of(1, 1, 2, 3)])
        users = PEOPLE[: choices.one_of(1, 2, 2, 3)]
        if choices.chance(15):
            devices.append(users[0])  # an id that is a user's, too
        return cls(devices, users, choices.one_of(0, 0, 3, 10), choices.one_of(5, 10, 30))


class PeopleNarrator(Narrator):
    """Tells the history of people. `on`: who is logged in on a device. `sent`: what can be sent again."""

    def __init__(self, choices: Choices, *, people: People, **more: Any) -> None:
        super().__init__(choices, **more)
        self.people = people
        self.on: dict[str, str | None] = dict.fromkeys(people.devices)
        self.sent: list[Record] = []

    def listed(self) -> Sequence[str]:
        """See `Narrator`."""
        return [*self.people.devices, *self.people.users]

    def time(self) -> int:
        newest = max(self.times_ms, default=self.clock_ms)
        if self.times_ms and self.chance(self.people.gap_percent):
            return self.one_of(newest, newest, self.one_of(*self.times_ms)) + self.one_of(*GAPS_MS)
        return super().time()

    def message(self, user: str, t: int) -> dict[str, Any]:
        """A message of `user` for another narrator, with ids of people."""
        said = super().message("u1", t)
        device = self.one_of(*self.people.devices)
        if self.chance(self.people.switch_percent):
            self.on[device] = self.one_of(*self.people.users, None)
        person = self.on[device]
        if "anonymousId" not in said or self.chance(80):
            said["anonymousId"] = device
        if said.get("userId") == "u1":
            del said["userId"]
            if person is not None and self.chance(80):
                said["userId"] = person
        if person is not None and self.chance(6):
            said |= {"type": "track", "event": LOGOUT, "userId": person, "anonymousId": device}
            self.on[device] = None
        elif self.chance(4):
            said |= {"type": "alias", "userId": self.one_of(*self.people.users), "previousId": device}
            if self.chance(60):
                del said["anonymousId"]
        elif "userId" in said and self.chance(10):
            del said["anonymousId"]
        if "messageId" not in said and self.chance(30):
            said["messageId"] = f"m{len(self.message_ids)}"
            self.message_ids.append(said["messageId"])
        return said

    def record(self, offset: int) -> Record:
        if self.sent and self.chance(6):
            again = self.one_of(*self.sent[-12:])
            return Record(offset, again.timestamp, again.key, again.value)
        record = super().record(offset)
        self.sent.append(record)
        return record


def identity_of(choices: Choices) -> str:
    """An `identity.yaml`."""
    lines = [f"follow: {choices.one_of('always', 'always', 'before')}"]
    if choices.chance(30):
        lines.append(f"devices_max: {choices.one_of(1, 2, 2)}")
    if choices.chance(60):
        lines.append(f"switches_max: {choices.one_of(1, 2, 3)}")
    if choices.chance(40):
        lines.append(f"cart: {choices.one_of('max', 'sum', 'user')}")
    if choices.chance(15):
        lines.append("trust_alias: false")
    if choices.chance(15):
        lines.append("logout: [A, Logged Out]")
    if choices.chance(10):
        lines.append("blocked: [A2, null]")
    return "\n".join(lines) + "\n"
