// Sends what a tag manager's dataLayer holds to Shoal: GA4 events, by dataLayer.push({event, ecommerce}) or by gtag().
// Paste it behind the tag manager, with your address and write key:
//   <script src="datalayer.js" data-url="https://events.shop.example" data-write-key="shoal_write_..."></script>
(function (window, document) {
  "use strict";
  const script = document.currentScript;
  const address = script.dataset.url.replace(/\/+$/, "");
  const key = script.dataset.writeKey;
  const layer = (window.dataLayer = window.dataLayer || []);
  const skipped = /^(gtm\.|optimize\.)/;
  let user = script.dataset.userId || null;

  function client() {
    // The id of Google Analytics, where there is one; else one of our own.
    const found = /(?:^|;\s*)_ga=GA\d\.\d\.([\d.]+)/.exec(document.cookie);
    if (found) return found[1];
    try {
      let id = window.localStorage.getItem("shoal_visitor");
      if (!id) {
        id = Math.random().toString(36).slice(2) + Date.now().toString(36);
        window.localStorage.setItem("shoal_visitor", id);
      }
      return id;
    } catch (error) {
      return "none-" + Math.random().toString(36).slice(2);
    }
  }

  function send(name, params) {
    const said = { page_location: window.location.href, page_title: document.title, ...params };
    const body = { client_id: client(), timestamp_micros: Date.now() * 1000, events: [{ name, params: said }] };
    if (user) body.user_id = user;
    const url = address + "/mp/collect?api_secret=" + encodeURIComponent(key);
    window.fetch(url, { method: "POST", body: JSON.stringify(body), keepalive: true }).catch(function () {});
  }

  function plain(value) {
    // What JSON cannot say (elements, functions, circles) is left out.
    const kept = {};
    for (const [name, each] of Object.entries(value || {})) {
      if (each === null || ["string", "number", "boolean"].includes(typeof each)) kept[name] = each;
    }
    return kept;
  }

  function take(entry) {
    if (!entry || typeof entry !== "object") return;
    if (Object.prototype.toString.call(entry) === "[object Arguments]") {
      const [command, name, params] = entry;
      if (command === "event") send(String(name), Object.assign(plain(params), items(params)));
      if ((command === "set" || command === "config") && params && params.user_id) user = String(params.user_id);
      return;
    }
    if (entry.user_id) user = String(entry.user_id);
    if (typeof entry.event !== "string" || skipped.test(entry.event)) return;
    const { event, ecommerce, ...rest } = entry;
    send(event, Object.assign(plain(rest), plain(ecommerce), items(ecommerce)));
  }

  function items(value) {
    return value && Array.isArray(value.items) ? { items: value.items.map(plain) } : {};
  }

  layer.slice().forEach(take);
  const push = layer.push;
  layer.push = function () {
    Array.prototype.forEach.call(arguments, take);
    return push.apply(layer, arguments);
  };
})(window, document);
