"""Bugs on purpose in what consent does."""

from tests.model.mutation import Mutation

CONSENT_MUTATIONS = (
    Mutation(
        "a user who no longer agrees stays for the rest of hold",
        "app/segments/compiler/segment_code.py",
        'code.line(f"if not {granted}: return x.withdraw(',
        'code.line(f"if not {granted} and now >= m[1] + {segment.hold_ms}: return x.withdraw(',
    ),
    Mutation(
        "only the first purpose is required",
        "app/segments/compiler/segment_code.py",
        "    for purpose in segment.requires:\n        node",
        "    for purpose in segment.requires[:1]:\n        node",
    ),
    Mutation(
        "whatever is no answer grants",
        "app/segments/compiler/value_code.py",
        "{leaf} is None or {leaf}[1] is None or {leaf}[1] is True",
        "{leaf} is None or {leaf}[1] is not False",
    ),
    Mutation(
        "null keeps the answer before it",
        "app/segments/compiler/event_code.py",
        "    if value is not None:\n        value = remembered(value, counted)",
        "    if value is None:\n        return False\n    value = remembered(value, counted)",
    ),
    Mutation(
        "an older answer that comes later counts",
        "app/segments/compiler/event_code.py",
        "if entry is not None and entry[0] > t:",
        "if False:",
    ),
    Mutation(
        "an exit by consent is told as one by the event",
        "app/segments/evaluation/settlement.py",
        'kind, self.kind = self.kind, "consent"',
        "kind = self.kind",
    ),
    Mutation(
        "all that follows an exit by consent is told as consent",
        "app/segments/evaluation/settlement.py",
        "        self.kind = kind\n        return left",
        "        return left",
    ),
    Mutation(
        "at one instant consent under another key prevails",
        "app/segments/merging/profiles.py",
        "return purpose is not None and not purpose.is_granted(entry[1])",
        "return False",
    ),
    Mutation(
        "an exit by consent begins no cooldown",
        "app/segments/evaluation/settlement.py",
        "member[OUT_AT] = now if segment.keeps_exit else None",
        'member[OUT_AT] = now if segment.keeps_exit and self.kind != "consent" else None',
    ),
)
