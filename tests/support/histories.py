"""Random histories: messages whose times lie where it matters, and the clock's moves between them."""

import codecs
import json
from collections.abc import Sequence
from typing import Any

from app.segments.evaluation.time_rules import TimeRules
from tests.model.dates import read
from tests.model.messages import Advance, Record, instant_ms, user_text
from tests.model.plain import instant_text
from tests.support.choices import Choices

DAY_MS = 86_400_000

WAYS = (*["step", "step", "edge of one", "edge of one"] * 2, "equal", "back", "edge", "bound", "upload", "gap")
STARTS = {
    "2026-01-05T00:00:00.000Z": "UTC",  # a Monday
    "2026-03-29T00:59:55.000Z": "Europe/Berlin",  # Europe goes to summer time at 01:00
    "2026-10-25T00:59:58.500Z": "Europe/Berlin",  # and back
    "2026-03-07T22:59:55.000Z": "Europe/Berlin",  # Saturday to Sunday
    "2026-11-01T05:59:57.000Z": "America/New_York",  # goes back at 06:00
    "2026-05-31T23:59:57.000Z": "UTC",  # a Sunday, and the last of a month
    "2026-03-28T21:59:56.000Z": "Asia/Beirut",  # leaves midnight out
    "2026-10-24T20:59:57.000Z": "Asia/Beirut",  # comes to the last hour of the day once more
    "2026-03-08T04:59:57.000Z": "America/Havana",  # leaves midnight out
    "2026-11-01T04:59:57.000Z": "America/Havana",  # and comes to it once more
    "2026-04-04T14:59:57.000Z": "Australia/Lord_Howe",  # goes back by half an hour
    "2026-11-01T02:29:57.000Z": "America/St_Johns",  # midnight at half past, two hours before the clock goes back
    "2028-02-28T22:59:57.000Z": "Europe/Berlin",  # a leap day
    "2027-02-28T22:59:57.000Z": "Europe/Berlin",  # and none
    "2026-12-31T22:59:57.000Z": "Europe/Berlin",  # a year ends
}
"""Beginnings of histories, each with the zone in which something happens then."""
USERS = ("u1", "u2", "u3")
NAMES = ("A", "B", "C", "Product Added", "Product Removed", "Order Completed", "Cart Cleared")
TYPES = ("page", "screen", "identify", "group", "alias")
ENDLESS = "1e400"  # written without its quotes: a number beyond the range of a double
TIES = (1.0000005, 1.0000015, -2.0000035, 8.0000005)  # halfway between two millionths; no double is exactly there
NUMBERS = (0, 1, 2, 3, 1.5, 1.0, -1, 0.1, 10, 0.0000005, *TIES, 10**13, ENDLESS)
COMMON = ("a", "b", 1, 2, "a", "b", 3, True)
TEXTS = ("a", "b", "ab", "B1", "é", "2", "")
LONG_TEXTS = ("long " * 20, "q" * 256, "q" * 257, "é" * 130, "q" * 1_024, "q" * 1_024 + "b", "ab" * 600)
NUMERALS = ("1", "2", "3", "1.0", "-1", "1.5", "1e0", "0.10", "$2", " 2", "02", "1,5", "1e400", "٣")
ODD: tuple[Any, ...] = (None, True, False, {"x": 1}, [], [1, "a"], ["a", "b", "a"], [["a"]], [None, {"y": 1}])


NO_IDS: tuple[Any, ...] = ("undefined", "NULL", "0", "00-0", "-1", " ", "'None'", "[object Object]", True, 1.5, {}, [])


class Narrator(Choices):
    """Tells one history. `durations_ms`, `instants_ms`: what the times aim at; `are_bounds`: at these often."""

    def __init__(
        self,
        choices: Choices,
        *,
        durations_ms: Sequence[int],
        names: Sequence[str],
        rules: TimeRules,
        users: Sequence[str],
        clock_ms: int,
        lists: Sequence[str] = (),
    ) -> None:
        super().__init__(choices.below)
        self.durations_ms = durations_ms
        self.names = [*names, *NAMES]
        self.rules = rules
        self.users = users
        self.lists = lists
        self.clock_ms = clock_ms
        self.products_percent = 20
        self.product_ids: Sequence[Any] = ("a", "b", "B1", 1, 2, 1.0)
        self.instants_ms: Sequence[int] = ()
        self.are_bounds = False
        self.dates_percent = 15
        self.times_ms: list[int] = []
        self.message_ids: list[str] = []
        self.recorded_ms: list[int] = []
        # Most events have one of three names, so that they interact.
        self.focus = self.some(lambda: self.one_of(*(names or NAMES)), 1, 3)

    # ---- times

    def edge(self) -> int:
        """A millisecond before, at or after something ends."""
        return self.one_of(*self.durations_ms) + self.one_of(0, -1, 1)

    def time(self) -> int:
        """The own time of the next event."""
        newest = max(self.times_ms, default=self.clock_ms)
        if self.recorded_ms:
            return max(self.recorded_ms.pop(0), 0)
        near = [at for at in self.instants_ms if newest - DAY_MS < at < newest + DAY_MS]
        if near and self.chance(30 if self.are_bounds else 15):
            return max(self.one_of(*near) + self.one_of(0, 0, 0, 0, -1, 1), 0)
        match self.one_of(*WAYS):
            case "step":
                t = newest + self.one_of(1, 500, 1_000, 2_000, 3_000)
            case "equal":
                t = self.one_of(*self.times_ms) if self.times_ms else newest
            case "edge":
                t = newest + self.edge()
            case "edge of one":
                t = (self.one_of(*self.times_ms[-6:]) if self.times_ms else newest) + self.edge()
            case "back":
                t = newest - self.one_of(1, 500, 1_000, 2_500, 5_000, 20_000)
            case "bound":
                rules = self.rules
                bounds = (rules.disorder_ms, rules.lateness_ms, rules.lateness_ms + 1, rules.session_gap_ms)
                t = newest - self.one_of(*bounds)
            case "upload":
                # Recorded off-line, and sent later in order.
                t = newest - self.one_of(*self.durations_ms) * self.one_of(1, 2, 3) - self.one_of(0, 1, 1_000)
                self.recorded_ms = [t]
                for _ in range(self.whole(1, 3)):
                    step = self.edge() if self.chance(30) else self.one_of(0, 1, 500, 1_000)
                    self.recorded_ms.append(self.recorded_ms[-1] + step)
                del self.recorded_ms[0]
            case _:
                t = newest + self.one_of(15_000, 40_000, 61_000)
                if self.chance(20):
                    t = newest + self.one_of(900_000, 3_600_000, 43_200_000, 86_400_000)
        return max(t, 0)

    # ---- messages

    def value(self) -> Any:
        return self.one_of(*self.one_of(COMMON, COMMON, COMMON, NUMBERS, NUMERALS, TEXTS, LONG_TEXTS, ODD))

    def properties(self) -> dict[str, Any]:
        said: dict[str, Any] = {}
        for name in ("x", "c", "p"):
            if self.chance(60):
                said[name] = self.value()
        if self.chance(20):
            said["x"] = self.one_of(1, 2, 5, "5")
        if self.chance(12):
            said[self.one_of("x", "c")] = self.one_of(0, False, "")
        if self.chance(self.dates_percent):
            said["day"] = self.day()
        if self.chance(self.dates_percent):
            said["zone"] = self.zone()
        if self.chance(15):
            said["tags"] = self.one_of(["a", "B1"], ["b"], ["A", "B"], [], "a", [1, True, None], ["2", 1])
        if self.chance(15):
            said["o"] = self.one_of({"x": self.value()}, None, "a")
        if self.chance(10):
            said["odd name"] = self.value()
        if self.chance(15):
            said["version"] = self.version()
        if self.chance(12):
            said["place"] = self.place()
        if self.chance(self.products_percent):
            said["products"] = [self.product() for _ in range(self.whole(0, 3))]
        return said

    def product(self) -> Any:
        if self.chance(max(5, self.products_percent // 6)):
            return self.one_of("a", None, None, [])
        said: dict[str, Any] = {"product_id": self.one_of(*self.product_ids)}
        if self.chance(15):
            said["product_id"] = self.value()
        if self.chance(50):
            said["price"] = self.one_of(1, 2.5, 10, 0.333333, *TIES[:2], "2", "2.50", "$2", None)
        if self.chance(50):
            said["quantity"] = self.one_of(1, 2, 3, 0, -1, 0.5, "2", "0", "2 ", None)
        for name in ("c", "x"):
            if self.chance(60):
                said[name] = self.one_of(*COMMON, None, True, "B1", 1.5)
        if self.chance(self.products_percent // 2):
            part = {"c": self.one_of(*COMMON), "x": self.one_of(1, 2, "2", None)}
            said["parts"] = self.one_of([part, {"x": 2}], [part], part, [], [None, part, 1], None)
        if self.chance(self.products_percent // 5):
            said["version"] = self.version()
        if self.chance(self.products_percent // 5):
            said["place"] = self.place()
        return said

    def day(self) -> Any:
        """An instant near the newest event, or a day, in one of many spellings; or none."""
        at = max(self.times_ms, default=self.clock_ms) + self.one_of(
            *[0, -1, 1_000, 3_000, 60_000, 3_600_000, 7_200_000, DAY_MS, DAY_MS, 2 * DAY_MS, -DAY_MS, 400 * DAY_MS]
        )
        text = instant_text(at)
        return self.one_of(
            text,
            text[:10],
            text[:10],
            f"1988-{text[5:10]}",
            f"--{text[5:10]}",
            text[5:10],
            text[:19],
            f"{text[:10]} {text[11:16]}",
            text.replace("-", "", 2)[:8],
            text[:-1] + self.one_of("+02:00", "-0330", "+14", " Z", "456+00:00"),
            text[:-4] + self.one_of("7", "", "00:00Z", ",25Z"),
            f"{text[:11]}{self.one_of('00:00', '00:30', '02:30', '23:30', '24:00', '02:15:60')}",
            at,
            at // 1_000,
            at / 1_000,
            str(at),
            str(at // 1_000),
            self.one_of(
                "2028-02-29", "02-29", "2027-02-29", "13-01", "soon", "2026", 0, True, 1e18, "0000-01-01", "9999-12-31"
            ),
        )

    def version(self) -> Any:
        """A version in one of several spellings, or none."""
        likely = ("2", "2.9", "2.10", "2.0.0", "10", "1.9.9", "v2.10", "2.10-beta", 2, 2.9, 10, 2.0)
        odd = ("2.x", "", "latest", "vv2", "2..1", ".2", -2, True, None, ["2.9", "x"], "2.10 (21)", "1e1", 1e22)
        return self.one_of(*self.one_of(likely, likely, odd))

    def place(self) -> Any:
        """A place with long or short names of its coordinates, or none."""
        latitude, longitude = self.one_of(
            (52.52, 13.41), (52.4, 13.06), ("52.53", "13.4"), (48.14, 11.58), (-33.9, 151.2), (0.1, -179.9)
        )
        said = {"latitude": latitude, "longitude": longitude}
        short = {"lat": latitude, "lng": longitude}
        odd = ({"latitude": 91, "longitude": 0}, {"lat": latitude}, {"lat": [latitude], "lng": longitude}, "Berlin")
        mixed = {"latitude": None, "lat": latitude, "longitude": longitude, "lng": 0}
        return self.one_of(said, said, short, short, mixed, {"latitude": "x"} | short, self.one_of(*odd))

    def zone(self) -> Any:
        """The name of a time zone, or of none."""
        known = (*STARTS.values(), "Asia/Kolkata", "Asia/Kolkata")
        return self.one_of(self.one_of(*known), self.one_of(*known), self.one_of("Mars", "localtime", None, 1, ["UTC"]))

    def traits(self) -> dict[str, Any]:
        said: dict[str, Any] = {}
        if self.chance(50):
            said["day"] = self.day()
        if self.chance(20):
            said["zone"] = self.zone()
        if self.chance(60):
            said["plan"] = self.value()
        if self.chance(40):
            said["address"] = self.one_of(None, "a", {}, {"city": "a"}, {"city": self.value()})
        if self.chance(40):
            said["x"] = self.value()
        if self.chance(30):
            said["version"] = self.version()
        if self.chance(15):
            said["home"] = self.place()
        return said

    def context(self) -> dict[str, Any]:
        said: dict[str, Any] = {}
        if self.chance(65):
            said["device"] = self.one_of({"type": "a"}, {"type": "b"}, {"type": self.value()}, None, {}, "a")
        if self.chance(40):
            said["timezone"] = self.zone()
        if self.chance(25):
            said["app"] = {"version": self.version()}
        if self.chance(35):
            said["location"] = self.place()
        if self.chance(30):
            said["campaign"] = {"source": self.value()}
        if self.chance(30):
            said["page"] = self.one_of({"path": "a"}, {"path": self.value()})
        if self.chance(30):
            said["traits"] = self.traits()
        return said

    def message(self, user: str, t: int) -> dict[str, Any]:
        said: dict[str, Any] = {"type": "track"}
        if self.chance(20):
            said["type"] = self.one_of(*TYPES)
        else:
            said["event"] = self.one_of(*self.focus) if self.chance(75) else self.one_of(*self.names)
        said["userId" if user == "u1" else "anonymousId"] = user
        said["timestamp"] = instant_text(t)
        if said["type"] == "identify":
            said["traits"] = self.traits()
        elif said["type"] != "group" and self.chance(75):
            said["properties"] = self.properties()
            if said.get("event") in ("Product Added", "Product Removed"):
                product = self.product()
                said["properties"] |= product if isinstance(product, dict) else {}
            elif said["type"] == "page" and self.chance(50):
                said["properties"]["path"] = self.value()
        if self.chance(30):
            said["context"] = self.context()
        if self.chance(4):
            self.spoil(said)
        if self.chance(25):
            if self.message_ids and self.chance(50) and self.rules.retention_ms > DAY_MS:
                said["messageId"] = self.one_of(*self.message_ids)
            else:
                said["messageId"] = f"m{len(self.message_ids)}"
                self.message_ids.append(said["messageId"])
        return said

    def spoil(self, said: dict[str, Any]) -> None:
        """Odd, but no reason to refuse it."""
        match self.one_of("container", "name", "time", "time", "user", "id", "id"):
            case "container":
                said[self.one_of("properties", "context", "traits")] = self.one_of(None, "a", [1, "a"], 5, True)
            case "name":
                said.pop("event", None)
            case "time":
                said["timestamp"] = odd_spelling(said["timestamp"], self.one_of(0, 1, 2))
            case "user":
                said["anonymousId"] = self.one_of(7, 7.0, " 7 ")  # the user, but for one who is known
            case _:
                self.spoil_id(said)

    def spoil_id(self, said: dict[str, Any]) -> None:
        """An id with something around it, or one that names nobody beside another that may."""
        name = "userId" if "userId" in said else "anonymousId"
        if self.chance(30):
            said[name] = self.one_of(" {}", "{}\t", "\n{} ").format(said[name])
        else:
            said["userId"] = self.one_of(*NO_IDS)
            if self.chance(70):
                said["anonymousId"] = self.one_of(*self.users, *NO_IDS)

    # ---- records

    def list_record(self, offset: int) -> Record:
        """Somebody is put on a static list, or taken off it, perhaps by another app."""
        at_ms = max(self.times_ms, default=self.clock_ms) + self.one_of(0, 0, 1_000, -1_000)
        said = {"type": "list", "app": self.one_of(*["shoal"] * 9, "other"), "list": self.one_of(*self.lists)}
        value = json.dumps({**said, "is_on": self.chance(65), "at_ms": max(at_ms, 0)}).encode()
        key = b"" if self.chance(3) else self.one_of(*self.listed()).encode()
        self.times_ms.append(max(at_ms, 0))
        return Record(offset, self.one_of(-1, at_ms), key, value)

    def listed(self) -> Sequence[str]:
        """The keys that lists are about."""
        return self.users

    def record(self, offset: int) -> Record:
        if self.lists and self.chance(12):
            return self.list_record(offset)
        user = self.one_of(*self.users)
        t = self.time()
        said = self.message(user, t)
        key: bytes | None = (user_text(said.get("userId")) or user_text(said.get("anonymousId"))).encode()
        if said.get("userId") in NO_IDS and self.chance(40):
            key = str(said["userId"]).encode()  # by a producer with a wrong key
        timestamp = -1
        faulty = self.chance(3)
        if self.chance(30) and not faulty:
            self.receive(said, t)
        elif self.chance(20):
            timestamp = t + self.one_of(0, 1, 1_000, 60_000)
        value = json.dumps(said, ensure_ascii=False).replace(f'"{ENDLESS}"', ENDLESS).encode()
        if faulty:
            match self.one_of("json", "key", "none", "type", "user", "mark"):
                case "mark":
                    value = codecs.BOM_UTF8 + value
                case "json":
                    value = value[:-1]
                case "key":
                    key = b"someone else"
                case "none":
                    key = None
                case "type":
                    value = b'{"type": "other", "anonymousId": "u2"}'
                case _:
                    value = json.dumps({**said, "userId": None, "anonymousId": ""}).encode()
        elif self.chance(3):
            value = json.dumps({"type": "watermark", "timestamp": instant_text(t)}).encode()
            key = self.one_of(None, b"u1", b"p0")
        self.times_ms.append(t)
        return Record(offset, timestamp, key, value)

    def receive(self, said: dict[str, Any], t: int) -> None:
        """A collector's times: now and then the sender's clock is wrong, or the event is ahead of its receipt."""
        skew = self.rules.skew_max_ms
        received = t + self.one_of(0, 1, 1_000, 10_000, 0, 1, 1_000, 10_000, -1_000, -skew, -skew - 1)
        said["receivedAt"] = instant_text(max(received, 0))
        if self.chance(20):
            wrong = self.one_of(0, 3_600_000, -5_000, 7)
            said["originalTimestamp"] = instant_text(t + wrong)
            said["sentAt"] = instant_text(received + wrong)
            if self.chance(20):
                said[self.one_of("sentAt", "originalTimestamp")] = self.one_of("yesterday", "", 7, True)
        elif self.chance(10):
            del said["timestamp"]

    def steps(self, most: int) -> list[Record | Advance]:
        steps: list[Record | Advance] = []
        for offset in range(self.whole(1, most)):
            if self.times_ms and self.chance(10):
                clock_ms = self.one_of(max(self.times_ms), self.one_of(*self.times_ms)) + self.edge()
                steps.append(Advance(clock_ms))
                self.times_ms.append(clock_ms)
            steps.append(self.record(offset))
        return steps


def odd_spelling(instant: str, which: int) -> str:
    """The same instant (or up to a millisecond later) in another spelling of ISO 8601."""
    t = instant_ms(instant)
    if which == 0:
        return instant_text(t + 5_400_000).replace("Z", "+01:30")
    return instant.replace("Z", "999Z" if which == 1 else "+00:00")


def rules_for(choices: Choices, durations_ms: Sequence[int]) -> TimeRules:
    """Bounds as small as the windows, so that they are met as well."""
    one_of = choices.one_of
    lateness_ms = one_of(*[86_400_000] * 6, 60_000, 60_000, 10_000, 3_000, 0)
    longest = max([*durations_ms, lateness_ms + 1, 10_000])
    return TimeRules(
        disorder_ms=one_of(5_000, 0, 1_000, 2_000),
        lateness_ms=lateness_ms,
        skew_max_ms=one_of(300_000, 300_000, 5_000, 0),
        session_gap_ms=one_of(1_800_000, 3_000, 10_000),
        retention_ms=one_of(*[400 * 86_400_000] * 5, 2 * 86_400_000, longest, longest + 1, 3 * longest),
    )


def start_ms(choices: Choices) -> int:
    return instant_ms(choices.one_of(*STARTS))


def midnights_ms(clock_ms: int) -> set[int]:
    """The midnights around the beginning of a history, in the zone in which something happens then, and in UTC."""
    around = range(clock_ms // DAY_MS - 1, clock_ms // DAY_MS + 3)
    return {read(zone, day * DAY_MS) for day in around for zone in (zone_of_start(clock_ms), "UTC")}


def zone_of_start(clock_ms: int) -> str:
    """The zone in which something happens at this beginning of a history."""
    return STARTS[instant_text(clock_ms)]
