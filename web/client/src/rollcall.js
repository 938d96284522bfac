import { Leader } from "./leader.js";
import { Listeners } from "./listeners.js";
import { OWN_TYPES } from "./events.js";
import { isHidden, listenToPage } from "./page.js";
import { isMatch, isPattern } from "./patterns.js";
import { publishEvents, randomKey } from "./publish.js";
import { Reader } from "./reader.js";
import { Roll } from "./roll.js";
import { Server } from "./server.js";
import { aborted, backOff, pause } from "./times.js";

const CHECK_MS = 5000; // a visible page hears from its leader within this time, or takes the lead

/**
 * Rollcall follows channels of a server, over one stream for all pages of the origin.
 *
 *     import { Rollcall } from "https://events.example.org/rollcall.js";
 *     const rollcall = new Rollcall("https://events.example.org", { channels: ["news"] });
 *     rollcall.on("message", ({ channel, payload }) => console.log(channel, payload));
 *
 * The pages that follow the same server as the same client share a stream. The page that holds a Web Lock has it, the
 * leader; a BroadcastChannel carries its events to the others. Where a browser lacks either, each page has a stream
 * of its own. The Leader opens the stream; the Reader of each page gives the page its events.
 *
 * rollcall.d.ts describes the API, docs/client.md what is shared between tabs.
 */
export class Rollcall {
  #server;
  #options;
  #types; // Set
  #reader;
  #roll = new Roll();
  #clientId;
  #info; // what presence shows of the client
  #state = { state: "connecting" };
  #events = new Listeners();
  #states = new Listeners();
  #errors = new Listeners();
  #closing = new AbortController();

  // Sharing.
  #pageId = ""; // among the pages that share; a page that comes back has another one
  #awake = null; // AbortController; null while the page sleeps and when it is closed
  #candidacy = null; // AbortController of the wish to lead, and of leading
  #line = null; // BroadcastChannel
  #name = ""; // of the line and of the leader's lock
  #leader = null; // Leader, where this page leads
  #wants = new Map(); // page id → {channels, types, presence}
  #term = 0; // of the newest leader
  #askedAt = 0; // when the leader was asked for an answer that has not come, in ms since 1970; else 0

  constructor(url, { channels = [], types = [], presence = [], ...options } = {}) {
    const base = new URL(url, globalThis.location?.href).href.replace(/\/+$/, "");
    this.#server = new Server(base, options);
    this.#options = { share: true, leave: "grace", ...options, presence: [presence].flat() };
    this.#types = new Set(["message", ...types]);
    this.#clientId = options.clientId;
    this.#info = options.info;
    this.#reader = new Reader({
      server: this.#server,
      from: options.from,
      types: this.#types,
      roll: this.#roll,
      showsPresence: this.#options.presence.includes("channels"),
      onEvent: (event) => this.#events.call(event),
      onError: (error) => this.#errors.call(error),
      onRefused: (channel, error) => this.#refuse(channel, error),
    });
    this.#follow(channels);
    listenToPage((event) => this.#handlePageEvent(event), this.#closing.signal);
    this.#start();
  }

  get state() {
    return this.#state;
  }

  get clientId() {
    return this.#clientId;
  }

  get channels() {
    return this.#reader.channels;
  }

  get online() {
    return this.#roll.online;
  }

  members(channel) {
    return this.#reader.has(channel) ? this.#roll.members(channel) : new Map();
  }

  add(...channels) {
    this.#follow(channels);
    this.#sendWant();
    this.#joinRightPages();
  }

  #follow(channels) {
    const pattern = channels.find(isPattern);
    if (pattern && this.#options.presence.includes("channels")) {
      throw new TypeError(`presence "channels" does not go with the pattern "${pattern}"; see /presence/stream?channels=${pattern}`);
    }
    for (const channel of channels) this.#reader.add(channel);
  }

  remove(...channels) {
    for (const channel of channels) this.#reader.remove(channel);
    this.#sendWant();
    this.#joinRightPages();
  }

  on(what, handler, options) {
    const { channel, type } = typeof what === "string" ? { type: what } : what;
    if (type !== undefined && !OWN_TYPES.includes(type) && !this.#types.has(type)) {
      this.#types.add(type);
      this.#sendWant();
    }
    const handleMatch = (event) => {
      const isOnChannel = channel === undefined || channel === event.channel || isMatch(channel, event.channel);
      const isOfType = type === undefined || type === event.type;
      if (isOnChannel && isOfType) handler(event);
    };
    return this.#events.add(handleMatch, options);
  }

  onState(handler, options) {
    return this.#states.add(handler, options);
  }

  onError(handler, options) {
    return this.#errors.add(handler, options);
  }

  setInfo(info) {
    this.#info = info;
    this.#leader?.inform();
    this.#line?.postMessage({ kind: "info", info });
  }

  publish(events, { signal } = {}) {
    return publishEvents(this.#server, events, signal, this.#closing.signal);
  }

  close() {
    this.#end({ state: "closed", code: "closed", reason: "The page closed it." }, "grace");
  }

  leave() {
    this.#end({ state: "closed", code: "closed", reason: "The page left." }, "now");
  }

  #setState(state) {
    if (JSON.stringify(state) === JSON.stringify(this.#state)) return;
    this.#state = state;
    this.#states.call(state);
  }

  #refuse(channel, error) {
    if (!this.#reader.has(channel)) return;
    this.remove(channel);
    this.#errors.call({ ...error, channel });
  }

  // --- the life of the page ---------------------------------------------------------------------

  #handlePageEvent({ type, persisted }) {
    const isSharing = this.#line !== null;
    if (type === "pagehide") this.#sleep(this.#options.leave);
    else if (type === "pageshow" && persisted) this.#start();
    else if (type === "freeze" && isSharing) this.#stopLeading();
    else if (type === "resume" && isSharing) this.#compete();
    else if (type === "online") this.#leader?.wake({ maybeDead: true });
    else if (type === "visibilitychange" && !isHidden()) this.#askLeader({ wake: true });
  }

  async #start() {
    if (this.#awake || this.#state.state === "closed") return;
    this.#awake = new AbortController();
    const { signal } = this.#awake;
    this.#pageId = randomKey();
    await this.#getFirstToken(signal);
    if (signal.aborted) return;
    if (this.#canShare()) await this.#joinOtherPages(signal);
    else this.#leadAlone();
    if (signal.aborted) return;
    this.#sendWant();
    this.#askLeader();
  }

  /** getFirstToken comes first because the token says which pages share. */
  async #getFirstToken(signal) {
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await this.#server.renewToken();
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#errors.call(error);
      }
      await pause(backOff(failures), signal);
    }
  }

  #sleep(leave) {
    this.#awake?.abort();
    this.#awake = null;
    this.#stopLeading(leave);
    this.#line?.close();
    this.#line = null;
    this.#reader.stop();
    this.#wants.clear();
  }

  #end(state, leave) {
    if (this.#state.state === "closed") return;
    this.#sleep(leave);
    this.#closing.abort();
    this.#setState(state);
  }

  // --- sharing, and which page leads ------------------------------------------------------------

  #canShare() {
    return this.#options.share && globalThis.navigator?.locks && globalThis.BroadcastChannel;
  }

  /** nameOfShared is the same for the pages that share a stream. */
  #nameOfShared() {
    const { base, subject } = this.#server;
    const mark = this.#reader.hasPatterns ? ["patterns"] : []; // which the server refuses beside the members of channels
    return `rollcall ${JSON.stringify([base, this.#options.clientId ?? "", subject, ...mark])}`;
  }

  async #joinOtherPages(signal) {
    this.#name = this.#nameOfShared();
    this.#line = new BroadcastChannel(this.#name);
    this.#line.onmessage = ({ data }) => this.#handleMessage(data);
    await this.#holdPageLock(signal);
    if (signal.aborted) return;
    this.#compete();
    const timer = setInterval(() => this.#checkLeader(), CHECK_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  /** holdPageLock shows the others that the page exists. The lock is held before the page sends anything. */
  #holdPageLock(signal) {
    return new Promise((resolve) => {
      navigator.locks.request(`${this.#name} ${this.#pageId}`, () => {
        resolve();
        return aborted(signal);
      });
    });
  }

  #leadAlone() {
    this.#candidacy = new AbortController();
    this.#lead(null, this.#candidacy.signal);
  }

  /** compete queues up to lead, or takes the lead from a page that does not answer. */
  #compete({ steal = false } = {}) {
    this.#stopLeading();
    this.#candidacy = new AbortController();
    const { signal } = this.#candidacy;
    const lead = () => {
      if (signal.aborted) return undefined;
      this.#lead(navigator.locks, signal);
      return aborted(signal); // until then the lock is held
    };
    navigator.locks.request(this.#name, steal ? { steal } : { signal }, lead).catch(() => {
      if (!signal.aborted) this.#compete(); // another page took the lead while this one slept
    });
    this.#askLeader();
  }

  #lead(locks, signal) {
    const term = Math.max(Date.now(), this.#term + 1);
    this.#leader = new Leader({
      server: this.#server,
      info: () => this.#info,
      wants: this.#wants,
      locks,
      name: this.#name,
      signal,
      send: (message) => this.#send({ ...message, term }),
      tokenRenewed: () => this.#joinRightPages(),
      roll: () => ({ ...this.#roll.copy(), clientId: this.#clientId }),
      position: this.#reader.reached,
    });
    this.#send({ kind: "call", term });
  }

  #stopLeading(leave = "") {
    this.#candidacy?.abort();
    this.#candidacy = null;
    this.#leader?.close(leave);
    this.#leader = null;
  }

  /** joinRightPages moves the page to other pages if its token is of another subject, or it has its first or no more patterns. */
  #joinRightPages() {
    if (!this.#line || this.#name === this.#nameOfShared()) return;
    this.#sleep("");
    this.#start();
  }

  /** checkLeader sees to it that a visible page has a leader that is awake. */
  #checkLeader() {
    if (this.#leader || isHidden()) this.#askedAt = 0;
    else if (this.#askedAt > 0 && Date.now() - this.#askedAt > CHECK_MS / 2) this.#compete({ steal: true });
    else this.#askLeader();
  }

  // --- messages between pages -------------------------------------------------------------------

  #askLeader({ wake = false } = {}) {
    if (this.#askedAt === 0) this.#askedAt = Date.now();
    this.#send({ kind: "ask", wake });
  }

  #sendWant() {
    if (!this.#awake) return;
    const want = { channels: this.channels, types: [...this.#types], presence: this.#options.presence };
    this.#send({ kind: "want", page: this.#pageId, want });
  }

  /** send sends a message to all pages, this one included. */
  #send(message) {
    this.#line?.postMessage(message);
    this.#handleMessage(message);
  }

  #handleMessage(message) {
    if (!this.#awake) return;
    if (message.kind === "stop") {
      this.#end(message.state); // whichever page leads by now
      return;
    }
    if (message.term !== undefined) {
      if (message.term < this.#term) return; // from a leader that slept, and was replaced
      this.#term = message.term;
      this.#askedAt = 0;
    }
    switch (message.kind) {
      case "want":
        this.#wants.set(message.page, message.want);
        this.#leader?.update(message.page);
        break;
      case "ask":
        this.#leader?.answer(message.wake);
        break;
      case "call":
        this.#sendWant();
        break;
      case "state":
        this.#setState(message.state);
        break;
      case "run":
        if (!message.to || message.to.includes(this.#pageId)) this.#followRun(message);
        break;
      case "event":
        if (this.#reader.isOf(message.run)) this.#reader.take(message);
        break;
      case "refused":
        for (const [channel, error] of message.refused) this.#refuse(channel, error);
        break;
      case "error":
        this.#errors.call(message.error);
        break;
      case "info":
        this.#info = message.info;
        this.#leader?.inform();
        break;
    }
  }

  #followRun({ run: id, clientId, info, ...details }) {
    this.#clientId = clientId;
    this.#info = info ?? this.#info; // a page that slept may have missed it
    this.#reader.follow({ id, ...details }, this.#awake.signal);
    this.#setState({ state: "live" });
    this.#reader.catchUp();
  }
}
