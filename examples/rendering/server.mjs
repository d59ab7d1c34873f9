// A server that renders a page by the segments of its visitor, with nothing but Node 20.
//
// A page never waits longer than 50 ms for Shoal: without an answer it is the page for everybody. Answers are kept, for at
// most 10,000 visitors and a minute each, and changed by the live stream of changes while that is open.
//
//     SHOP_SEGMENTS_URL=http://127.0.0.1:8080 SHOP_READ_KEY=... node server.mjs
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

// The segments that the page depends on: as few as possible, as each set of them is a page of its own.
const SHOWN = ["cart-abandoned", "hot-leads"];
const LIMIT_MS = 50;
const KEPT_MS = 60_000;
const ASKING_MAX = 64;
const RETRY_MS = 1_000;
const SILENCE_MS = 60_000; // longer than SHOAL_STREAM_HEARTBEAT: a stream that says nothing for so long is broken

/** The segments of visitors. */
export class Segments {
  constructor(url, readKey, { usersMax = 10_000 } = {}) {
    this.url = url.replace(/\/+$/, "");
    this.headers = { Authorization: `Bearer ${readKey}` };
    this.usersMax = usersMax;
    this.asking = 0;
    this.stream = 0; // counts streams; 0 while none is open: then nothing is kept
    this.streams = 0;
    this.kept = new Map(); // user -> { until, segments }, the oldest first
    this.changedLately = new Map(); // user -> { at, segments: Map of segment -> in or not }
  }

  /** The segments of a visitor, and how they are known: kept, asked or default. */
  async of(user) {
    const known = this.kept.get(user);
    if (known && known.until > Date.now()) return [known.segments, "kept"];
    if (this.asking === ASKING_MAX) return [new Set(), "default"]; // Shoal is slow: nobody queues for it
    const nobody = [new Set(), "default"];
    let timer;
    const late = new Promise((done) => { timer = setTimeout(() => done(nobody), LIMIT_MS); });
    const asked = this.ask(user).then((segments) => [segments, "asked"], () => nobody);
    return Promise.race([asked, late]).finally(() => clearTimeout(timer)); // what comes later is kept for the next page
  }

  async ask(user) {
    this.asking += 1;
    try {
      const stream = this.stream;
      const path = `${this.url}/v1/users/${encodeURIComponent(user)}/segments`;
      const answer = await fetch(path, { headers: this.headers, signal: AbortSignal.timeout(2_000) });
      if (!answer.ok) throw new Error(`${answer.status}`);
      const said = await answer.json();
      const found = new Set(said.segments.map((each) => each.segment).filter((each) => SHOWN.includes(each)));
      // The stream may be ahead of what was asked.
      for (const [segment, isIn] of this.changedLately.get(user)?.segments ?? []) {
        if (isIn) found.add(segment);
        else found.delete(segment);
      }
      // After a login, changes name the user and not this id: it is asked each time.
      if (stream && stream === this.stream && said.moved_to === undefined) this.keep(user, found);
      return found;
    } finally {
      this.asking -= 1;
    }
  }

  keep(user, segments) {
    this.kept.delete(user);
    this.kept.set(user, { until: Date.now() + KEPT_MS, segments });
    if (this.kept.size > this.usersMax) this.kept.delete(this.kept.keys().next().value);
  }

  /** Applies a change of the stream. */
  take({ user, segment, change, cause }) {
    if (!SHOWN.includes(segment)) return;
    if (["merged", "split"].includes(cause?.kind)) { // the id belongs to somebody else now
      this.kept.delete(user);
      this.changedLately.delete(user);
      return;
    }
    const isIn = change !== "exited";
    const latest = new Map(this.changedLately.get(user)?.segments).set(segment, isIn);
    this.changedLately.delete(user);
    this.changedLately.set(user, { at: Date.now(), segments: latest });
    for (const [oldest, { at }] of this.changedLately) {
      if (this.changedLately.size <= this.usersMax && at >= Date.now() - KEPT_MS) break;
      this.changedLately.delete(oldest);
    }
    const known = this.kept.get(user);
    if (!known) return;
    const segments = new Set(known.segments);
    if (isIn) segments.add(segment);
    else segments.delete(segment);
    this.kept.set(user, { ...known, segments });
  }

  /** Reads the stream of changes for ever. */
  async follow() {
    const query = SHOWN.map((each) => `segment=${encodeURIComponent(each)}`).join("&");
    for (;;) {
      try {
        await this.read(`${this.url}/v1/changes?${query}`);
      } catch (error) {
        console.error(`no stream of changes: ${error.message}`);
      }
      this.stream = 0;
      this.kept.clear();
      await new Promise((done) => setTimeout(done, RETRY_MS));
    }
  }

  async read(address) {
    const ending = new AbortController();
    const silent = () => setTimeout(() => ending.abort(), SILENCE_MS);
    let timer = silent();
    try {
      const answer = await fetch(address, { headers: this.headers, signal: ending.signal });
      if (!answer.ok) throw new Error(`${answer.status}`);
      this.begin();
      let rest = "";
      for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
        clearTimeout(timer);
        timer = silent();
        const blocks = (rest + chunk).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) {
          const fields = new Map(block.split("\n").map((line) => line.split(/: (.*)/s)));
          if (fields.get("event") === "change") this.take(JSON.parse(fields.get("data")));
          else if (fields.get("event") === "reset") this.begin(); // changes were missed
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  begin() {
    this.streams += 1;
    this.stream = this.streams;
    this.kept.clear();
    this.changedLately.clear();
  }
}

const pages = new Map();

/** The page for a set of segments: rendered once for all who are in the same ones. */
function pageOf(segments) {
  const key = SHOWN.filter((each) => segments.has(each)).join();
  if (!pages.has(key)) {
    const blocks = ["<h1>Shop</h1>"];
    if (segments.has("cart-abandoned")) blocks.push("<p>Your cart is still here.</p>");
    if (segments.has("hot-leads")) blocks.push("<p>Talk to us: we have an offer for you.</p>");
    pages.set(key, blocks.join(""));
  }
  return pages.get(key);
}

const escaped = (text) => text.replace(/[&<>"']/g, (each) => `&#${each.charCodeAt(0)};`);

/** The visitor of the cookie `visitor`. Your server knows them by their session: a cookie can be made up. */
function visitorOf(request) {
  const found = /(?:^|;\s*)visitor=([^;]*)/.exec(request.headers.cookie ?? "");
  return found ? found[1] : null;
}

/** Serves pages until it is ended. */
function main() {
  const segments = new Segments(process.env.SHOP_SEGMENTS_URL, process.env.SHOP_READ_KEY);
  segments.follow();
  const server = createServer(async (request, response) => {
    const visitor = visitorOf(request);
    const [found, way] = !visitor ? [new Set(), "default"] : await segments.of(visitor);
    const greeting = !visitor ? "" : `<p>Hello ${escaped(visitor)}</p>`;
    response.writeHead(200, {
      "Content-Type": "text/html; charset=utf-8",
      "Cache-Control": "private, no-store", // no cache in between may give it to another visitor
      "Server-Timing": `segments;desc=${way}`,
    });
    response.end(`<!doctype html><title>Shop</title>${greeting}${pageOf(found)}`);
  });
  server.listen(Number(process.env.PORT ?? 8000), "127.0.0.1", () => {
    console.log(`http://127.0.0.1:${server.address().port}`);
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) main();
