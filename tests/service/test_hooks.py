"""The hooks for React and Vue in a real browser: components share one stream and follow the visitor's segments."""

import json
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.settings import Settings
from tests.service.browser import Browser, folder_served
from tests.service.node_packages import node_modules
from tests.service.projection import Projection
from tests.service.running import BEARER, Running
from tests.service.test_live import Writer, writing

CLIENT = Path(__file__).parents[2] / "deploy" / "clients" / "js"
LIBRARIES = (
    "react/umd/react.development.js",
    "react-dom/umd/react-dom.development.js",
    "vue/dist/vue.esm-browser.prod.js",
)
REACT = """
<script src="react.development.js"></script><script src="react-dom.development.js"></script>
<script type="importmap">{"imports": {"react": "./react-module.js"}}</script>
<script type="module">
  import { useSegment, useSegments } from "./react.js";
  import { store } from "./store.js";
  const { createElement: make, StrictMode, useState } = React;
  const Cart = () => make("p", {}, useSegments(store)?.get("cart-abandoned")?.attach.value ?? "nothing");
  window.drawn = 0;
  const Only = () => {
    const cart = useSegment(store, "cart-abandoned");
    window.drawn += 1;
    return make("b", {}, cart === undefined ? "unknown" : cart?.attach.value ?? "nothing");
  };
  function App() {
    const [shown, show] = useState(true);
    window.show = show;
    return shown ? make("div", {}, make(Cart), make(Cart), make(Only)) : null;
  }
  ReactDOM.createRoot(document.getElementById("app")).render(make(StrictMode, {}, make(App)));
</script>
"""
VUE = """
<script type="importmap">{"imports": {"vue": "./vue.esm-browser.prod.js"}}</script>
<script type="module">
  import { createApp, h, ref } from "vue";
  import { useSegment, useSegments } from "./vue.js";
  import { store } from "./store.js";
  const shown = ref(true);
  window.show = (value) => { shown.value = value; };
  const Cart = { setup() {
    const segments = useSegments(store);
    return () => h("p", segments.value?.get("cart-abandoned")?.attach.value ?? "nothing");
  } };
  window.drawn = 0;
  const Only = { setup() {
    const cart = useSegment(store, () => "cart-abandoned");
    return () => {
      window.drawn += 1;
      return h("b", cart.value === undefined ? "unknown" : cart.value?.attach.value ?? "nothing");
    };
  } };
  createApp({ setup: () => () => (shown.value ? h("div", [h(Cart), h(Cart), h(Only)]) : null) }).mount("#app");
</script>
"""
CAPTURE = """
<script>
  window.errors = [];
  for (const kind of ["error", "warn"]) console[kind] = (...said) => { window.errors.push(said.join(" ")); };
  window.before = document.querySelector("p");
</script>
"""
HYDRATED_REACT = """
<script src="react.development.js"></script><script src="react-dom.development.js"></script>
<script type="importmap">{"imports": {"react": "./react-module.js"}}</script>
<script type="module">
  import { useSegment } from "./react.js";
  import { store } from "./store.js";
  const Cart = () => React.createElement("p", {}, useSegment(store, "cart-abandoned")?.attach.value ?? "nothing");
  const onRecoverableError = (error) => { window.errors.push(String(error)); };
  ReactDOM.hydrateRoot(document.getElementById("app"), React.createElement(Cart), { onRecoverableError });
</script>
"""
HYDRATED_VUE = """
<script type="importmap">{"imports": {"vue": "./vue.esm-browser.prod.js"}}</script>
<script type="module">
  import { createSSRApp, h } from "vue";
  import { useSegment } from "./vue.js";
  import { store } from "./store.js";
  createSSRApp({ setup() {
    const cart = useSegment(store, "cart-abandoned");
    return () => h("p", cart.value?.attach.value ?? "nothing");
  } }).mount("#app");
</script>
"""
STORE = """
import { segmentStore } from "./shoal.js";
window.streams = [];
const Source = window.EventSource;
window.EventSource = class extends Source {
  constructor(url) { super(url); window.streams.push(this); }
};
export const store = segmentStore({ url: "URL", token: "TOKEN", initial: INITIAL });
window.store = store;
"""
ONLY = "document.querySelector('b').textContent"
SHOWN = "[...document.querySelectorAll('p')].map((each) => each.textContent).join()"
OPEN = "window.streams.filter((each) => each.readyState !== 2).length"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder with the client and the libraries, and its address."""
    folder = tmp_path / "site"
    shutil.copytree(CLIENT, folder)
    for library in LIBRARIES:
        shutil.copy(node_modules() / library, folder)
    (folder / "react-module.js").write_text("export const { useSyncExternalStore } = window.React;")
    for name, text in (("with-react", REACT), ("with-vue", VUE)):
        (folder / f"{name}.html").write_text(f"<!doctype html><title>{name}</title><div id=app></div>{text}")
    for name, text in (("hydrated-react", HYDRATED_REACT), ("hydrated-vue", HYDRATED_VUE)):
        page = f"<!doctype html><title>{name}</title><div id=app><p>79.5</p></div>{CAPTURE}{text}"
        (folder / f"{name}.html").write_text(page)
    with folder_served(folder) as url:
        yield folder, url


@pytest.fixture
async def writer(settings: Settings) -> AsyncIterator[Writer]:
    async with writing(settings) as made:
        yield made


@pytest.mark.parametrize("name", ["with-react", "with-vue"])
async def test_components_follow_the_segments_over_one_stream(
    service: Running, writer: Writer, page: Browser, site: tuple[Path, str], name: str
) -> None:
    user = f"visitor-{name}"
    projection = Projection(service.settings)
    await projection.begin()
    made = await service.http.post("/v1/tokens", json={"user": user}, headers=BEARER)
    folder, url = site
    (folder / "store.js").write_text(
        STORE.replace("URL", service.url).replace("TOKEN", made.json()["token"]).replace("INITIAL", "null")
    )
    await page.open(f"{url}/{name}.html")
    await page.until(f"window.store?.get() !== null && {SHOWN} === 'nothing,nothing'")
    await page.until(f"{ONLY} === 'nothing'")
    await writer.change(user, "cart-abandoned", attach={"value": 79.5})
    await page.until(f"{SHOWN} === '79.5,79.5' && {ONLY} === '79.5'")
    drawn = await page.evaluate("window.drawn")
    await writer.change(user, "buyers")
    await page.until("store.get().has('buyers')")
    assert await page.evaluate("new Promise((done) => setTimeout(() => done(window.drawn)))") == drawn
    await writer.change(user, "cart-abandoned", "updated", attach={"value": 20})
    await page.until(f"{SHOWN} === '20,20'")
    assert await page.evaluate("window.streams.length") == 1
    await page.evaluate("window.show(false)")
    await page.until(f"{OPEN} === 0 && store.get() === null")
    await page.evaluate("window.show(true)")
    await page.until(f"{OPEN} === 1")
    await projection.redis.aclose()


@pytest.mark.parametrize("name", ["hydrated-react", "hydrated-vue"])
async def test_a_page_goes_on_from_what_its_server_has_rendered(
    service: Running, writer: Writer, page: Browser, site: tuple[Path, str], name: str
) -> None:
    user = f"visitor-{name}"
    projection = Projection(service.settings)
    await projection.begin()
    await projection.enter(user, "cart-abandoned", "2026-01-05T10:30:00.000Z", value=79.5)
    known = (await service.http.get(f"/v1/users/{user}/segments", headers=BEARER)).json()["segments"]
    made = await service.http.post("/v1/tokens", json={"user": user}, headers=BEARER)
    folder, url = site
    store = STORE.replace("URL", service.url).replace("TOKEN", made.json()["token"])
    (folder / "store.js").write_text(store.replace("INITIAL", json.dumps(known)))
    await page.open(f"{url}/{name}.html")
    await page.until(f"window.store && {OPEN} === 1")
    assert await page.evaluate(SHOWN) == "79.5"
    await writer.change(user, "cart-abandoned", "exited")
    await page.until(f"{SHOWN} === 'nothing'")
    assert await page.evaluate("document.querySelector('p') === window.before")  # the element of the server
    assert await page.evaluate("window.errors.join()") == ""
    await projection.redis.aclose()
