"""The groups of experiments in JavaScript: the same as in the engine, by the shared cases."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "deploy" / "clients" / "js" / "groups.js"
CASES = ROOT / "tests" / "unit" / "segments" / "evaluation" / "groups.json"
SCRIPT = """
import { readFileSync } from "node:fs";
const { bucketStep, groupOf } = await import(process.argv[1]);
const { cases } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const found = [];
for (const { salt, user, from, groups } of cases) {
  const shares = groups.map(([name, steps]) => [name, steps / 100]);
  found.push([await bucketStep(salt, user), await groupOf(user, { salt, groups: shares, from: from / 100 })]);
}
console.log(JSON.stringify(found));
"""


def test_the_group_of_each_shared_case_is_the_same_in_javascript() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on the path")
    command = [node, "--input-type=module", "-e", SCRIPT, CLIENT.as_uri(), str(CASES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    cases = json.loads(CASES.read_text(encoding="utf-8"))["cases"]
    assert json.loads(done.stdout) == [[case["step"], case["group"]] for case in cases]
