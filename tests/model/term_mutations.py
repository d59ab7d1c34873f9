"""Bugs on purpose in terms about single values."""

from tests.model.mutation import Mutation

TERM_MUTATIONS = (
    # ---- is known, is missing
    Mutation(
        "what was known stays known when its window ends",
        "app/segments/compiler/condition_code.py",
        'return self._local(f"{known} is not None"), until',
        'return self._local(f"{known} is not None"), None',
    ),
    Mutation(
        "a property that is false or 0 is missing",
        "app/segments/compiler/filters.py",
        'return f"({self._value(operand)} is not None)"',
        'return f"(({self._value(operand)} or None) is not None)"',
    ),
    # ---- user.id, bucket, lower
    Mutation(
        "who the user is is not asked at the first event",
        "app/segments/compiler/reads.py",
        'mask = self.features.get("id", 0)',
        "mask = 0",
    ),
    Mutation(
        "the user of a timer is the one of the last event",
        "app/segments/partition/partition.py",
        "            self._settlement.user = user\n            self._fire(",
        "            self._fire(",
    ),
    Mutation(
        "a bucket is of the id alone",
        "app/segments/evaluation/bucket.py",
        'sha256(f"{salt}\\x00{user}"',
        'sha256(f"{user}"',
    ),
    Mutation(
        "a bucket takes the last bytes",
        "app/segments/evaluation/bucket.py",
        "digest[:BYTES]",
        "digest[-BYTES:]",
    ),
    Mutation(
        "lower leaves lists alone",
        "app/segments/evaluation/operators.py",
        "return [lowered(item) for item in value]",
        "return value",
    ),
    Mutation(
        "a text in small letters stays when its window ends",
        "app/segments/compiler/value_code.py",
        'return self._local(f"{lower}({value}, COUNTED)"), until',
        'return self._local(f"{lower}({value}, COUNTED)"), None',
    ),
    # ---- first(context...)
    Mutation(
        "a late event has no first value",
        "app/segments/compiler/event_code.py",
        "(entry is not None and entry[0] <= t)",
        "entry is not None",
    ),
    Mutation(
        "null is a first value",
        "app/segments/compiler/event_code.py",
        "if value is UNSET or value is None or (",
        "if value is UNSET or (",
    ),
    Mutation(
        "the fast path takes the first value for one that is known",
        "app/segments/partition/_fast_path.c",
        "!(leaf->first && said_before(remembered, leaf, t)))",
        "!leaf->first)",
    ),
    # ---- entered, left, since_left, times
    Mutation(
        "an entry counts a millisecond too long",
        "app/segments/compiler/value_code.py",
        'if {at} is not None and {at} + {node.within_ms} > now"',
        'if {at} is not None and {at} + {node.within_ms} >= now"',
    ),
    Mutation(
        "an exit is remembered only for a cool-down",
        "app/segments/compiler/program.py",
        "keeps_exit=bool(read.segment.cooldown_ms) or read.segment.name in self.registry.exits,",
        "keeps_exit=bool(read.segment.cooldown_ms),",
    ),
    Mutation(
        "who asks for an entry is not asked again at the next one",
        "app/segments/compiler/value_code.py",
        "        self.segments.add(segment)\n        if exits:",
        "        if exits:",
    ),
    Mutation(
        "an exit is counted as an entry",
        "app/segments/compiler/value_code.py",
        'else f"{member}[{SINCE}] if {member}[{TIMES}] else None"',
        'else f"{member}[{OUT_AT}] if {member}[{TIMES}] else None"',
    ),
    Mutation(
        "a segment that waits does not wait for what it looks back at",
        "app/segments/compiler/seen_windows.py",
        "window_ms + looks_back.get(name, 0)",
        "window_ms",
    ),
)
