"""Everything works without the extension modules, and a failed build is reported."""

import subprocess
import sys
from pathlib import Path

import pytest

import hatch_build

ROOT = Path(__file__).parents[2]
WITHOUT = """
import sys
for name in ("app.events._instants", "app.segments.partition._fast_path", "app.runtime.kafka._record_batch"):
    sys.modules[name] = None
from app.runtime.kafka.record_batch import RecordBatches
from tests.unit.segments.partition.test_fast_path import PROGRAM, RULES, Partition, PipedRecord
value = b'{"type":"page","anonymousId":"u","timestamp":"2026-01-05T00:00:00.000Z"}'
batch = Partition(PROGRAM, RULES).process([PipedRecord(0, -1, b"u", value)])
written = RecordBatches("snappy", bytes_max=16_384, transactional=True).batch([(b"u", value, [])] * 9, 0, now_ms=1)
print(batch.accepted, batch.quickly, written.record_count(), type(written).__name__)
"""


def test_without_the_modules_python_does_everything() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "1 0 9 BatchBuilder\n"


def test_without_a_compiler_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_config_var", {"LDSHARED": "no-such-compiler -shared"}.get)
    assert hatch_build.build(tmp_path / "a.c", tmp_path / "a.so") == "no-such-compiler: No such file or directory"


def test_what_the_compiler_says_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("this is no C")
    problem = hatch_build.build(tmp_path / "a.c", tmp_path / "a.so")
    assert problem is not None
    assert not (tmp_path / "a.so").exists()
