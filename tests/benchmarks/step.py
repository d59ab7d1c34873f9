"""One round of the core of some version of Shoal, by the names that all versions have; a program, for `steps`.

`python step.py TREE EVENTS SEGMENTS` prints JSON: CPU microseconds an event, by stage, and the number of changes.
"""

import gc
import importlib
import json
import re
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

BATCH_RECORDS = 50_000


class Record(NamedTuple):
    """As much of a record as every version reads."""

    offset: int
    timestamp: int
    key: bytes
    value: bytes


def main(tree: str, events: str, segments: str) -> None:
    """Measures, and prints."""
    sys.path.insert(0, tree)
    load_catalog = _found("load_catalog", "definitions.catalog", "catalog")
    partition_class = _found("Partition", "partition.partition", "partition")
    compile_catalog = _found("compile_catalog", "compiler.program", "program")
    time_rules = _found("TimeRules", "evaluation.time_rules", "time_rules")

    rules = time_rules()
    files = {str(path): path.read_text("utf-8") for path in Path(segments).glob("*.yaml")}
    program = compile_catalog(load_catalog(files), rules)
    lines = Path(events).read_bytes().split(b"\n")
    records = [Record(offset, -1, _user_of(line), line) for offset, line in enumerate(lines)]
    end_s = 0.0

    class Staged(partition_class):  # type: ignore[misc, valid-type]  # of some version, found by name
        """Says how long the end of each batch takes."""

        def _end(self, batch: Any) -> Any:
            nonlocal end_s
            began_s = time.process_time()
            ended = super()._end(batch)
            end_s += time.process_time() - began_s
            return ended

    partition = Staged(program, rules)
    gc.collect()
    gc.freeze()
    gc.disable()
    began_s = time.process_time()
    for line in lines:
        program.decoder.decode(line)
    decode_s = time.process_time() - began_s
    process_s = changes_s = 0.0
    changes = 0
    for begin in range(0, len(records), BATCH_RECORDS):
        began_s = time.process_time()
        batch = partition.process(records[begin : begin + BATCH_RECORDS])
        processed_s = time.process_time()
        for change in batch.changes:
            change.encode()
        changes += len(batch.changes)
        del batch
        changes_s += time.process_time() - processed_s
        process_s += processed_s - began_s
    us = 1e6 / len(lines)
    stages = {
        "us_an_event": (process_s + changes_s) * us,
        "decode_us": decode_s * us,
        "evaluation_us": (process_s - end_s - decode_s) * us,
        "timers_and_profiles_us": end_s * us,
        "changes_us": changes_s * us,
        "changes": changes,
    }
    sys.stdout.write(json.dumps(stages))


def _found(name: str, *modules: str) -> Any:
    """The name out of the first of the modules of `app.segments` that this version has."""
    for each in modules:
        with suppress(ModuleNotFoundError, AttributeError):
            return getattr(importlib.import_module(f"app.segments.{each}"), name)
    raise ModuleNotFoundError(f"app.segments has none of {', '.join(modules)}")


def _user_of(line: bytes) -> bytes:
    found = re.search(rb'"(?:userId|anonymousId)":"([^"]+)"', line)
    assert found is not None, line
    return found[1]


if __name__ == "__main__":
    main(*sys.argv[1:])
