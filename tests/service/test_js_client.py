"""The JavaScript client for pages, in node."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from app.service.access.visitor_tokens import Tokens

CLIENT = Path(__file__).parents[2] / "deploy" / "clients" / "js" / "shoal.js"


@pytest.mark.parametrize("user", ["u-42", "ann@shop.example", 'a "b" ü 漢', "x" * 200])
def test_the_client_reads_whose_a_token_is(user: str) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on the path")
    token = Tokens({"main": "a secret for tests only"}).make(user, until_s=2_000_000_000)
    script = f"import({json.dumps(CLIENT.as_uri())}).then((client) => console.log(client.userOf({json.dumps(token)})))"
    done = subprocess.run([node, "-e", script], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, f"{user}\n"), done.stderr


def test_the_client_keeps_the_groups_that_a_change_tells() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on the path")
    script = f"""
import({json.dumps(CLIENT.as_uri())}).then(({{ SegmentFollower }}) => {{
  const follower = {{ segments: new Map(), onChange() {{}}, onSegments() {{}} }};
  const take = (change) => SegmentFollower.prototype.changed.call(follower, {{ change: "entered", ...change }});
  take({{ segment: "plain", at: "t", times: 1, version: "v" }});
  const experiments = [{{ experiment: "e", group: "mail", exposed_at: "t", crossed: true }}];
  take({{ segment: "mailed", at: "t", times: 1, version: "v", group: "mail", experiments }});
  const told = [...follower.segments.values()].map((each) => [each.group, each.experiments ?? null]);
  console.log(JSON.stringify(told));
}});
"""
    done = subprocess.run([node, "-e", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[None, None], ["mail", [{"experiment": "e", "group": "mail"}]]]


def test_the_client_keeps_the_values_of_a_segment_by_value() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on the path")
    script = f"""
import({json.dumps(CLIENT.as_uri())}).then(({{ SegmentFollower }}) => {{
  const follower = {{ segments: new Map(), onChange() {{}}, onSegments() {{}} }};
  const told = [];
  const take = (change) => {{
    SegmentFollower.prototype.changed.call(follower, {{ segment: "s", at: "t", times: 1, version: "v", ...change }});
    const found = follower.segments.get("s");
    told.push(found === undefined ? null : [found.value, ...found.values.keys()]);
  }};
  SegmentFollower.prototype.whole.call(follower, {{ segments: [{{ segment: "s", value: "a", since: "t" }}] }});
  take({{ change: "entered", value: 5 }});
  take({{ change: "entered", value: "5" }});
  take({{ change: "exited", value: 5 }});
  take({{ change: "exited", value: "5" }});
  take({{ change: "exited", value: "a" }});
  console.log(JSON.stringify(told));
}});
"""
    done = subprocess.run([node, "-e", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[5, "a", 5], ["5", "a", 5, "5"], ["5", "a", "5"], ["a", "a"], None]
