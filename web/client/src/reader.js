import { OWN_TYPES, parseEvent, parseStream, payloadOf } from "./events.js";
import { networkError } from "./errors.js";
import { isPattern, matches } from "./patterns.js";
import { epochOf, numberOf, reaches } from "./positions.js";
import { backOff, pause } from "./times.js";

const HISTORY_PAGE = 1000; // events of one request
const PLACES = ["oldest", "last", "now"]; // where a channel can begin, beside a position

/**
 * Reader gives a page the events of its channels, each once and in the log's order, from any leader.
 *
 * A *run* is the content of a stream: all events of some channels from one position on, without a hole. A channel that
 * has reached the position of the run is in step and takes the run's events. Any other channel is *apart*: the
 * reader loads its missing events from /lastEvent and /history, while its events of the run wait. It is therefore
 * irrelevant which page leads, how often that changes, and which pages sleep.
 *
 * A pattern is treated as a channel that has the events of all channels it matches. Its missing events are those of a
 * stream that ends at once (until=now). An event that several names and patterns of the page match comes once.
 */
export class Reader {
  #server;
  #from; // where a channel begins: one of PLACES, or "" for its lastEvent
  #start; // position where a channel begins, or ""
  #types; // Set of the types with handlers
  #roll;
  #showsPresence; // whether the page gets presence events
  #onEvent;
  #onError;
  #onRefused;

  #channels = new Map(); // name or pattern → {apart, position, awaited, floor, start}, see newChannel
  #patterns = []; // the patterns among them
  #run = null; // {id, at, channels, signal}: the current run
  #reached = ""; // channels in step have everything up to this position
  #waiting = []; // events of channels that are apart
  #ahead = new Map(); // channel → position up to which the page has its texts, where that is beyond the run's
  #catchingUp = false;

  constructor({ server, from = "", types, roll, showsPresence, onEvent, onError, onRefused }) {
    this.#server = server;
    this.#from = PLACES.includes(from) ? from : "";
    this.#start = PLACES.includes(from) ? "" : from;
    this.#types = types;
    this.#roll = roll;
    this.#showsPresence = showsPresence;
    this.#onEvent = onEvent;
    this.#onError = onError;
    this.#onRefused = onRefused;
  }

  get channels() {
    return [...this.#channels.keys()];
  }

  /** reached is the newest position of the run that the page has. */
  get reached() {
    return this.#reached;
  }

  has(name) {
    return this.#channels.has(name);
  }

  /** hasPatterns reports whether the page follows a pattern. */
  get hasPatterns() {
    return this.#patterns.length > 0;
  }

  add(name) {
    if (!this.has(name)) this.#channels.set(name, newChannel(name, this.#start));
    this.#findPatterns();
  }

  remove(name) {
    this.#channels.delete(name);
    this.#findPatterns();
  }

  #findPatterns() {
    this.#patterns = [...this.#channels.values()].filter((channel) => channel.isPattern);
  }

  /** listeners returns the page's own entry of a channel or pattern, and those of the patterns that match it. */
  #listeners(name) {
    const own = this.#channels.get(name);
    const others = this.#patterns.filter((pattern) => pattern !== own && !own?.isPattern && matches(pattern.name, name));
    return own ? [own, ...others] : others;
  }

  /** stop ends the run. The positions stay: the next run begins there. */
  stop() {
    this.#run = null;
  }

  /** isOf reports whether an event belongs to the current run. */
  isOf(runId) {
    return runId === this.#run?.id;
  }

  // --- runs -------------------------------------------------------------------------------------

  /** follow starts with a new run or joins a running one. The signal aborts when the page sleeps. */
  follow(run, signal) {
    if (!this.isOf(run.id)) this.#leaveRunFor(run, signal);
    this.#run.at = run.at;
    for (const [name, channel] of this.#channels) {
      if (channel.apart && run.channels.includes(name)) this.#place(name, channel, run);
    }
  }

  #leaveRunFor({ id, prev, at, channels, roll }, signal) {
    const continues = prev !== "" && this.isOf(prev);
    for (const [name, channel] of this.#channels) {
      channel.awaited = false;
      if (channel.apart || (continues && channels.includes(name))) continue;
      channel.apart = true;
      channel.position = reaches(channel.floor, this.#reached) ? channel.floor : this.#reached;
    }
    this.#run = { id, at, channels, signal };
    this.#reached = at;
    this.#waiting = [];
    if (roll) this.#roll.replace(roll);
  }

  /** place decides how a channel that is apart gets into step with a run. */
  #place(name, channel, { at, greets, gaps }) {
    const { position } = channel;
    const isNew = position === "";
    const isOfAnotherLog = !isNew && epochOf(position) !== epochOf(at);
    if (isOfAnotherLog && !gaps) {
      this.#onEvent({ channel: name, type: "gap", payload: { after: position, reason: "epoch" }, id: at });
    }
    if (isOfAnotherLog || gaps) channel.position = "";
    else if (reaches(position, at)) joinRun(channel, { at: position });
    const isGreeted = greets && this.#from === "" && (isNew || isOfAnotherLog) && !channel.isPattern;
    if (gaps || isGreeted) channel.awaited = true;
  }

  // --- events of the run ------------------------------------------------------------------------

  /** take receives the events of the run, in order. */
  take(message) {
    const event = parseEvent(message);
    if (event.type !== "goodbye") this.#reached = event.id;
    this.#roll.apply(event);
    this.#deliver(event);
    if (event.id !== this.#run?.at) this.#endGaps(event.id);
  }

  /** endGaps is called for events behind the gaps with which a run began. Patterns then begin anew, at a position of this log. */
  #endGaps(at) {
    const begun = this.#patterns.filter(({ awaited }) => awaited);
    if (begun.length === 0) return;
    for (const pattern of begun) pattern.awaited = false;
    this.#run.at = at;
    this.catchUp();
  }

  /** deliver passes an event to the page, now or once its channel is in step. */
  #deliver(event) {
    const { channel: name, type, id } = event;
    if (name === undefined) {
      this.#onEvent(event);
      return;
    }
    let listeners = this.#listeners(name);
    if (listeners.length === 0) return;
    if (type === "presence") {
      if (this.#showsPresence) this.#onEvent(event);
      return;
    }
    if (type === "lastEvent") {
      const channel = this.#channels.get(name);
      if (!channel) return; // patterns load theirs
      if (channel.awaited) joinRun(channel, { at: "", start: id });
      listeners = [channel];
    }
    if (this.#ahead.has(name) && reaches(this.#ahead.get(name), id)) return;
    const current = listeners.filter(({ apart, awaited }) => !apart || awaited);
    if (current.some(({ floor }) => type === "gap" || !reaches(floor, id))) this.#onEvent(event);
    else if (current.length < listeners.length) this.#waiting.push(event);
  }

  // --- catching up ------------------------------------------------------------------------------

  /** catchUp gets channels into step: all at once, so that their events are in the log's order. */
  async catchUp() {
    if (this.#catchingUp) return;
    this.#catchingUp = true;
    while (this.#run && this.#namesBehind().length > 0) await this.#catchUpWith(this.#run);
    this.#catchingUp = false;
  }

  async #catchUpWith(run) {
    for (let failures = 0; this.#run === run; failures++) {
      const names = this.#namesBehind();
      const read = (name) => (isPattern(name) ? this.#readPattern(name, run) : this.#read(name, run));
      const results = await Promise.allSettled(names.map(read));
      if (this.#run !== run) return;
      const errors = results.map(({ reason }) => reason);
      const passing = errors.find((error) => error && !error.final);
      if (!passing) {
        names.forEach((name, i) => errors[i] && this.#onRefused(name, errors[i]));
        this.#merge(results.flatMap(({ value }) => value ?? []));
        return;
      }
      this.#onError(passing);
      await pause(Math.max(passing.wait ?? 0, backOff(failures)), run.signal);
    }
  }

  /** namesBehind returns the run's channels whose past is not in the run. */
  #namesBehind() {
    const isBehind = ([name, { apart, awaited }]) => apart && !awaited && this.#run.channels.includes(name);
    return [...this.#channels].filter(isBehind).map(([name]) => name);
  }

  /** read loads a channel's missing events up to the run's position; later ones are in the run. */
  async #read(name, { at: end, signal }) {
    const channel = this.#channels.get(name);
    const isNew = channel.position === "";
    const events = [];
    let at = channel.position;
    if (isNew) {
      const first = await this.#readFirst(name, end, signal);
      at = first.at;
      events.push(...first.events);
    }
    while (!reaches(at, end)) {
      const from = at === "" ? {} : { after: at };
      const page = await this.#readHistory({ channel: name, ...from, limit: HISTORY_PAGE }, signal);
      if (page.next === at || epochOf(page.next) !== epochOf(end)) {
        throw { code: "behind", message: "This server does not have these events." };
      }
      events.push(...this.#eventsOf(name, page, at, end));
      at = reaches(page.next, end) ? end : page.next;
    }
    return { channel, isNew, at, start: this.#from === "oldest" ? "" : at, events };
  }

  /** readPattern loads the missing events of a pattern's channels, or what a new pattern begins with. */
  async #readPattern(pattern, { at: end, signal }) {
    const channel = this.#channels.get(pattern);
    const isNew = channel.position === "";
    const begin = isNew ? { from: this.#from } : { lastEventId: channel.position };
    const answer = await this.#server.get("/subscribe", { channels: pattern, until: "now", ...begin }, signal);
    const messages = parseStream(await answer.text());
    const bye = messages.pop();
    if (bye?.type !== "goodbye") throw networkError(); // it broke off
    const { code, reason } = payloadOf(bye.data);
    if (code !== "complete") throw { code, message: reason };
    if (!reaches(bye.id, end)) throw { code: "behind", message: "This server does not have these events." };
    // Later events are in the run, too. Pieces of a text that are joined across its position are read whole.
    const isDue = ({ type, id, pieces }) => OWN_TYPES.includes(type) || pieces > 1 || reaches(end, id);
    const events = messages.map(parseEvent).filter((event) => event.channel && this.#isHeard(event) && isDue(event));
    const at = isNew && this.#from === "" ? bye.id : end; // the lastEvents are of the end of the stream
    return { channel, isNew, at, start: this.#from === "oldest" ? "" : at, events };
  }

  #isHeard({ type }) {
    return this.#types.has(type) || OWN_TYPES.includes(type);
  }

  /** readFirst gets what a new channel begins with, and the position that it has then reached. */
  async #readFirst(name, end, signal) {
    if (this.#from === "now") return { at: end, events: [] };
    if (this.#from === "oldest") return { at: "", events: [] }; // all of it is read as what it lacks
    if (this.#from === "last") {
      const page = await this.#readHistory({ channel: name, last: 1 }, signal);
      const at = reaches(page.next, end) ? end : page.next;
      return { at, events: this.#eventsOf(name, { ...page, gap: false }, "", end) };
    }
    const answer = await this.#server.get("/lastEvent", { channel: name }, signal);
    const { response } = await answer.json();
    const id = answer.headers.get("Last-Event-ID");
    return { at: id, events: [{ channel: name, type: "lastEvent", payload: JSON.parse(response), id }] };
  }

  async #readHistory(params, signal) {
    const answer = await this.#server.get("/history", params, signal);
    return answer.json();
  }

  /** eventsOf returns the events in a page of the history in the form of handlers, up to the position end. */
  #eventsOf(name, { gap, events }, after, end) {
    const isDue = (event) => numberOf(event.id) <= numberOf(end) && this.#isHeard(event);
    const due = events.filter(isDue).map(({ channelName, ...event }) => ({ channel: channelName, ...event }));
    if (!gap || after === "") return due; // from the beginning, nothing is missing
    return [{ channel: name, type: "gap", payload: { after, reason: "evicted" }, id: after }, ...due];
  }

  /** merge passes the loaded events to the page, then those of the run. */
  #merge(results) {
    const current = results.filter(({ channel }) => channel.apart && this.#channels.get(channel.name) === channel);
    const waiting = this.#waiting;
    this.#waiting = [];
    const events = this.#withoutRepetitions(current);
    for (const { channel, isNew, at, start } of current) joinRun(channel, isNew ? { at, start } : { at });
    events.sort((a, b) => numberOf(a.id) - numberOf(b.id));
    for (const event of events) {
      if (event.pieces > 1) this.#ahead.set(event.channel, event.id);
      this.#onEvent(event);
    }
    for (const { channel, isNew, at } of current) {
      if (isNew && this.#roll.has(channel.name)) this.#tellMembers(channel.name, at); // otherwise the stream is about to
    }
    for (const event of waiting) this.#deliver(event);
  }

  /** withoutRepetitions returns the loaded events, each once, without those that others in step have or are about to get. */
  #withoutRepetitions(results) {
    const seen = new Set();
    const isFirst = ({ channel: reader, isNew }, event) => {
      const { channel, type, id } = event;
      if (type === "gap") return true;
      const others = this.#patterns.length > 0 ? this.#listeners(channel).filter((other) => other !== reader) : [];
      // A new pattern leaves channels that the page follows already, or by name, to those.
      if (reader.isPattern && isNew && others.some((other) => !other.isPattern || !other.apart)) return false;
      const covers = (other) => !other.apart && !reaches(other.start, id);
      if (type !== "lastEvent" && others.some(covers)) return false;
      const key = type === "lastEvent" ? `${type} ${channel}` : id;
      return !seen.has(key) && seen.add(key);
    };
    return results.flatMap((result) => result.events.filter((event) => isFirst(result, event)));
  }

  #tellMembers(name, id) {
    this.#deliver({ channel: name, type: "presence", payload: this.#roll.snapshot(name), id });
  }
}

/** newChannel returns a channel or pattern without events, which begins after a position. */
function newChannel(name, position) {
  return {
    name,
    isPattern: isPattern(name),
    apart: true,
    position, // while apart: the channel's last position, "" for none
    awaited: false, // while apart: the stream is about to send its lastEvent or, for a pattern, its gap
    floor: "", // in step: events up to this position precede the run's
    start: position, // the page has its events after this position, "" for all that were kept
  };
}

function joinRun(channel, { at, start = channel.start }) {
  channel.apart = false;
  channel.awaited = false;
  channel.floor = at;
  channel.start = start;
}
