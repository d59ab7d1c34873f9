// Asks visitors what they agree to, or takes the answer from OneTrust or Cookiebot, and tells Shoal. A plain script:
//   <script src="consent.js" data-purposes='{"analytics": "Count visits", "marketing": "Show offers that fit"}'
//     data-policy="/privacy" data-url="https://events.shop.example" data-write-key="shoal_write_..."></script>
// `data-from` is banner (the usual), onetrust or cookiebot. The names in `data-purposes` are the categories of
// consent.yaml. `shoalConsent.open()` shows the banner again: put it behind a link "Privacy settings".
// `shoalConsent.texts`, set before this script, replaces texts, for example in another language.
(function (window, document) {
  "use strict";
  const script = document.currentScript;
  const given = script.dataset;
  const purposes = JSON.parse(given.purposes || "{}");
  const name = "shoal_consent";
  const texts = Object.assign(
    {
      title: "May we use what you do here?",
      text: "Choose what you agree to. You can change it at any time.",
      policy: "Privacy policy",
      all: "Accept all",
      none: "Reject all",
      save: "Save my choice",
    },
    (window.shoalConsent || {}).texts,
  );
  let answers = stored();
  let arrived;
  const first = new Promise((done) => { arrived = done; });
  let banner = null;
  let opener = null;

  function stored() {
    try {
      const kept = JSON.parse(window.localStorage.getItem(name));
      // An answer to other questions is none.
      return kept && Object.keys(purposes).every((each) => typeof kept[each] === "boolean") ? kept : null;
    } catch (error) {
      return null;
    }
  }

  function set(said) {
    const before = answers;
    answers = {};
    for (const each of Object.keys(purposes)) answers[each] = said[each] === true;
    try { window.localStorage.setItem(name, JSON.stringify(answers)); } catch (error) { /* asked again next time */ }
    arrived(answers);
    if (JSON.stringify(before) === JSON.stringify(answers)) return;
    tell();
    window.dispatchEvent(new CustomEvent("shoal:consent", { detail: answers }));
  }

  function visitor() {
    // Somebody who agrees to nothing gets no id: then there is nobody whose answer would have to change.
    try {
      let id = window.localStorage.getItem("shoal_visitor");
      if (!id && Object.values(answers).some(Boolean)) {
        const bytes = window.crypto.getRandomValues(new Uint8Array(16));
        id = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
        window.localStorage.setItem("shoal_visitor", id);
      }
      return id;
    } catch (error) {
      return null;
    }
  }

  function tell() {
    const id = visitor();
    const user = given.userId || null;
    if (!given.url || !(id || user)) return;
    const now = new Date().toISOString();
    const event = {
      event: "Segment Consent Preference Updated",
      ...(id ? { anonymousId: id } : {}),
      ...(user ? { userId: user } : {}),
      messageId: "consent-" + now + "-" + (id || user),
      timestamp: now,
      sentAt: now,
      context: { consent: { categoryPreferences: answers } },
      writeKey: given.writeKey,
    };
    const url = given.url.replace(/\/+$/, "") + "/v1/track";
    window.fetch(url, { method: "POST", body: JSON.stringify(event), keepalive: true }).catch(function () {});
    if (!Object.values(answers).some(Boolean)) window.localStorage.removeItem("shoal_visitor");
  }

  // ---- the banner

  function element(tag, attributes, ...below) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...below);
    return made;
  }

  function open() {
    opener = document.activeElement;
    if (!banner) {
      banner = build();
      document.body.prepend(banner); // the first stop of the keyboard, and of a screen reader
      style();
    }
    for (const box of banner.querySelectorAll("input")) box.checked = Boolean(answers && answers[box.name]);
    banner.hidden = false;
    if (answers) banner.querySelector("h2").focus(); // somebody asked for it; at first it takes the focus from nobody
  }

  function close(said) {
    banner.hidden = true;
    set(said);
    if (opener && opener !== document.body && document.contains(opener)) opener.focus();
  }

  function build() {
    const every = (value) => Object.fromEntries(Object.keys(purposes).map((each) => [each, value]));
    const button = (text, said) => {
      const made = element("button", { type: "button" }, text);
      made.addEventListener("click", () => close(said()));
      return made;
    };
    const boxes = Object.entries(purposes).map(([each, label]) =>
      element("label", {}, element("input", { type: "checkbox", name: each }), " " + label));
    const chosen = () => Object.fromEntries(
      Array.from(banner.querySelectorAll("input"), (box) => [box.name, box.checked]));
    const about = element("p", { id: "shoal-consent-text" }, texts.text + " ");
    if (given.policy) about.append(element("a", { href: given.policy }, texts.policy));
    return element(
      "section",
      { id: "shoal-consent", "aria-labelledby": "shoal-consent-title", "aria-describedby": "shoal-consent-text" },
      element("h2", { id: "shoal-consent-title", tabindex: "-1" }, texts.title),
      about,
      element("fieldset", { "aria-labelledby": "shoal-consent-title" }, ...boxes),
      element("div", { class: "choices" },
        button(texts.all, () => every(true)), button(texts.none, () => every(false)), button(texts.save, chosen)),
    );
  }

  function style() {
    // Not as an element: a policy of the page (CSP) may forbid those.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`
      #shoal-consent { position: fixed; inset: auto 0 0 0; z-index: 2147483000; box-sizing: border-box; max-height: 90vh;
        overflow: auto; padding: 1rem 1.5rem; font: 16px/1.5 system-ui, sans-serif; color: #1d2733; background: #fff;
        border-top: 3px solid #1f5f40; box-shadow: 0 -4px 24px rgb(0 0 0 / .2); }
      #shoal-consent[hidden] { display: none; }
      #shoal-consent h2 { font-size: 1.15rem; margin: 0 0 .3rem; }
      #shoal-consent fieldset { border: 0; margin: .5rem 0; padding: 0; }
      #shoal-consent label { display: block; min-height: 44px; line-height: 44px; }
      #shoal-consent input { width: 1.2rem; height: 1.2rem; vertical-align: middle; }
      #shoal-consent a { color: #1f5f40; }
      #shoal-consent .choices { display: flex; flex-wrap: wrap; gap: .6rem; }
      #shoal-consent button { font: inherit; min-height: 44px; padding: 0 1.2rem; border-radius: 8px; color: #fff;
        background: #1f5f40; border: 2px solid #1f5f40; }
      #shoal-consent :focus-visible { outline: 3px solid #b45309; outline-offset: 2px; }`);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  }

  // ---- where answers come from

  function fromOneTrust() {
    const isAnswered = () => {
      const tool = window.OneTrust;
      if (!tool || !tool.IsAlertBoxClosed) return false; // it has not started: there may be an object with its settings
      if (tool.IsAlertBoxClosed()) return true;
      // Where the law asks for no notice, the site shows none, and the groups are those that it may use there.
      return Boolean(tool.GetDomainData) && tool.GetDomainData().ShowAlertNotice === false;
    };
    const take = () => {
      if (!isAnswered()) return; // the groups of somebody who has not answered
      const active = String(window.OnetrustActiveGroups || "").split(",");
      set(Object.fromEntries(Object.keys(purposes).map((each) => [each, active.includes(each)])));
    };
    // The callback is called when the tool has started; the events come after each choice, the second one when the
    // choice is recorded. What is the same is told once.
    const before = window.OptanonWrapper;
    window.OptanonWrapper = function () {
      if (typeof before === "function") before.apply(this, arguments);
      take();
    };
    for (const each of ["OneTrustGroupsUpdated", "OTConsentApplied"]) window.addEventListener(each, take);
    if (window.OnetrustActiveGroups) take();
  }

  function fromCookiebot() {
    const take = () => {
      const tool = window.Cookiebot;
      if (tool && tool.hasResponse) {
        set(Object.fromEntries(Object.keys(purposes).map((each) => [each, tool.consent[each] === true])));
      }
    };
    for (const each of ["CookiebotOnConsentReady", "CookiebotOnAccept", "CookiebotOnDecline"]) {
      window.addEventListener(each, take);
    }
    take();
  }

  window.shoalConsent = {
    texts,
    /** The answers, or null before there is one. */
    answers: () => answers,
    /** A promise of the answers, which waits for the first one. */
    answer: () => (answers ? Promise.resolve(answers) : first),
    set,
    open,
  };
  if (answers) arrived(answers);
  if (given.from === "onetrust") fromOneTrust();
  else if (given.from === "cookiebot") fromCookiebot();
  else if (!answers) {
    if (document.body) open();
    else document.addEventListener("DOMContentLoaded", open);
  }
})(window, document);
