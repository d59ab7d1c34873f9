// What a page does with Shoal: follow the visitor's segments, show what belongs to them, send events.
// No dependencies; runs in every browser that has EventSource and modules. Types are in shoal.d.ts.

const RETRY_MS = [1000, 2000, 5000, 10000, 30000];

/**
 * Follows the segments of one visitor. `token` is a visitor's token, or a function that gives one (it is asked again
 * whenever the old one may be over). `onSegments` is called with all of them at first and after each change.
 */
export class SegmentFollower {
  constructor({ url, token, onSegments = () => {}, onChange = () => {}, onError = () => {} }) {
    this.url = url.replace(/\/+$/, "");
    this.token = typeof token === "function" ? token : () => token;
    this.onSegments = onSegments;
    this.onChange = onChange;
    this.onError = onError;
    this.segments = new Map();
    this.lastId = null;
    this.failures = 0;
    this.closed = false;
    this.source = null;
    this.timer = null;
    this.open();
  }

  /** Ends following. */
  close() {
    this.closed = true;
    clearTimeout(this.timer);
    if (this.source !== null) this.source.close();
  }

  async open() {
    try {
      const query = new URLSearchParams({ token: await this.token() });
      if (this.lastId !== null) query.set("lastEventId", this.lastId);
      if (this.closed) return;
      const source = new EventSource(`${this.url}/v1/changes?${query}`);
      this.source = source;
      source.addEventListener("open", () => { this.failures = 0; });
      source.addEventListener("segments", (event) => this.take(event, (said) => this.whole(said)));
      source.addEventListener("change", (event) => this.take(event, (said) => this.changed(said)));
      source.addEventListener("reset", (event) => this.take(event, () => this.ask()));
      // A browser comes back by itself, unless the service refused: then it is ours to try again.
      source.addEventListener("error", () => {
        if (source.readyState === EventSource.CLOSED) this.again(new Error("the stream was refused"));
      });
    } catch (error) {
      this.again(error);
    }
  }

  again(error) {
    if (this.closed) return;
    this.onError(error);
    const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
    this.failures += 1;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), wait * (0.75 + Math.random() / 2));
  }

  take(event, use) {
    if (this.closed) return;
    if (event.lastEventId) this.lastId = event.lastEventId;
    use(JSON.parse(event.data));
  }

  whole(said) {
    this.segments = bySegment(said.segments);
    this.onSegments(this.segments, null);
  }

  changed(change) {
    const value = change.value ?? null;
    if (change.change === "exited") {
      leave(this.segments, change.segment, value);
    } else {
      const known = this.segments.get(change.segment);
      const before = value === null ? known : known?.values?.get(value);
      enter(this.segments, {
        segment: change.segment,
        ...(value !== null && { value }),
        since: change.change === "updated" && before ? before.since : change.at,
        valid_until: change.valid_until ?? null,
        attach: change.attach ?? {},
        times: change.times,
        version: change.version,
        group: change.group ?? null,
        ...(change.experiments && {
          experiments: change.experiments.map(({ experiment, group }) => ({ experiment, group })),
        }),
      });
    }
    this.onChange(change);
    this.onSegments(this.segments, change);
  }

  /** Something was missed: what is the case now is asked for. */
  async ask() {
    try {
      const token = await this.token();
      const user = userOf(token);
      const path = `/v1/users/${encodeURIComponent(user)}/segments`;
      const answer = await fetch(`${this.url}${path}`, { headers: { Authorization: `Bearer ${token}` } });
      if (!answer.ok) throw new Error(`${answer.status}: ${(await answer.json()).message}`);
      this.whole(await answer.json());
    } catch (error) {
      this.onError(error);
    }
  }
}

/** Memberships by segment; those of a segment by value are in `values`, by value, and the latest of them is told. */
function bySegment(memberships) {
  const segments = new Map();
  for (const each of memberships) enter(segments, each);
  return segments;
}

function enter(segments, membership) {
  const { segment, value } = membership;
  if (value === undefined) {
    segments.set(segment, membership);
    return;
  }
  const values = new Map(segments.get(segment)?.values);
  values.delete(value);
  segments.set(segment, { ...membership, values: values.set(value, membership) });
}

function leave(segments, segment, value) {
  const values = new Map(segments.get(segment)?.values);
  values.delete(value);
  if (value === null || values.size === 0) segments.delete(segment);
  else segments.set(segment, { ...[...values.values()].at(-1), values });
}

/**
 * The segments of one visitor for several parts of a page, such as the hooks of react.js and vue.js: one stream for all,
 * open as long as somebody listens. `get()` is null until the segments are known, then a new Map after each change.
 * `initial`: what the server has rendered the page with, `segments` of GET /v1/users/USER/segments; known from the start.
 */
export function segmentStore({ initial = null, ...options }) {
  const listeners = new Set();
  const first = initial === null ? null : bySegment(initial);
  let segments = first;
  let follower = null;
  const onSegments = (known, change) => {
    segments = new Map(known);
    options.onSegments?.(segments, change);
    for (const listener of [...listeners]) listener();
  };
  // Not at once: frameworks take a part out and put it in again.
  const endLater = () => setTimeout(() => {
    if (listeners.size > 0 || follower === null) return;
    follower.close();
    follower = segments = null;
  });
  return {
    get: () => segments,
    initial: () => first,
    subscribe(listener) {
      const own = () => listener(); // the same function twice is two listeners
      listeners.add(own);
      follower ??= new SegmentFollower({ ...options, onSegments });
      return () => {
        if (listeners.delete(own)) endLater();
      };
    },
  };
}

/** The user, or the anonymousId, that a visitor's token is for. */
export function userOf(token) {
  const packed = token.replace(/^shoal_user_/, "").split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes)).sub;
}

/**
 * Shows and hides content blocks: `data-shoal-in="cart-abandoned"` is seen by who is in that segment,
 * `data-shoal-not-in="..."` by who is not; several names are separated by spaces, one of them is enough.
 * `data-shoal-value="cart-abandoned.value"` becomes the attached value. Give it to `onSegments`.
 */
export function showBlocks(segments, root = document) {
  const names = (text) => text.split(/\s+/).filter(Boolean);
  for (const block of root.querySelectorAll("[data-shoal-in]")) {
    block.hidden = !names(block.dataset.shoalIn).some((name) => segments.has(name));
  }
  for (const block of root.querySelectorAll("[data-shoal-not-in]")) {
    block.hidden = names(block.dataset.shoalNotIn).some((name) => segments.has(name));
  }
  for (const place of root.querySelectorAll("[data-shoal-value]")) {
    const [segment, name] = place.dataset.shoalValue.split(".");
    const value = segments.get(segment)?.attach?.[name];
    place.textContent = value === undefined || value === null ? "" : String(value);
  }
}

/**
 * Sends events without another library: `track("Product Added", {product_id: "A1"})`, `page("Home")`, `identify`.
 * `consent` gives what the visitor agrees to, such as `() => shoalConsent.answer()` with consent.js: events wait for the
 * first answer, each carries the answers, and none is sent without a yes to `needs`.
 */
export function makeSender({ url, writeKey, anonymousId = null, userId = null, consent = null, needs = null }) {
  const address = url.replace(/\/+$/, "");
  let user = userId;
  if (consent === null) anonymousId ??= visitorId();
  const send = async (type, said) => {
    const now = new Date().toISOString();
    const page = { path: location.pathname, title: document.title, url: location.href };
    const sender = user;
    const answers = consent === null ? null : await consent();
    if (needs !== null && answers?.[needs] !== true) return;
    const event = {
      ...said,
      anonymousId: (anonymousId ??= visitorId()),
      ...(sender === null ? {} : { userId: sender }),
      messageId: crypto.randomUUID ? crypto.randomUUID() : `${now}-${Math.random()}`,
      timestamp: now,
      sentAt: new Date().toISOString(),
      context: { page, ...(answers === null ? {} : { consent: { categoryPreferences: answers } }) },
      writeKey,
    };
    // text/plain needs no preflight; keepalive lets it finish when the page goes.
    const answer = await fetch(`${address}/v1/${type}`, { method: "POST", body: JSON.stringify(event), keepalive: true });
    if (!answer.ok) throw new Error(`${answer.status}: ${(await answer.json()).message}`);
  };
  return {
    track: (event, properties = {}) => send("track", { event, properties }),
    page: (name, properties = {}) => send("page", { name, properties: { path: location.pathname, ...properties } }),
    identify: (id, traits = {}) => {
      user = id;
      return send("identify", { traits });
    },
  };
}

/** A visitor's own random id, kept in this browser. */
export function visitorId() {
  const name = "shoal_visitor";
  try {
    let id = localStorage.getItem(name);
    if (!id) {
      id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
      localStorage.setItem(name, id);
    }
    return id;
  } catch {
    return `visitor-${Math.random().toString(36).slice(2)}`;
  }
}
