import { EventStream } from "./eventstream.js";
import { OWN_TYPES, payloadOf } from "./events.js";
import { isPattern } from "./patterns.js";
import { backOff, pause } from "./times.js";

const SILENCE_MS = 30_000; // a stream that has been silent for this long may be dead when a page wakes up
const RENEWAL_SHARE = 0.9; // share of a token's life after which the stream is reopened with a new one
const SOONEST_RENEWAL_MS = 5000;
const LONGEST_RENEWAL_MS = 2 ** 31 - 1;

/**
 * Leader owns the stream of /subscribe for all pages that share it. The leading page provides:
 *
 *   server         from the page's options
 *   info           returns the client's info in presence, or undefined
 *   wants          page id → {channels, types, presence}, kept up to date by the page
 *   locks, name    LockManager and the name of the leader's lock; no locks if pages do not share
 *   signal         aborts when the page no longer leads
 *   send           sends a message to all pages
 *   tokenRenewed   is called after each renewal of the token
 *   roll           returns the current {rosters, online, clientId}
 *   position       the stream's start, "" for a fresh one
 */
export class Leader {
  #page;
  #position;
  #stream;
  #state = { state: "connecting" };
  #asked = {}; // the stream's current {channels, presence}
  #refusedChannels = new Set();
  #watched = new Set(); // pages whose locks are watched
  #untold = new Set(); // pages that have not received the run yet
  #run = ""; // id of the run, "" before the first
  #runs = 0;
  #askedFor = ""; // position that the run's ids repeat until all its gaps are announced, "" after that
  #late = []; // pages that joined meanwhile; they receive the run then
  #connection = null; // {connectionId, secret} of the stream: the secret is the permission to act for it
  #infoOfAddress = ""; // JSON of the info in the stream's address
  #informed = ""; // JSON of the info that the server has
  #informing = false;
  #heardAt = 0; // time of the newest event, in ms since 1970
  #renewalTimer = 0;

  constructor(page) {
    this.#page = page;
    this.#position = page.position;
    this.#stream = new EventStream({
      address: () => this.#address(),
      types: OWN_TYPES,
      withCredentials: page.server.withCredentials,
      liveOn: "registered",
      onEvent: (event) => this.#receive(event),
      onState: (state) => this.#changeState(state),
      onRefused: (error) => this.#handleRefusal(error),
      retriesAfter: (error) => this.#retriesAfter(error),
    });
  }

  // --- what pages want --------------------------------------------------------------------------

  /** update adapts the stream to the pages' current wants. The page, if given, receives the run. */
  async update(page) {
    const { wants, signal } = this.#page;
    wants.get(page)?.channels.forEach((channel) => this.#refusedChannels.delete(channel));
    this.#untold.add(page);
    if (this.#untold.size > 1) return; // an update is running, and includes this page
    await this.#forgetGonePages();
    if (signal.aborted) return;
    const to = [...this.#untold];
    this.#untold.clear();
    for (const id of wants.keys()) this.#watch(id);
    this.#stream.listen(...this.#allWanted("types"));
    const channels = this.#allWanted("channels").filter((channel) => !this.#refusedChannels.has(channel));
    const asked = { channels, presence: this.#allWanted("presence") };
    if (JSON.stringify(asked) !== JSON.stringify(this.#asked)) {
      this.#asked = asked;
      this.#open();
    } else if (this.#isComplete) {
      this.#open(); // for a page that does not have the ended channels yet
    } else if (this.#state.state === "live") {
      this.#late.push(...to);
      this.#tellLatePages();
    }
  }

  /** tellLatePages sends late pages the current run, once its position is one of the log. */
  #tellLatePages() {
    if (this.#askedFor !== "" || this.#late.length === 0) return;
    this.#tellRun({ to: this.#late, prev: "", at: this.#position, roll: this.#page.roll() });
    this.#late = [];
  }

  #allWanted(field) {
    const values = [...this.#page.wants.values()].flatMap((want) => want[field]);
    return [...new Set(values)].sort();
  }

  /** forgetGonePages drops the wants of pages that no longer hold a lock of their own. */
  async #forgetGonePages() {
    const { wants, locks, name } = this.#page;
    if (!locks) return;
    const pages = [...wants.keys()];
    const { held } = await locks.query();
    const lockNames = new Set(held.map((lock) => lock.name));
    for (const id of pages) {
      if (!lockNames.has(`${name} ${id}`)) wants.delete(id);
    }
  }

  /** watch waits for the end of a page, which releases the page's lock. */
  async #watch(page) {
    const { locks, name, signal, wants } = this.#page;
    if (!locks || this.#watched.has(page)) return;
    this.#watched.add(page);
    const forget = () => {
      this.#watched.delete(page);
      wants.delete(page);
      this.update();
    };
    try {
      await locks.request(`${name} ${page}`, { signal }, forget);
    } catch {
      // This page no longer leads.
    }
  }

  // --- the stream -------------------------------------------------------------------------------

  /** answer confirms to the pages that the leader is awake. If a page woke up, the machine may have slept, too. */
  answer(pageWokeUp) {
    if (pageWokeUp) this.wake({ maybeDead: Date.now() - this.#heardAt > SILENCE_MS });
    this.#tell(this.#state);
  }

  /** wake reopens a stream that is not live, or that may be dead. */
  wake({ maybeDead }) {
    const isWanted = this.#asked.channels?.length > 0 && !this.#isComplete;
    if (isWanted && (maybeDead || this.#state.state !== "live")) this.#open();
  }

  /** close ends the stream. leave says how to report it: "grace", "now", or "" for not at all. */
  close(leave) {
    const { server, wants } = this.#page;
    const skipsGrace = leave === "now" && wants.size <= 1;
    if (leave !== "" && this.#connection) {
      const { connectionId, secret } = this.#connection;
      const query = new URLSearchParams(skipsGrace ? { secret, now: 1 } : { secret });
      navigator.sendBeacon(`${server.base}/presence/connections/${connectionId}/leave?${query}`);
    }
    this.#stop();
  }

  #stop() {
    clearTimeout(this.#renewalTimer);
    this.#stream.close();
  }

  #open() {
    if (this.#asked.channels.length > 0) {
      this.#stream.open({ resume: true });
    } else {
      this.#stop();
      this.#tell({ state: "idle" });
    }
  }

  async #address() {
    const { server, tokenRenewed, signal } = this.#page;
    await server.renewToken();
    tokenRenewed();
    if (!signal.aborted) this.#reopenBeforeExpiry();
    return server.address("/subscribe", this.#params());
  }

  #params() {
    const { info, roll } = this.#page;
    this.#infoOfAddress = JSON.stringify(info()) ?? "";
    const params = {
      channels: this.#asked.channels,
      clientId: roll().clientId,
      presence: this.#asked.presence,
      info: this.#infoOfAddress,
      lastEventId: this.#position,
    };
    return Object.fromEntries(Object.entries(params).filter(([, value]) => value?.length > 0));
  }

  #reopenBeforeExpiry() {
    const { expiresAt } = this.#page.server;
    clearTimeout(this.#renewalTimer);
    if (expiresAt === 0) return;
    const ms = Math.max((expiresAt - Date.now()) * RENEWAL_SHARE, SOONEST_RENEWAL_MS);
    this.#renewalTimer = setTimeout(() => this.#open(), Math.min(ms, LONGEST_RENEWAL_MS));
  }

  #receive({ type, id, data }) {
    this.#heardAt = Date.now();
    if (type === "registered") this.#beginRun(id, payloadOf(data));
    if (type !== "goodbye") this.#position = id;
    const shown = type === "registered" ? withoutSecret(data) : data;
    this.#page.send({ kind: "event", run: this.#run || undefined, type, id, data: shown });
    if (id !== this.#askedFor) this.#askedFor = "";
    this.#tellLatePages();
  }

  #beginRun(at, { clientId, connectionId, secret, resumed }) {
    const prev = resumed ? this.#run : "";
    this.#askedFor = resumed ? "" : this.#position;
    this.#late = [];
    this.#runs++;
    this.#run = `${connectionId} ${this.#runs}`;
    this.#connection = { connectionId, secret };
    this.#informed = this.#infoOfAddress; // which may be older, where the browser reconnected by itself
    this.inform();
    this.#tellRun({ prev, at, clientId, greets: !resumed, gaps: !resumed && this.#position !== "" });
  }

  #tellRun(details) {
    const { info, roll } = this.#page;
    const { clientId } = roll();
    const { channels } = this.#asked;
    this.#page.send({ kind: "run", run: this.#run, channels, clientId, info: info(), ...details });
  }

  /** inform tells the server the newest info of the client. A stream that is opened brings it by itself. */
  async inform() {
    if (this.#informing) return;
    this.#informing = true;
    const { server, info, send, signal } = this.#page;
    for (let failures = 0; !signal.aborted && this.#connection; ) {
      const newest = info();
      const text = JSON.stringify(newest) ?? "";
      if (text === this.#informed || text === "") break;
      const connection = this.#connection;
      try {
        await server.putInfo(connection, newest, signal);
        if (connection === this.#connection) this.#informed = text;
      } catch (error) {
        if (signal.aborted || error.status === 404) break; // the stream has ended; the next one brings it
        if (error.final) {
          this.#informed = text;
          send({ kind: "error", error });
        } else {
          await pause(Math.max(error.wait ?? 0, backOff(failures++)), signal);
        }
      }
    }
    this.#informing = false;
  }

  /** isComplete is true once all channels of the stream have ended. */
  get #isComplete() {
    return this.#state.code === "complete";
  }

  #tell(state) {
    this.#state = state;
    this.#page.send({ kind: "state", state });
  }

  #changeState(state) {
    if (state.state === "live") this.#state = state; // the run informs the pages
    else if (state.state !== "closed") this.#tell(state);
    else if (state.code === "complete") this.#complete(state);
    else if (state.code !== undefined) this.#page.send({ kind: "stop", state }); // closed by the server, not by close
  }

  /** complete waits for other channels. A stream that resumes behind the end of all its channels would be refused. */
  #complete(state) {
    this.#position = "";
    this.#tell({ ...state, state: "idle" });
  }

  // --- refusals ---------------------------------------------------------------------------------

  /** retriesAfter is false if the server asked the client to stay away. */
  #retriesAfter({ code, status, final }) {
    const isRefusal = status >= 400; // of a token or a channel: the next request may have better ones
    return !final || isRefusal || (code === "expired" && this.#page.server.renewsTokens);
  }

  /** handleRefusal finds the refused channels, if any. The stream continues without them. */
  async #handleRefusal(error) {
    const { server, send, signal } = this.#page;
    const isMended = error.status === 200 || (error.status === 401 && server.tokenExpired);
    if (isMended || !this.#retriesAfter(error)) return;
    const refused = [400, 403].includes(error.status) ? await this.#findRefusedChannels() : [];
    if (signal.aborted) return;
    if (refused.length === 0) {
      send({ kind: "error", error });
      return;
    }
    for (const [channel] of refused) this.#refusedChannels.add(channel); // sleeping pages may still want it
    send({ kind: "refused", refused });
    this.update();
  }

  /** findRefusedChannels returns [channel, error] for each unreadable channel. */
  async #findRefusedChannels() {
    const { server, signal } = this.#page;
    const { channels } = this.#asked;
    const ask = (channel) =>
      isPattern(channel)
        ? server.get("/subscribe", { channels: channel, from: "now", until: "now" }, signal)
        : server.get("/lastEvent", { channel }, signal);
    const answers = await Promise.allSettled(channels.map(ask));
    return answers.flatMap(({ reason }, i) => (reason?.final ? [[channels[i], reason]] : []));
  }
}

/** withoutSecret returns the data of a registered event for pages: the secret stays with the leader. */
function withoutSecret(data) {
  const { secret, ...payload } = payloadOf(data);
  return JSON.stringify({ type: "registered", payload: JSON.stringify(payload) });
}
