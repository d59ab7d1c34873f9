"""Profiles as one version wrote them, and how their users went on.

A file holds what a worker of that version kept (profiles, catalog's entry, position), what came after, and what
followed from it. `python -m tests.unit.tables.golden_profiles` writes that of the present format; those of former ones
are never written again: they hold what somebody's changelog holds. With `--changes` only what followed is written
again, in all files, and only where nothing but its evidence and `valid_until` is new.
"""

import json
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from app.segments.compiler.program import compile_catalog
from app.segments.definitions.catalog import load_catalog
from app.segments.evaluation.time_rules import TimeRules
from app.segments.partition.partition import Partition
from app.segments.review.scenario import PipedRecord
from tables.profile import FORMAT
from tests.model.plain import instant_text

FOLDER = Path(__file__).with_name("golden")
START_MS = 1_767_600_000_000
MINUTE_MS = 60_000
RULES = TimeRules()

# One of each kind of state.
VALUES = {
    "counts": ("count('V' within 1h) >= 3", "count('V' within 1d) + 0", "count('V') + 0", "count(page) > 5"),
    "numbers": ("sum(x of 'V' within 1d)", "avg(x of 'V')", "min(x of 'V' within 2h)", "max(x of 'V')"),
    "values": ("first(p of 'V' within 1d)", "first(l of 'V')", "last(p of 'V' within 1h)", "last(l of 'V')"),
    "different": ("distinct(p of 'V' within 1d)", "distinct(l of 'V')", "count('B' once per p) + 0"),
    "tallies": ("count('V' per p within 1d) > 1", "key(count('V' per l within 1d))", "key(count('V' per p))"),
    "instants": ("exists('B' within 3h)", "never('B')", "since('B') > 30m", "since(page within 1h) < 10m"),
    "resets": ("count('V' since last 'B') + 0", "sum(x of 'V' since last 'B')", "count('V' per p since last 'B') > 1"),
    "sequences": (
        "count(sequence('V' then 'A' within 2h matching p) within 1d) + 0",
        "count(sequence('V' then 'A' then no 'B' for 40m) within 1d) + 0",
        "last(p of sequence('A' then no 'B' for 1h matching p))",
    ),
    "cart": ("cart.value", "cart.products", "cart.quantity"),
    "visit": ("session.pages >= 3", "session.source", "session.landing_page", "session.number"),
    "user": ("traits.plan", "context.device.type", "traits.tags", "user.identified", "user.age > 1d"),
    "scores": ("score('warm') > 5", "score('lately')"),
}
PLAIN = {
    "steady": "when: count('V' within 1h) >= 2\nfor: 5m\nhold: 20m\ncooldown: 30m",
    "abandoned": "when: cart.items > 0 and cart.idle >= 30m and cart.idle < 1d\nattach: {value: cart.value}",
    "patient": "when: exists('V' within 6h)\nwarmup: wait",
    "layered": "when: segment('steady') or segment('abandoned')",
    "between": "enter: count('V' within 2h) >= 3\nexit: count('V' within 2h) < 2",
}
SCORES = {
    "warm": """half_life: 2h
points: [{on: V, add: 3}, {on: sequence('V' then 'A'), add: 5}, {when: cart.items > 0, add: 1}]""",
    "lately": "within: 3h\npoints: [{on: V, add: 1}, {on: \"'B' once per p\", add: 4}]",
}


def definitions() -> dict[str, str]:
    """All of it as files."""
    files = {f"{name}.yaml": f"segment: {name}\n{body}\n" for name, body in PLAIN.items()}
    files["identity.yaml"] = "switches_max: 2\n"
    files |= {f"{name}.yaml": f"score: {name}\n{body}\n" for name, body in SCORES.items()}
    for name, values in VALUES.items():
        attach = {f"v{number}": value for number, value in enumerate(values)}
        still = [key for key, value in attach.items() if not value.startswith(("since", "user.age", "score('warm')"))]
        said = {"segment": f"all-{name}", "when": "exists(any('V', 'A', 'B')) or exists(page)", "attach": attach}
        moving = {key: value for key, value in attach.items() if key not in still}
        said["attach"] = {key: attach[key] for key in still}
        files[f"all-{name}.yaml"] = json.dumps({**said, "updates": still})
        for key, value in moving.items():
            files[f"{name}-{key}.yaml"] = json.dumps({"segment": f"{name}-{key}", "when": value})
    return files


def messages() -> Iterator[tuple[int, dict[str, Any]]]:
    """Arrival and message: users over a day, some late, some twice, some odd."""
    chance = Random(11)
    at_ms = START_MS
    for number in range(137):
        at_ms += chance.choice((1_000, 30_000, 2 * MINUTE_MS, 7 * MINUTE_MS, 15 * MINUTE_MS, 40 * MINUTE_MS))
        kind = chance.choice(("V", "V", "V", "A", "B", "page", "Product Added", "Product Added", "Product Removed"))
        text = chance.choice(("a", "b", "c", "ü" * 40, "7"))
        said: dict[str, Any] = {
            "type": "page" if kind == "page" else "track",
            "anonymousId": f"u{chance.choice((0, 0, 1, 2))}",
            "messageId": f"m{number - chance.choice((0, 0, 0, 0, 1))}",
            "timestamp": instant_text(at_ms - chance.choice((0, 0, 0, 0, 20 * MINUTE_MS))),
            "properties": {
                "p": chance.choice((text, text, 7, True)),
                "l": [text, number % 4],
                "x": chance.choice((1, 2.5, 99.99, 10**11, "3")),
                "product_id": text,
                "price": chance.choice((5, 7.25)),
                "path": f"/{text}",
            },
        }
        if kind != "page":
            said["event"] = kind
        if chance.random() < 0.4:
            traits = {"plan": text, "tags": ["x", number]}
            said["context"] = {"traits": traits, "device": {"type": text}, "campaign": {"source": text}}
        if chance.random() < 0.1:
            said["userId"] = said["anonymousId"]
        elif chance.random() < 0.1:
            said |= {"userId": f"w{chance.choice((0, 1))}", "anonymousId": chance.choice(("d0", "d1", "u2"))}
        yield at_ms, said


def records() -> list[PipedRecord]:
    """As the topic has them."""
    return [
        PipedRecord(offset, at_ms, key_of(said), json.dumps(said).encode())
        for offset, (at_ms, said) in enumerate(messages())
    ]


def key_of(message: dict[str, Any]) -> bytes:
    """The key of a record."""
    key: str = message.get("userId") or message["anonymousId"]
    return key.encode()


def changes_of(partition: Partition, rest: list[PipedRecord]) -> list[str]:
    """Returns the changes of the remaining events, and of two days of silence after them."""
    batches = [partition.process(rest[start : start + 10]) for start in range(0, len(rest), 10)]
    batches.append(partition.advance(rest[-1].timestamp + 172_800_000))
    return [change.encode().decode() for batch in batches for change in batch.changes]


def write(path: Path) -> None:
    """The file of the present format."""
    files = definitions()
    program = compile_catalog(load_catalog(files), RULES)
    partition = Partition(program, RULES, alone=True)
    early, rest = records()[:125], records()[125:]
    profiles: dict[str, bytes | None] = {}
    for start in range(0, len(early), 10):
        profiles |= partition.process(early[start : start + 10]).profiles
    said = {
        "format": FORMAT,
        "definitions": files,
        "profiles": {user: b64encode(profile or b"").decode() for user, profile in profiles.items()},
        "position": b64encode(partition.position()).decode(),
        "next_offset": partition.next_offset,
        "rest": [[record.timestamp, json.loads(record.value or b"")] for record in rest],
        "changes": changes_of(partition, rest),
    }
    path.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


class Golden:
    """One file."""

    def __init__(self, path: Path) -> None:
        said = json.loads(path.read_text(encoding="utf-8"))
        self.format: int = said["format"]
        self.definitions: dict[str, str] = said["definitions"]
        self.profiles: dict[str, bytes] = {user: b64decode(profile) for user, profile in said["profiles"].items()}
        self.position: bytes = b64decode(said["position"])
        self.next_offset: int = said["next_offset"]
        self.changes: list[str] = said["changes"]
        self.rest = [
            PipedRecord(self.next_offset + number, at_ms, key_of(message), json.dumps(message).encode())
            for number, (at_ms, message) in enumerate(said["rest"])
        ]

    def restored(self) -> Partition:
        """A partition of this version that takes over what that version kept."""
        partition = Partition(compile_catalog(load_catalog(self.definitions), RULES), RULES, alone=True)
        partition.restore_position(self.position)
        for user, profile in self.profiles.items():
            partition.restore(user, profile, offset=self.next_offset)
        return partition


def files() -> list[Path]:
    """Those of all formats."""
    return sorted(FOLDER.glob("format-*.json"))


def write_changes(path: Path) -> None:
    """Writes the changes that followed, with the evidence of today; AssertionError if more than that is new."""
    golden = Golden(path)
    changes = changes_of(golden.restored(), golden.rest)
    assert [_bare(change) for change in changes] == [_bare(change) for change in golden.changes]
    said = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(said | {"changes": changes}, indent=1) + "\n", encoding="utf-8")


def _bare(change: str) -> dict[str, Any]:
    return {name: value for name, value in json.loads(change).items() if name not in ("evidence", "valid_until")}


if __name__ == "__main__" and "--changes" in sys.argv:
    for each in files():
        write_changes(each)
elif __name__ == "__main__":
    target = FOLDER / f"format-{FORMAT}.json"
    if target.exists() and "--again" not in sys.argv:
        sys.exit(f"{target.name} is there. Has a version been released with it? Then raise FORMAT; else: --again")
    FOLDER.mkdir(exist_ok=True)
    write(target)
