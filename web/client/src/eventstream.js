import { errorOf, networkError } from "./errors.js";
import { payloadOf } from "./events.js";
import { backOff, pause } from "./times.js";

/**
 * EventStream keeps one event stream open: a native EventSource with the features that it lacks.
 *
 * An EventSource reconnects by itself after a lost connection, with the last id it saw. It gives up after any answer
 * but 200, does not report the answer, and receives only registered types. An EventStream adds:
 *
 * - one state at a time, with its reason;
 * - after an EventSource has given up, a request for the server's answer. A final refusal closes the stream with the
 *   server's own message; after any other answer the stream is opened again, later each time;
 * - the server's goodbye: its reason is in the state, and a final goodbye closes the stream.
 *
 * rollcall.d.ts describes the options.
 */
export class EventStream {
  /** The id of the newest event, or "". */
  lastId = "";

  #addressOf;
  #withCredentials;
  #liveOn;
  #onEvent;
  #onState;
  #onRefused;
  #retriesAfter;
  #types;
  #source = null; // EventSource
  #url = ""; // of the source
  #attempt = new AbortController(); // aborts the timers and requests of the current attempt
  #failures = 0; // since the stream was last live
  #browserReconnects = false; // true until a connection that was live, or said goodbye, is lost
  #goodbye = {}; // code and reason of the last goodbye, until the stream is live again

  constructor({
    address,
    types = [],
    withCredentials = false,
    liveOn = "open",
    onEvent,
    onState,
    onRefused = () => {},
    retriesAfter = (error) => !error.final,
  }) {
    this.#addressOf = address;
    this.#types = new Set(["goodbye", ...types]);
    this.#withCredentials = withCredentials;
    this.#liveOn = liveOn;
    this.#onEvent = onEvent;
    this.#onState = onState;
    this.#onRefused = onRefused;
    this.#retriesAfter = retriesAfter;
  }

  /** listen adds event types, on an open stream too. */
  listen(...types) {
    for (const type of types) {
      this.#types.add(type);
      this.#source?.addEventListener(type, this);
    }
  }

  /** open opens the stream anew: after lastId to resume, else from the beginning. */
  open({ resume = false } = {}) {
    if (!resume) this.lastId = "";
    this.#failures = 0;
    this.#goodbye = {};
    this.#onState({ state: "connecting" });
    this.#connect();
  }

  close() {
    this.#stop();
    this.#onState({ state: "closed" });
  }

  #stop() {
    this.#attempt.abort();
    this.#source?.close();
    this.#source = null;
  }

  /** newAttempt ends the current attempt. The signal it returns aborts when the next one begins. */
  #newAttempt() {
    this.#stop();
    this.#attempt = new AbortController();
    return this.#attempt.signal;
  }

  async #connect() {
    const signal = this.#newAttempt();
    let url;
    try {
      url = await this.#addressOf(this.lastId);
    } catch (error) {
      if (!signal.aborted) this.#retry(error);
      return;
    }
    if (signal.aborted) return;
    this.#url = url;
    this.#source = new EventSource(url, { withCredentials: this.#withCredentials });
    for (const type of [...this.#types, "open", "error"]) this.#source.addEventListener(type, this);
  }

  /** handleEvent is called by the EventSource. Published events may have the type "open" or "error", too. */
  handleEvent(event) {
    if (event.target !== this.#source) return;
    if (event instanceof MessageEvent) this.#receive(event);
    else if (event.type === "error") this.#handleLoss();
    else if (this.#liveOn === "open") this.#becomeLive();
  }

  #receive({ type, lastEventId, data }) {
    if (!this.#types.has(type)) return;
    if (type === this.#liveOn) this.#becomeLive();
    if (lastEventId !== "" && type !== "goodbye") this.lastId = lastEventId;
    this.#onEvent({ type, id: lastEventId, data });
    if (type === "goodbye") this.#handleGoodbye(payloadOf(data) ?? {});
  }

  #becomeLive() {
    this.#failures = 0;
    this.#browserReconnects = true;
    this.#goodbye = {};
    this.#onState({ state: "live" });
  }

  #handleGoodbye({ code = "", reason = "", reconnect }) {
    this.#browserReconnects = true;
    this.#goodbye = { code, reason };
    if (reconnect === false) this.#fail({ code, message: reason || code, final: true });
  }

  #handleLoss() {
    const browserReconnects = this.#browserReconnects;
    this.#browserReconnects = false;
    if (this.#source.readyState === EventSource.CLOSED) this.#askWhy();
    else if (browserReconnects) this.#onState({ state: "waiting", ...this.#goodbye });
    else this.#retry(networkError());
  }

  /** askWhy repeats the request, because the EventSource does not report its answer. */
  async #askWhy() {
    const url = this.#url;
    const signal = this.#newAttempt();
    const error = await this.#refusal(url, signal);
    if (signal.aborted) return;
    this.#fail(error);
    this.#onRefused(error);
  }

  async #refusal(url, signal) {
    const credentials = this.#withCredentials ? "include" : "same-origin";
    const headers = { Accept: "text/event-stream" };
    const request = new AbortController();
    signal.addEventListener("abort", () => request.abort());
    try {
      const response = await fetch(withoutDevice(url), { headers, credentials, cache: "no-store", signal: request.signal });
      if (!response.ok || response.status === 204) return await errorOf(response);
      request.abort(); // otherwise the answer, a second stream, continues
      return { code: "http", message: "The server did not open a stream.", status: response.status };
    } catch {
      return networkError();
    }
  }

  #fail(error) {
    if (this.#retriesAfter(error)) {
      this.#retry(error);
      return;
    }
    this.#stop();
    this.#onState({ state: "closed", ...reasonOf(error) });
  }

  async #retry(error) {
    const signal = this.#newAttempt();
    const ms = Math.max(error.wait ?? 0, backOff(this.#failures));
    this.#failures++;
    this.#onState({ state: "waiting", ...reasonOf(error), retryAt: Date.now() + ms });
    await pause(ms, signal);
    if (!signal.aborted) this.#connect();
  }
}

/**
 * withoutDevice returns the URL without its device: the server takes what a device's stream was sent as received, and
 * nobody reads what this request is answered. A browser that leaves a page closes its EventSources a little earlier
 * than the page ends, so this request is made then, too.
 */
function withoutDevice(url) {
  const [path, query] = String(url).split("?", 2);
  const parameters = new URLSearchParams(query);
  if (!parameters.has("deviceId")) return url;
  parameters.delete("deviceId");
  parameters.delete("ack"); // it needs a device
  return `${path}?${parameters}`;
}

/** reasonOf returns the part of an error that belongs to a state. */
function reasonOf({ code, message, status }) {
  const reason = { code, reason: message };
  if (status !== undefined) reason.status = status;
  return reason;
}
