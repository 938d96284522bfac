import { parseEvent } from "./events.js";
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

  #channels = new Map(); // name → {apart, position, awaited, floor}, see newChannel
  #run = null; // {id, at, channels, signal}: the current run
  #reached = ""; // channels in step have everything up to this position
  #waiting = []; // events of channels that are apart
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

  add(name) {
    if (!this.has(name)) this.#channels.set(name, newChannel(this.#start));
  }

  remove(name) {
    this.#channels.delete(name);
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
    else if (reaches(position, at)) joinRun(channel, position);
    const isGreeted = greets && this.#from === "" && (isNew || isOfAnotherLog);
    if (gaps || isGreeted) channel.awaited = true;
  }

  // --- events of the run ------------------------------------------------------------------------

  /** take receives the events of the run, in order. */
  take(message) {
    const event = parseEvent(message);
    if (event.type !== "goodbye") this.#reached = event.id;
    this.#roll.apply(event);
    this.#deliver(event);
  }

  /** deliver passes an event to the page, now or once its channel is in step. */
  #deliver(event) {
    const { channel: name, type, id } = event;
    if (name === undefined) {
      this.#onEvent(event);
      return;
    }
    const channel = this.#channels.get(name);
    if (!channel) return;
    if (type === "presence") {
      if (this.#showsPresence) this.#onEvent(event);
      return;
    }
    if (type === "lastEvent" && channel.awaited) joinRun(channel, "");
    if (channel.apart && !channel.awaited) this.#waiting.push(event);
    else if (type === "gap" || !reaches(channel.floor, id)) this.#onEvent(event);
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
      const results = await Promise.allSettled(names.map((name) => this.#read(name, run)));
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
    return { name, channel, isNew, at, events };
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
    const isDue = ({ id, type }) => numberOf(id) <= numberOf(end) && this.#types.has(type);
    const due = events.filter(isDue).map(({ channelName, ...event }) => ({ channel: channelName, ...event }));
    if (!gap || after === "") return due; // from the beginning, nothing is missing
    return [{ channel: name, type: "gap", payload: { after, reason: "evicted" }, id: after }, ...due];
  }

  /** merge passes the loaded events to the page, then those of the run. */
  #merge(results) {
    const current = results.filter(({ name, channel }) => channel.apart && this.#channels.get(name) === channel);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { channel, at } of current) joinRun(channel, at);
    const events = current.flatMap((result) => result.events);
    events.sort((a, b) => numberOf(a.id) - numberOf(b.id));
    for (const event of events) this.#onEvent(event);
    for (const { name, isNew, at } of current) {
      if (isNew && this.#roll.has(name)) this.#tellMembers(name, at); // otherwise the stream is about to
    }
    for (const event of waiting) this.#deliver(event);
  }

  #tellMembers(name, id) {
    this.#deliver({ channel: name, type: "presence", payload: this.#roll.snapshot(name), id });
  }
}

/** newChannel returns a channel without events, which begins after a position. */
function newChannel(position) {
  return {
    apart: true,
    position, // while apart: the channel's last position, "" for none
    awaited: false, // while apart: the stream is about to send the lastEvent
    floor: "", // in step: events up to this position precede the run's
  };
}

function joinRun(channel, floor) {
  channel.apart = false;
  channel.awaited = false;
  channel.floor = floor;
}
