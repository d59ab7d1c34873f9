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
        'return f"({_value(operand, code, load)} is not None)"',
        'return f"(({_value(operand, code, load)} or None) is not None)"',
    ),
    # ---- user.id, bucket, lower
    Mutation(
        "who the user is is not asked at the first event",
        "app/segments/compiler/program.py",
        'begin_mask |= masks.features.get("id", 0)',
        "begin_mask |= 0",
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
)
