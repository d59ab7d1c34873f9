"""The hooks for React and Vue in node, with stand-ins for the few functions that they call, and rendered by both.

test_hooks.py has them in a browser.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.service.node_packages import node_modules

CLIENT = Path(__file__).parents[2] / "deploy" / "clients" / "js"
REACT = """
// A component that is drawn whenever what it reads is another value, as React compares them.
export const drawn = [];
export function useSyncExternalStore(subscribe, read, readOnServer) {
  if (globalThis.isServer) return readOnServer();
  let last = read();
  const end = subscribe(() => {
    const now = read();
    if (!Object.is(last, now)) drawn.push(last = now);
  });
  globalThis.unmount = end;
  return last;
}
"""
VUE = """
// Refs that tell nobody: what they hold is asked for.
const ending = [];
globalThis.unmount = () => ending.splice(0).forEach((end) => end());
export const onScopeDispose = (end) => { ending.push(end); };
export const shallowRef = (value) => ({ value });
export const computed = (get) => ({ get value() { return get(); } });
export const toValue = (given) => typeof given === "function" ? given() : given?.value ?? given;
"""
BEGIN = """
globalThis.window = globalThis;
globalThis.sources = [];
globalThis.EventSource = class {
  constructor(url) { this.url = url; this.heard = {}; this.readyState = 1; sources.push(this); }
  addEventListener(name, listener) { this.heard[name] = listener; }
  close() { this.readyState = 2; }
  tell(name, said) { this.heard[name]({ data: JSON.stringify(said), lastEventId: "1" }); }
};
const { segmentStore } = await import("./shoal.js");
const store = segmentStore({ url: "https://events.shop.example/", token: "TOKEN" });
const turn = () => new Promise((done) => setTimeout(done));
const entered = (segment, value) => ({ change: "entered", segment, at: "2026-01-05T10:30:00.000Z", times: 1,
  version: "v", attach: { value } });
const known = (...names) => ({ segments: names.map((segment) => ({ segment, attach: { value: 1 } })) });
const say = (value) => console.log(JSON.stringify(value));
"""
IN_REACT = """
const { useSegment, useSegments } = await import("./react.js");
const { drawn } = await import("react");
globalThis.isServer = true;
say([useSegments(store), useSegment(store, "cart") === undefined, sources.length]);
globalThis.isServer = false;
const before = useSegment(store, "cart");
await turn();
const [source] = sources;
source.tell("segments", known("other"));
source.tell("change", entered("other", 2));
source.tell("change", entered("cart", 3));
source.tell("change", { change: "exited", segment: "cart" });
say([before === undefined, drawn.map((each) => each && each.attach.value), useSegments(store).size, sources.length]);
"""
IN_VUE = """
const { useSegment, useSegments } = await import("./vue.js");
const name = { value: "cart" };
const cart = useSegment(store, name), fixed = useSegment(store, "cart"), got = useSegment(store, () => "other");
const all = useSegments(store);
const found = [[cart.value === undefined, all.value]];
await turn();
const [source] = sources;
source.tell("segments", known("other"));
found.push([cart.value, got.value.attach.value]);
source.tell("change", entered("cart", 3));
found.push([cart.value.attach.value, fixed.value.attach.value, all.value.size]);
name.value = "other";
found.push([cart.value.segment, sources.length]);
say(found);
unmount();
await turn();
say([source.readyState, store.get()]);
"""


def run(tmp_path: Path, script: str) -> list[Any]:
    """The lines that a script prints beside the client, as JSON."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on the path")
    site = tmp_path / "site"
    shutil.copytree(CLIENT, site)
    for name, text in (("react", REACT), ("vue", VUE)):
        folder = site / "node_modules" / name
        folder.mkdir(parents=True)
        (folder / "index.js").write_text(text)
        (folder / "package.json").write_text('{"type": "module", "main": "index.js"}')
    (site / "run.js").write_text(BEGIN + script)
    done = subprocess.run([node, "run.js"], cwd=site, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_component_of_react_is_drawn_for_changes_of_its_own_segment_only(tmp_path: Path) -> None:
    on_server, in_page = run(tmp_path, IN_REACT + "unmount(); await turn();")
    assert on_server == [None, True, 0]  # no stream is opened where a page is rendered
    assert in_page == [True, [None, 3, None], 1, 1]


def test_a_component_of_vue_follows_the_segment_that_its_name_says_and_ends_the_stream(tmp_path: Path) -> None:
    found, ended = run(tmp_path, IN_VUE)
    assert found == [[True, None], [None, 1], [3, 3, 2], ["other", 1]]
    assert ended == [2, None]


ON_SERVER = """
globalThis.EventSource = class { constructor() { throw new Error("a stream on the server"); } };
const asked = [];
const { segmentStore } = await import("./shoal.js");
const token = () => { asked.push("token"); return "TOKEN"; };
const url = "https://events.shop.example";
const initial = [{ segment: "cart", since: "2026-01-05T10:30:00.000Z", attach: { value: 3 }, times: 1, version: "v" }];
const stores = [segmentStore({ url, token }), segmentStore({ url, token, initial })];
const turn = () => new Promise((done) => setTimeout(done));
const text = (cart, all) =>
  `${cart === undefined ? "unknown" : cart?.attach.value ?? "nothing"} of ${all === null ? "unknown" : all.size}`;
"""
BY_REACT = """
const { createElement } = (await import("react")).default;
const { renderToString } = (await import("react-dom/server")).default;
const { useSegment, useSegments } = await import("./react.js");
const found = stores.map((store) =>
  renderToString(createElement(() => text(useSegment(store, "cart"), useSegments(store)))));
await turn();
console.log(JSON.stringify([found, asked]));
"""
BY_VUE = """
const { createSSRApp, h } = await import("vue");
const { renderToString } = await import("vue/server-renderer");
const { useSegment, useSegments } = await import("./vue.js");
const found = [];
for (const store of stores) {
  const setup = () => {
    const cart = useSegment(store, "cart"), all = useSegments(store);
    return () => h("p", text(cart.value, all.value));
  };
  found.push((await renderToString(createSSRApp({ setup }))).replace(/<.*?>/g, ""));
}
await turn();
console.log(JSON.stringify([found, asked]));
"""


@pytest.mark.parametrize("script", [BY_REACT, BY_VUE], ids=["React", "Vue"])
def test_a_server_renders_what_it_knows_and_opens_no_stream(tmp_path: Path, script: str) -> None:
    site = tmp_path / "site"
    shutil.copytree(CLIENT, site)
    (site / "node_modules").symlink_to(node_modules())
    (site / "run.js").write_text(ON_SERVER + script)
    node = shutil.which("node")
    assert node is not None  # or there were no packages
    done = subprocess.run([node, "run.js"], cwd=site, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [["unknown of unknown", "3 of 1"], []]
