/**
 * Rollcall in the browser: many channels, who is on them, and one event stream for all tabs.
 *
 *     import { Rollcall } from "https://events.example.org/rollcall.js";
 *     const rollcall = new Rollcall("https://events.example.org", { channels: ["news"] });
 *     rollcall.on("message", ({ channel, payload }) => console.log(channel, payload));
 *
 * The pages of one origin that follow the same server as the same client share a native EventSource.
 * A Web Lock says which page has it, the leader; a BroadcastChannel carries what it hears to the
 * others. Where a browser lacks either, each page has a stream of its own.
 *
 * What holds it together: a stream is a *run* of events without a hole from one position on, of the
 * channels that all pages want. The leader tells where a run begins. A page whose channel has reached
 * that position is in step and takes the run's events; for a channel that has not, it reads what is
 * between from /lastEvent and /history first, while that channel's events wait. So it does not
 * matter which page leads, how often that changes, or who slept meanwhile.
 *
 * It is one file, so that a page has it with one request and npm takes it as it stands.
 * rollcall.d.ts describes the API, docs/client.md what is shared between tabs.
 */
const TICK_MS = 5000; // a page that is looked at hears from its leader within this, or takes over
const SILENCE_MS = 30_000; // a stream as silent as this may be dead when a page wakes up
const RETRY_MS = [1000, 30_000]; // first and longest wait where the EventSource has given up
const RENEW = 0.9; // of a token's life, after which the stream is opened anew with a new one
const OWN = ["registered", "lastEvent", "gap", "goodbye", "presence", "online-presence"]; // the server's types

export class Rollcall {
  #server;
  #options;
  #id = ""; // of this page among those that share, another for each life
  #channels = new Set();
  #types;
  #handlers = { event: new Set(), state: new Set(), error: new Set() };
  #state = { state: "connecting" };
  #clientId;
  #rosters = new Map(); // channel → Map of clientId → info, of all channels of the run
  #online = [];

  // Sharing.
  #life = null; // AbortController; null while asleep and when closed
  #race = null; // AbortController of the wish to lead, and of leading
  #line = null; // BroadcastChannel
  #name = ""; // of the line and of the leader's lock
  #leader = null; // where this page is it
  #wants = new Map(); // page → {channels, types, presence}
  #term = 0; // of the newest leader
  #asked = 0; // since when the leader owes us a word, in ms since 1970; 0 where it does not

  // Keeping in step.
  #run = null; // {run, at, channels}: the one whose events are taken
  #reached = ""; // position: channels that are not apart have everything up to it
  #apart = new Map(); // channel → the position that it has reached, "" for none
  #awaited = new Set(); // those of them whose lastEvent the stream itself is about to tell
  #floor = new Map(); // channel → position: what isn't after it was given already
  #late = []; // events of channels that are apart
  #catching = false;

  constructor(url, { channels = [], types = [], presence = [], ...options } = {}) {
    this.#server = new Server(new URL(url, globalThis.location?.href).href.replace(/\/+$/, ""), options);
    this.#options = { share: true, leave: "grace", ...options, presence: [presence].flat() };
    this.#types = new Set(["message", ...types]);
    this.#clientId = options.clientId;
    channels.forEach((channel) => this.#put(channel));
    for (const [target, type] of signs()) target.addEventListener(type, this);
    this.#start();
  }

  get state() { return this.#state; }
  get clientId() { return this.#clientId; }
  get channels() { return [...this.#channels]; }
  get online() { return this.#online; }
  members(channel) { return this.#channels.has(channel) ? (this.#rosters.get(channel) ?? new Map()) : new Map(); }

  add(...channels) {
    channels.forEach((channel) => this.#put(channel));
    this.#want();
  }

  remove(...channels) {
    for (const channel of channels) [this.#channels, this.#apart, this.#awaited, this.#floor].forEach((all) => all.delete(channel));
    this.#want();
  }

  on(what, handler, options) {
    const { channel, type } = typeof what === "string" ? { type: what } : what;
    if (type !== undefined && !OWN.includes(type) && !this.#types.has(type)) {
      this.#types.add(type);
      this.#want();
    }
    const fits = (event) => (channel ?? event.channel) === event.channel && (type ?? event.type) === event.type;
    return this.#listen("event", (event) => fits(event) && handler(event), options);
  }

  onState(handler, options) { return this.#listen("state", handler, options); }
  onError(handler, options) { return this.#listen("error", handler, options); }

  close() { this.#end({ state: "closed", code: "closed", reason: "The page closed it." }, "grace"); }
  leave() { this.#end({ state: "closed", code: "closed", reason: "The page left." }, "now"); }

  #listen(kind, handler, { signal } = {}) {
    const off = () => this.#handlers[kind].delete(handler);
    if (!signal?.aborted) this.#handlers[kind].add(handler);
    signal?.addEventListener("abort", off);
    return off;
  }

  #call(kind, value) {
    for (const handler of [...this.#handlers[kind]]) {
      try {
        handler(value);
      } catch (error) {
        (globalThis.reportError ?? console.error)(error); // it is not to keep others from theirs
      }
    }
  }

  #say(state) {
    if (JSON.stringify(state) === JSON.stringify(this.#state)) return;
    this.#state = state;
    this.#call("state", state);
  }

  #put(channel) {
    if (this.#channels.has(channel)) return;
    this.#channels.add(channel);
    this.#apart.set(channel, "");
  }

  #refuse(channel, error) {
    if (!this.#channels.has(channel)) return;
    this.remove(channel);
    this.#call("error", { ...error, channel });
  }

  // --- the life of a page, and who leads ------------------------------------------------------
  handleEvent({ type, persisted }) {
    if (type === "pagehide") this.#sleep(this.#options.leave);
    else if (type === "pageshow" && persisted) this.#start();
    else if (type === "freeze" && this.#line) this.#yield();
    else if (type === "resume" && this.#line) this.#compete();
    else if (type === "online") this.#leader?.wake(true);
    else if (type === "visibilitychange" && !hidden()) this.#ask(true);
  }

  async #start() {
    if (this.#life || this.#state.state === "closed") return;
    const { signal } = (this.#life = new AbortController());
    this.#id = crypto.getRandomValues(new Uint32Array(4)).join("-");
    for (let n = 0; ; n++) {
      const error = await this.#server.renew().catch((error) => error);
      if (signal.aborted) return;
      if (!error) break;
      this.#call("error", error);
      await pause(backOff(n), signal);
    }
    const { locks } = globalThis.navigator ?? {};
    if (this.#options.share && locks && globalThis.BroadcastChannel) {
      this.#name = this.#identity();
      this.#line = new BroadcastChannel(this.#name);
      this.#line.onmessage = ({ data }) => this.#hear(data);
      // Others know by this lock that the page is there. It is held before anything is said.
      await new Promise((held) => locks.request(`${this.#name} ${this.#id}`, () => (held(), ended(signal))));
      if (signal.aborted) return;
      this.#compete();
      const timer = setInterval(() => this.#tick(), TICK_MS);
      ended(signal).then(() => clearInterval(timer));
    } else {
      this.#race = new AbortController();
      this.#lead(null, this.#race.signal);
    }
    this.#want();
    this.#ask();
  }

  /** identity is the same for the pages that share a stream. */
  #identity() {
    return `rollcall ${JSON.stringify([this.#server.base, this.#options.clientId ?? "", this.#server.sub])}`;
  }

  #sleep(leave) {
    this.#life?.abort();
    this.#yield(leave);
    this.#line?.close();
    this.#life = this.#line = this.#run = null;
    this.#wants.clear();
  }

  #yield(leave = "") {
    this.#race?.abort();
    this.#leader?.close(leave);
    this.#race = this.#leader = null;
  }

  #end(state, leave) {
    if (this.#state.state === "closed") return;
    this.#sleep(leave);
    for (const [target, type] of signs()) target.removeEventListener(type, this);
    this.#say(state);
  }

  /** compete queues up to lead, or takes the lead from one that does not answer. */
  #compete(steal = false) {
    const { locks } = navigator;
    this.#yield();
    const { signal } = (this.#race = new AbortController());
    const won = () => signal.aborted || (this.#lead(locks, signal), ended(signal));
    locks.request(this.#name, steal ? { steal } : { signal }, won).catch(() => {
      if (!signal.aborted) this.#compete(); // it was taken: we had been asleep
    });
    this.#ask();
  }

  #lead(locks, signal) {
    const term = Math.max(Date.now(), this.#term + 1);
    const send = (message) => this.#send({ ...message, term });
    const renewed = () => this.#line && this.#name !== this.#identity() && (this.#sleep(""), this.#start()); // by another's token
    const roll = () => ({ rosters: this.#rosters, online: this.#online, clientId: this.#clientId });
    const { info } = this.#options;
    this.#leader = new Leader({ server: this.#server, locks, signal, name: this.#name, info, wants: this.#wants, send, renewed, roll }, this.#reached);
    send({ kind: "call" });
  }

  /** tick sees to it that a page that is looked at has a leader that is awake. */
  #tick() {
    if (this.#leader || hidden()) this.#asked = 0;
    else if (this.#asked && Date.now() - this.#asked > TICK_MS / 2) this.#compete(true);
    else this.#ask();
  }

  #ask(wake = false) {
    this.#asked ||= Date.now();
    this.#send({ kind: "ask", wake });
  }

  #want() {
    if (!this.#life) return;
    const want = { channels: [...this.#channels], types: [...this.#types], presence: this.#options.presence };
    this.#send({ kind: "want", page: this.#id, want });
  }

  /** send tells all pages something, this one too. */
  #send(message) {
    this.#line?.postMessage(message);
    this.#hear(message);
  }

  #hear(message) {
    const { kind, term, page } = message;
    if (!this.#life) return;
    if (kind === "stop") return this.#end(message.state); // whoever leads by now
    if (term < this.#term) return; // from a leader that has slept and does not know yet
    if (term) [this.#term, this.#asked] = [term, 0];
    if (kind === "want") this.#wants.set(page, message.want), this.#leader?.update(page);
    else if (kind === "ask") this.#leader?.answer(message.wake);
    else if (kind === "call") this.#want();
    else if (kind === "state") this.#say(message.state);
    else if (kind === "run" && (message.to?.includes(this.#id) ?? true)) this.#follow(message);
    else if (kind === "event" && message.run === this.#run?.run) this.#take(message);
    else if (kind === "refused") message.refused.forEach(([channel, error]) => this.#refuse(channel, error));
    else if (kind === "error") this.#call("error", message.error);
  }

  // --- keeping in step ------------------------------------------------------------------------
  /** follow takes up a run that begins, or one that is under way. */
  #follow({ run, prev, at, greets, gaps, channels, roll, clientId }) {
    if (run !== this.#run?.run) {
      const goesOn = prev !== "" && prev === this.#run?.run;
      for (const channel of this.#channels) {
        if (this.#apart.has(channel) || (goesOn && channels.includes(channel))) continue;
        const floor = this.#floor.get(channel) ?? "";
        this.#apart.set(channel, reaches(floor, this.#reached) ? floor : this.#reached);
      }
      [this.#run, this.#reached, this.#late, this.#clientId] = [{ run, channels }, at, [], clientId];
      this.#awaited.clear();
      if (roll) ({ rosters: this.#rosters, online: this.#online } = roll);
    }
    this.#run.at = at;
    for (const [channel, had] of this.#apart) {
      if (!channels.includes(channel)) continue;
      const foreign = had !== "" && epoch(had) !== epoch(at);
      if (foreign && !gaps) this.#emit({ channel, type: "gap", payload: { after: had, reason: "epoch" }, id: at });
      if (foreign || gaps) this.#apart.set(channel, "");
      else if (reaches(had, at)) this.#join(channel, had);
      if (gaps || (greets && (foreign || had === ""))) this.#awaited.add(channel);
    }
    this.#say({ state: "live" });
    this.#catchUp();
  }

  #join(channel, floor) {
    this.#apart.delete(channel);
    this.#awaited.delete(channel);
    floor ? this.#floor.set(channel, floor) : this.#floor.delete(channel);
  }

  /** take is given the events of the run, in order. */
  #take({ type, id, data }) {
    const { channelName: channel, payload, timestamp } = JSON.parse(data);
    const event = { channel, type, payload: OWN.includes(type) ? JSON.parse(payload) : payload, id, timestamp };
    if (type !== "goodbye") this.#reached = id;
    if (type === "presence") enrol(this.#rosters, event);
    if (type === "online-presence") this.#online = event.payload;
    this.#pass(event);
  }

  /** pass gives an event of the run to the page, now or once its channel is in step. */
  #pass(event) {
    const { channel, type, id } = event;
    if (channel !== undefined && !this.#channels.has(channel)) return;
    if (type === "presence") return void (this.#options.presence.includes("channels") && this.#emit(event));
    if (type === "lastEvent" && this.#awaited.has(channel)) this.#join(channel);
    if (this.#apart.has(channel) && !this.#awaited.has(channel)) return void this.#late.push(event);
    const floor = this.#floor.get(channel);
    if (floor && type !== "gap" && reaches(floor, id)) return;
    this.#emit(event);
  }

  #emit(event) { this.#call("event", event); }

  /** catchUp brings channels into step, all that are apart at once so that their events come in order. */
  async #catchUp() {
    if (this.#catching || !this.#run) return;
    const [run, { signal }] = [this.#run, this.#life];
    const channels = [...this.#apart.keys()].filter((channel) => run.channels.includes(channel) && !this.#awaited.has(channel));
    if (channels.length === 0) return;
    this.#catching = true;
    for (let n = 0; this.#run === run; n++) {
      const parts = await Promise.allSettled(channels.map((channel) => this.#read(channel, this.#apart.get(channel), run.at, signal)));
      if (this.#run !== run) break;
      const failures = parts.flatMap(({ reason }) => reason ?? []);
      const passing = failures.find(({ final }) => !final);
      if (!passing) {
        parts.forEach(({ reason }, i) => reason && this.#refuse(channels[i], reason));
        this.#merge(parts.flatMap(({ value }) => value ?? []));
        break;
      }
      this.#call("error", passing);
      await pause(Math.max(passing.wait ?? 0, backOff(n)), signal);
    }
    this.#catching = false;
    this.#catchUp(); // what was added or began anew meanwhile
  }

  #merge(parts) {
    parts = parts.filter(({ channel }) => this.#apart.has(channel)); // still
    const [late, fresh] = [this.#late, parts.filter(({ had }) => had === "")];
    this.#late = [];
    for (const { channel, at } of parts) this.#join(channel, at);
    const events = parts.flatMap((part) => part.events).sort((a, b) => number(a.id) - number(b.id));
    events.forEach((event) => this.#emit(event));
    for (const { channel, at: id } of fresh) {
      if (!this.#rosters.has(channel)) continue; // it comes by the stream
      const members = [...this.#rosters.get(channel)].map(([clientId, info]) => ({ clientId, info }));
      this.#pass({ channel, type: "presence", payload: { action: "snapshot", members }, id });
    }
    late.forEach((event) => this.#pass(event));
  }

  /** read gets what a channel has after a position up to another: what is newer comes by the run, in its order. */
  async #read(channel, had, until, signal) {
    const events = [];
    let at = had;
    if (at === "") {
      const answer = await this.#server.ask("/lastEvent", { channel }, signal);
      at = answer.headers.get("Last-Event-ID");
      events.push({ channel, type: "lastEvent", payload: JSON.parse((await answer.json()).response), id: at });
    }
    while (!reaches(at, until)) {
      const page = await (await this.#server.ask("/history", { channel, after: at, limit: 1000 }, signal)).json();
      if (page.gap) events.push({ channel, type: "gap", payload: { after: at, reason: "evicted" }, id: at });
      const due = page.events.filter(({ id, type }) => number(id) <= number(until) && this.#types.has(type));
      events.push(...due.map(({ channelName, ...event }) => ({ channel, ...event })));
      if (page.next === at || epoch(page.next) !== epoch(until)) throw { code: "behind", message: "This server does not have these events." };
      at = reaches(page.next, until) ? until : page.next;
    }
    return { channel, had, at, events };
  }
}

/** Leader has the stream, for all pages. */
class Leader {
  #with; // what the page gave
  #position; // of the last event heard
  #watched = new Set();
  #curious = new Set(); // pages that are to be told of the run
  #barred = new Set(); // channels that were refused
  #asked = {}; // what the stream is opened for
  #source = null; // EventSource
  #turn = new AbortController(); // of one attempt, its timers and questions
  #state = { state: "connecting" };
  #run = ""; // "" before the first
  #leave = ""; // where to tell that the stream ends: its path, with the secret that permits it
  #runs = 0;
  #attempts = 0; // since it was live
  #calm = false; // the next error is the end of a stream, from which the EventSource comes back by itself
  #heard = 0;

  constructor(page, position) {
    this.#with = page;
    this.#position = position;
  }

  /** update has the stream carry what the pages want now; one of them has said so. */
  async update(page) {
    const { wants, locks, name, signal } = this.#with;
    wants.get(page)?.channels.forEach((channel) => this.#barred.delete(channel));
    this.#curious.add(page);
    if (this.#curious.size > 1) return; // under way
    const pages = [...wants.keys()];
    const { held } = (await locks?.query()) ?? {};
    if (held) pages.filter((id) => !held.some((lock) => lock.name === `${name} ${id}`)).forEach((id) => wants.delete(id));
    if (signal.aborted) return;
    const to = [...this.#curious];
    this.#curious.clear();
    for (const id of wants.keys()) this.#watch(id);
    const union = (field) => [...new Set([...wants.values()].flatMap((want) => want[field]))].sort();
    union("types").forEach((type) => this.#source?.addEventListener(type, this));
    const asked = { channels: union("channels").filter((channel) => !this.#barred.has(channel)), presence: union("presence") };
    if (JSON.stringify(asked) !== JSON.stringify(this.#asked)) {
      this.#asked = asked;
      this.#open();
    } else if (this.#state.state === "live") {
      this.#begin({ to, prev: "", at: this.#position, roll: this.#with.roll() });
    }
  }

  /** watch waits for the end of a page, by the lock that it holds. */
  #watch(page) {
    const { locks, name, signal, wants } = this.#with;
    if (!locks || this.#watched.has(page)) return;
    this.#watched.add(page);
    const gone = () => (this.#watched.delete(page), wants.delete(page), this.update());
    locks.request(`${name} ${page}`, { signal }, gone).catch(() => {}); // we are the one that is gone
  }

  /** answer tells that the leader is awake; where a page woke up, so may the machine have. */
  answer(wake) {
    if (wake) this.wake(Date.now() - this.#heard > SILENCE_MS);
    this.#tell(this.#state);
  }

  /** wake opens the stream anew where it is not live, or surely if it may be dead. */
  wake(sure) {
    if (!this.#asked.channels?.length || (!sure && this.#state.state === "live")) return;
    this.#attempts = 0;
    this.#open();
  }

  close(leave) {
    const now = leave === "now" && this.#with.wants.size <= 1 ? "&now=1" : "";
    if (leave && this.#leave) navigator.sendBeacon(this.#with.server.base + this.#leave + now);
    this.#stop();
  }

  #stop() {
    this.#turn.abort();
    this.#source?.close();
    this.#source = null;
  }

  #tell(state) {
    this.#state = state;
    this.#with.send({ kind: "state", state });
  }

  #begin(more) {
    this.#with.send({ kind: "run", run: this.#run, channels: this.#asked.channels, clientId: this.#with.roll().clientId, ...more });
  }

  async #open() {
    this.#stop();
    const { server, wants, renewed } = this.#with;
    if (this.#asked.channels.length === 0) return this.#tell({ state: "idle" });
    const { signal } = (this.#turn = new AbortController());
    if (this.#state.state !== "waiting") this.#tell({ state: "connecting" });
    try {
      await server.renew();
      renewed();
    } catch (error) {
      return signal.aborted || this.#retry(error);
    }
    if (signal.aborted) return;
    const source = (this.#source = new EventSource(server.address("/subscribe", this.#params()), { withCredentials: server.withCredentials }));
    for (const type of [...OWN, ...[...wants.values()].flatMap((want) => want.types), "error"]) source.addEventListener(type, this);
    if (server.expires) pause(Math.max((server.expires - Date.now()) * RENEW, TICK_MS), signal).then(() => signal.aborted || this.#open());
  }

  #params() {
    const [{ channels, presence }, { info }, { clientId }] = [this.#asked, this.#with, this.#with.roll()];
    const params = { channels, clientId, presence, info: info && JSON.stringify(info), lastEventId: this.#position };
    return Object.fromEntries(Object.entries(params).filter(([, value]) => value?.length));
  }

  handleEvent(event) {
    if (event.target !== this.#source) return;
    const { type, lastEventId: id, data } = event;
    if (!(event instanceof MessageEvent)) return this.#lose(); // events of type "error" can be published, too
    this.#heard = Date.now();
    const payload = ["registered", "goodbye"].includes(type) ? JSON.parse(JSON.parse(data).payload) : {};
    if (type === "registered") this.#registered(id, payload);
    if (type !== "goodbye") this.#position = id;
    const shown = type === "registered" ? withoutSecret(payload) : data;
    this.#with.send({ kind: "event", run: this.#run || undefined, type, id, data: shown });
    if (type === "goodbye") this.#goodbye(payload);
  }

  #registered(at, { clientId, connectionId, secret, resumed }) {
    const prev = resumed ? this.#run : "";
    this.#run = `${connectionId} ${++this.#runs}`;
    this.#leave = `/presence/connections/${connectionId}/leave?${new URLSearchParams({ secret })}`;
    [this.#calm, this.#attempts, this.#state] = [true, 0, { state: "live" }];
    this.#begin({ prev, at, clientId, greets: !resumed, gaps: !resumed && this.#position !== "" });
  }

  #goodbye({ code, reason, reconnect }) {
    const { server, send } = this.#with;
    this.#calm = true;
    if (reconnect) this.#state = { state: "waiting", code, reason }; // told when the stream has ended
    else if (code === "expired" && server.renews) this.#retry({ code, message: reason });
    else send({ kind: "stop", state: { state: "closed", code, reason } });
  }

  #lose() {
    const { state, code, reason } = this.#state;
    if (this.#source.readyState === EventSource.CLOSED) this.#askWhy();
    else if (this.#calm) this.#tell(state === "waiting" ? { state, code, reason } : { state: "waiting" });
    else this.#retry({ code: "network", message: "The server can't be reached." });
    this.#calm = false;
  }

  /** askWhy asks the server what the EventSource, having given up, does not tell. */
  async #askWhy() {
    this.#stop();
    const { server, send } = this.#with;
    const { signal } = (this.#turn = new AbortController());
    const question = new AbortController();
    ended(signal).then(() => question.abort());
    const ask = (path, params, accept) => server.ask(path, params, question.signal, accept).catch((error) => error);
    const answer = await ask("/subscribe", this.#params(), "text/event-stream");
    const { channels } = this.#asked;
    const faults = [400, 403].includes(answer.status) ? await Promise.all(channels.map((channel) => ask("/lastEvent", { channel }))) : [];
    question.abort(); // where it was let in
    if (signal.aborted) return;
    if (answer.status === 204) {
      return send({ kind: "stop", state: { state: "closed", code: "kicked", reason: "The server asked this client to stay away." } });
    }
    const refused = channels.map((channel, i) => [channel, faults[i]]).filter(([, fault]) => fault?.final);
    this.#retry(answer.message ? answer : { code: "http", message: "The server gave no stream." });
    if (answer.message && refused.length === 0) send({ kind: "error", error: answer });
    if (refused.length === 0) return;
    refused.forEach(([channel]) => this.#barred.add(channel)); // for pages that sleep
    send({ kind: "refused", refused });
    this.update();
  }

  #retry({ code, message, wait = 0 }) {
    this.#stop();
    const { signal } = (this.#turn = new AbortController());
    const ms = Math.max(wait, backOff(this.#attempts++));
    this.#tell({ state: "waiting", code, reason: message, retryAt: Date.now() + ms });
    pause(ms, signal).then(() => signal.aborted || this.#open());
  }
}

/** Server makes requests, with the newest token. */
class Server {
  base;
  withCredentials;
  sub = ""; // whose the token is
  expires = 0; // when it does, in ms since 1970; 0 where that is not known
  #token;
  #get;

  constructor(base, { token, withCredentials = false }) {
    [this.base, this.#get, this.withCredentials] = [base, token, withCredentials];
  }

  get renews() { return this.#get !== undefined; }

  /** renew gets a new token. */
  async renew() {
    try {
      this.#token = await this.#get?.();
    } catch (error) {
      throw { code: "token", message: `There is no token: ${error?.message ?? error}` };
    }
    const { sub = "", exp = 0 } = claims(this.#token);
    [this.sub, this.expires] = [sub, exp * 1000];
  }

  address(path, params) {
    const query = new URLSearchParams(params);
    if (this.#token) query.set("access_token", this.#token);
    return `${this.base}${path}?${query}`;
  }

  /** ask makes a GET request. What it throws is {code, message, status, wait, final}: final is what can't be mended by asking again. */
  async ask(path, params, signal, accept = "application/json") {
    const init = { signal, cache: "no-store", headers: { Accept: accept }, credentials: this.withCredentials ? "include" : "same-origin" };
    let answer;
    try {
      if (this.expires && this.expires < Date.now()) await this.renew();
      answer = await fetch(this.address(path, params), init);
    } catch (error) {
      throw error.code === "token" ? error : { code: "network", message: `The server can't be reached: ${error.message}` };
    }
    if (answer.ok) return answer;
    const { status, headers } = answer;
    const { error } = await answer.json().catch(() => ({}));
    if (status === 401 && this.renews) await this.renew().catch(() => {});
    const wait = 1000 * (Number(headers.get("Retry-After")) || 0);
    throw { code: "http", message: `The server answered ${status}.`, ...error, status, wait, final: [400, 403, 404].includes(status) };
  }
}

// --- helpers, exported for tests ----------------------------------------------------------------
const epoch = (id) => id.slice(0, id.lastIndexOf("-"));
const number = (id) => Number(id.slice(id.lastIndexOf("-") + 1));
const hidden = () => globalThis.document?.visibilityState === "hidden";

/** reaches tells whether one position is another or behind it, in the same epoch. */
export const reaches = (a, b) => epoch(a) === epoch(b) && number(a) >= number(b);

/** backOff is how long to wait before attempt n, from 0 on, in ms. */
export const backOff = (n) => Math.min(RETRY_MS[1], RETRY_MS[0] * 2 ** n) * (0.5 + Math.random() / 2);

/** claims reads a JWT without checking it; what is none has none. */
export function claims(token) {
  try {
    const text = atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (c) => c.charCodeAt(0))));
  } catch {
    return {};
  }
}

/** withoutSecret is the data of a registered event as pages see it: the secret stays with the leader. */
function withoutSecret({ secret, ...payload }) {
  return JSON.stringify({ type: "registered", payload: JSON.stringify(payload) });
}

/** enrol applies a presence event to the rosters. */
export function enrol(rosters, { channel, payload: { action, members = [], member = {} } }) {
  const roster = rosters.get(channel) ?? new Map();
  if (action === "snapshot") rosters.set(channel, new Map(members.map(({ clientId, info }) => [clientId, info])));
  else if (action === "leave") roster.delete(member.clientId);
  else rosters.set(channel, roster.set(member.clientId, member.info));
}

/** ended resolves when the signal aborts. */
const ended = (signal) => new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener("abort", resolve)));

/** pause resolves after a time, in ms, or when the signal aborts. */
function pause(ms, signal) {
  let timer;
  const over = new Promise((resolve) => (timer = setTimeout(resolve, Math.min(ms, 2 ** 31 - 1))));
  return Promise.race([over, ended(signal)]).finally(() => clearTimeout(timer));
}

/** signs are the events by which a page learns that it goes to sleep or wakes up. */
function signs() {
  const { window, document } = globalThis;
  const list = [...["pagehide", "pageshow", "online"].map((type) => [window, type]), ...["freeze", "resume", "visibilitychange"].map((type) => [document, type])];
  return list.filter(([target]) => target);
}
