/**
 * A world for tests: pages, what browsers give them, and a server, all in one process.
 *
 * Each page is created within its own AsyncLocalStorage, by which the fakes know whose lock, line or
 * stream something is. Whatever passes between pages and server waits in queues; settle takes
 * from one after the other, in an order drawn from the seed, until all are empty; each step takes a
 * millisecond. What comes from
 * the same sender to the same receiver keeps its order, as it does in browsers.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { mock } from "node:test";

const isPattern = (name) => name.split(".").some((token) => token === "*" || token === ">");

const here = new AsyncLocalStorage(); // the page at work

export class World {
  constructor(seed = 1) {
    this.seed = seed;
    this.queues = new Set();
    this.pages = [];
    this.sources = []; // all EventSources ever made
    this.beacons = [];
    this.asked = []; // URLs that fetch was asked for
    this.written = []; // [method, path, body, headers] of requests that change something
    this.locks = new Map(); // name → {holder, waiting}
    this.lines = new Set();
    this.events = []; // the log; the place is the number
    this.epoch = "e1";
    this.kept = Infinity; // events of a channel
    this.members = []; // of every channel
    this.status = () => 200; // of an answer to a URL; 0: there is none
    const world = this;
    const globals = {
      EventSource: class extends FakeSource { constructor(url, init) { super(world, url, init); } },
      BroadcastChannel: class extends FakeLine { constructor(name) { super(world, name); } },
      fetch: (url, init) => world.fetch(url, init),
      navigator: { locks: new FakeLocks(this), sendBeacon: (url) => this.beacons.push(url) },
    };
    for (const [name, value] of Object.entries(globals)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    for (const name of ["window", "document"]) Object.defineProperty(globalThis, name, { get: () => here.getStore()?.[name], configurable: true });
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1_800_000_000_000 });
    for (const name of ["setTimeout", "setInterval"]) {
      const timer = globalThis[name];
      globalThis[name] = (task, ms) => timer(this.owned(task), ms);
    }
  }

  /** owned has a timer's task run within its page, once that is awake. */
  owned(task) {
    const owner = here.getStore();
    return owner ? () => this.post(Object.assign([], { owner }), () => owner.do(task)) : task;
  }

  random(n) {
    this.seed = (Math.imul(this.seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.seed / 2 ** 32) * n);
  }

  /** page runs make as a page of its own. */
  page(make) {
    const page = { window: new EventTarget(), document: new EventTarget(), alive: true, frozen: false };
    page.document.visibilityState = "visible";
    page.do = (what) => here.run(page, what);
    page.sign = (type, more = {}) => page.do(() => page[["pagehide", "pageshow", "online"].includes(type) ? "window" : "document"].dispatchEvent(Object.assign(new Event(type), more)));
    page.rollcall = page.do(make);
    this.pages.push(page);
    return page;
  }

  /** kill ends a page as a crash does. */
  kill(page) {
    page.alive = false;
    for (const lock of this.locks.values()) lock.waiting = lock.waiting.filter(({ owner }) => owner !== page);
    for (const source of this.sources) if (source.owner === page) source.close();
    for (const line of this.lines) if (line.owner === page) line.close();
    for (const [name, { holder }] of this.locks) if (holder?.owner === page) this.release(name);
  }

  release(name) {
    const lock = this.locks.get(name);
    lock.holder = lock.waiting.shift() ?? null;
    lock.holder?.grant();
  }

  post(queue, task) {
    this.queues.add(queue);
    queue.push(task);
  }

  /** settle lets happen what can happen, at the present time. */
  async settle() {
    for (let idle = 0; idle < 3; ) {
      await new Promise(setImmediate);
      for (const queue of this.queues) if (queue.length === 0 || queue.owner?.alive === false) this.queues.delete(queue);
      const ready = [...this.queues].filter((queue) => !queue.owner?.frozen);
      if (ready.length === 0) idle++;
      else {
        idle = 0;
        ready[this.random(ready.length)].shift()();
        mock.timers.tick(1); // all takes time
      }
    }
  }

  async pass(ms) {
    mock.timers.tick(ms);
    await this.settle();
  }

  position(n = this.events.length) { return `${this.epoch}-${n}`; }

  publish(channel, payload, type = "message") {
    this.events.push({ channel, type, payload });
    const n = this.events.length;
    for (const source of this.sources) source.tell(n);
    return this.position(n);
  }

  /** matching returns the channels of the log that names and patterns stand for. */
  matching(asked) {
    const naive = asked.map((name) => name.split(".").map((token) => (token === "*" ? "[^.]+" : token === ">" ? ".+" : RegExp.escape?.(token) ?? token)).join("[.]"));
    const all = [...new Set(this.events.map(({ channel }) => channel))];
    return all.filter((channel) => naive.some((text) => new RegExp(`^${text}$`).test(channel)));
  }

  /** after returns what is kept of channels after a number, and which of them have a hole. */
  after(asked, n) {
    const found = [];
    const holes = [];
    for (const channel of this.matching(asked)) {
      const all = this.events.flatMap((event, i) => (event.channel === channel ? [i + 1] : []));
      const missed = all.filter((i) => i > n);
      const kept = missed.slice(-this.kept);
      if (kept.length < missed.length) holes.push(channel);
      found.push(...kept);
    }
    return { found: found.sort((a, b) => a - b), holes };
  }

  /** beginning returns what a stream begins with behind registered, each as [type, data, id]. */
  beginning(asked, at, from = "") {
    const [epoch, n] = at.split("-");
    const head = this.position();
    const own = (type, channelName, payload) => [type, { channelName, type, payload: JSON.stringify(payload) }, at || head];
    const published = (i) => {
      const { channel, type, payload } = this.events[i - 1];
      return [type, { channelName: channel, type, payload, timestamp: "2026-11-20T15:04:05.123Z" }, this.position(i)];
    };
    if (epoch === this.epoch && Number(n) <= this.events.length) {
      const { found, holes } = this.after(asked, Number(n));
      return { resumed: true, list: [...holes.map((channel) => own("gap", channel, { after: at, reason: "evicted" })), ...found.map(published)] };
    }
    const list = [];
    const greet = (channel) => from === "" && list.push(own("lastEvent", channel, JSON.parse(this.last(channel))));
    for (const name of asked) {
      if (at) list.push(own("gap", name, { after: at, reason: "epoch" }));
      if (!isPattern(name)) greet(name);
    }
    this.matching(asked.filter(isPattern)).filter((channel) => !asked.includes(channel)).forEach(greet);
    if (list.length > 0) list.at(-1)[2] = head; // until the last gap is told, the position is the one asked for
    if (from === "oldest") list.push(...this.after(asked, 0).found.map(published));
    if (from === "last") list.push(...this.matching(asked).map((channel) => this.after([channel], 0).found.at(-1)).sort((a, b) => a - b).map(published));
    return { resumed: false, list };
  }

  /** bounded returns the text of a stream that ends at once. */
  bounded(params) {
    const at = params.get("lastEventId") ?? "";
    const { resumed, list } = this.beginning(params.get("channels").split(","), at, params.get("from") ?? "");
    const hello = ["registered", { type: "registered", payload: JSON.stringify({ clientId: "reader", resumed }) }, at || this.position()];
    const bye = ["goodbye", { type: "goodbye", payload: JSON.stringify({ code: "complete", reason: "", reconnect: false }) }, this.position()];
    return [hello, ...list, bye].map(([type, data, id]) => `retry: 3000\nid: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`).join("");
  }

  last(channel) {
    const event = this.events.findLast((event) => event.channel === channel);
    return JSON.stringify(event ? { type: event.type, payload: event.payload } : {});
  }

  fetch(url, { signal, method = "GET", body, headers } = {}) {
    const { pathname, searchParams } = new URL(url);
    this.asked.push(url);
    const queue = Object.assign([], { owner: here.getStore() });
    return new Promise((resolve, reject) => {
      signal?.addEventListener("abort", () => reject(new Error("aborted")));
      this.post(queue, () => {
        const status = this.status(new URL(url));
        if (status === 0) return reject(new TypeError("no answer"));
        if (status === 204) return resolve(new Response(null, { status }));
        if (status !== 200) return resolve(Response.json({ error: { code: `code_${status}`, message: `It is ${status}.` } }, { status }));
        const channel = searchParams.get("channel");
        if (pathname === "/subscribe" && searchParams.get("until") === "now") return resolve(new Response(this.bounded(searchParams)));
        if (method !== "GET") {
          this.written.push([method, pathname, JSON.parse(body), headers]);
          if (method === "PUT") return resolve(new Response(null, { status: 204 }));
          const ids = JSON.parse(body).events.map(({ channelName, type, payload }) => ({ id: this.publish(channelName, payload, type) }));
          return resolve(Response.json({ events: ids }));
        }
        if (pathname === "/lastEvent") return resolve(Response.json({ response: this.last(channel) }, { headers: { "Last-Event-ID": this.position() } }));
        if (pathname !== "/history") return resolve(new Response("", { headers: { "Content-Type": "text/event-stream" } }));
        const newest = searchParams.get("last");
        const [epoch, n] = (searchParams.get("after") ?? this.position(0)).split("-");
        const { found, holes } = this.after([channel], epoch === this.epoch ? Number(n) : 0);
        const page = newest ? found.splice(0, found.length, ...found.slice(-newest)) && found : found.slice(0, 3); // small pages
        const events = page.map((i) => ({ id: this.position(i), channelName: channel, ...this.events[i - 1] }));
        const next = page.length < found.length ? this.position(page.at(-1)) : this.position();
        resolve(Response.json({ events, next, gap: epoch !== this.epoch || holes.length > 0 }));
      });
    });
  }
}

class FakeLocks {
  constructor(world) { this.world = world; }

  request(name, options, callback = options) {
    const { world } = this;
    const owner = here.getStore();
    if (!owner.alive) return new Promise(() => {});
    const { steal = false, signal } = callback === options ? {} : options;
    if (!world.locks.has(name)) world.locks.set(name, { holder: null, waiting: [] });
    const lock = world.locks.get(name);
    return new Promise((resolve, reject) => {
      const entry = { owner, reject };
      entry.grant = () => {
        entry.held = true;
        const run = async () => {
          if (!owner.alive) return;
          await owner.do(() => callback({ name }));
          if (lock.holder === entry) world.release(name);
          resolve();
        };
        world.post(Object.assign([], { owner }), () => run().catch(reject));
      };
      const stop = () => reject(new DOMException("aborted", "AbortError"));
      if (signal?.aborted) return stop();
      signal?.addEventListener("abort", () => {
        if (entry.held) return;
        lock.waiting = lock.waiting.filter((other) => other !== entry);
        stop();
      });
      if (steal && lock.holder) {
        const robbed = lock.holder;
        lock.holder = null;
        world.post(Object.assign([], { owner: robbed.owner }), () => robbed.reject(new DOMException("stolen", "AbortError")));
      }
      if (steal || !lock.holder) {
        lock.holder = entry;
        entry.grant();
      } else lock.waiting.push(entry);
    });
  }

  async query() {
    return { held: [...this.world.locks].filter(([, { holder }]) => holder?.held).map(([name]) => ({ name })) };
  }
}

class FakeLine {
  constructor(world, name) {
    Object.assign(this, { world, name, owner: here.getStore(), open: true, from: new Map() });
    world.lines.add(this);
  }

  postMessage(message) {
    const data = structuredClone(message);
    for (const line of this.world.lines) {
      if (line === this || line.name !== this.name) continue;
      if (!line.from.has(this)) line.from.set(this, Object.assign([], { owner: line.owner }));
      this.world.post(line.from.get(this), () => line.open && line.owner.do(() => line.onmessage({ data: structuredClone(data) })));
    }
  }

  close() {
    this.open = false;
    this.world.lines.delete(this);
  }
}

class FakeSource extends EventTarget {
  static CLOSED = 2;

  constructor(world, url, init) {
    super();
    Object.assign(this, { world, url: new URL(url), init, owner: here.getStore(), types: new Set() });
    this.readyState = this.owner.alive ? 0 : 2;
    const { searchParams } = this.url;
    this.channels = searchParams.get("channels").split(",");
    this.at = searchParams.get("lastEventId") ?? "";
    this.queue = Object.assign([], { owner: this.owner });
    world.sources.push(this);
    this.connect();
  }

  addEventListener(type, ...rest) {
    this.types.add(type);
    super.addEventListener(type, ...rest);
  }

  connect() {
    this.world.post(this.queue, () => {
      if (this.readyState === 2) return;
      const { world } = this;
      const status = world.status(this.url);
      if (status !== 200) return this.drop(status !== 0);
      this.readyState = 1;
      this.cut = false;
      this.owner.do(() => this.dispatchEvent(new Event("open")));
      const head = world.events.length;
      const { resumed, list } = world.beginning(this.channels, this.at);
      this.id = this.at || world.position();
      const connectionId = `c${world.sources.indexOf(this)}.${world.random(1e9)}`;
      const clientId = this.url.searchParams.get("clientId") ?? "given";
      this.own("registered", undefined, { clientId, connectionId, secret: `secret-of-${connectionId}`, resumed });
      for (const [type, data, id] of list) {
        this.id = id;
        this.send(type, data);
      }
      this.given = head;
      if (this.url.searchParams.get("presence")?.includes("channels")) {
        for (const channel of this.channels) this.own("presence", channel, { action: "snapshot", members: world.members });
      }
    });
  }

  tell(n) {
    if (this.readyState === 1 && !this.cut && n > this.given && this.world.matching(this.channels).includes(this.world.events[n - 1].channel)) this.published(n);
  }

  published(n) {
    const { channel, type, payload } = this.world.events[n - 1];
    this.id = this.world.position(n);
    this.send(type, { channelName: channel, type, payload, timestamp: "2026-11-20T15:04:05.123Z" });
  }

  own(type, channelName, payload) { this.send(type, { channelName, type, payload: JSON.stringify(payload) }); }

  send(type, data) {
    const [lastEventId, text] = [this.id, JSON.stringify(data)];
    this.world.post(this.queue, () => {
      if (this.readyState === 2) return;
      this.at = lastEventId;
      this.owner.do(() => this.dispatchEvent(new MessageEvent(type, { data: text, lastEventId })));
    });
  }

  /** lose ends the connection: for good, or as one that the browser makes again after 3 s. */
  lose(final = false) {
    if (this.readyState !== 1 && !final) return; // nothing to lose
    this.queue.length = 0; // what was on its way
    this.cut = true;
    this.world.post(this.queue, () => this.drop(final));
  }

  drop(final) {
    if (this.readyState === 2) return;
    this.readyState = final ? 2 : 0;
    if (!final) this.owner.do(() => setTimeout(() => this.connect(), 3000));
    this.owner.do(() => this.dispatchEvent(new Event("error")));
  }

  close() { this.readyState = 2; }
}
