/**
 * Stream keeps one event stream open: a native EventSource and what that lacks.
 *
 * An EventSource reconnects by itself after a lost connection, with the last id it saw. It gives up
 * for good on any answer but 200, without saying which it was, and hears only the event types it
 * was told of. A Stream adds:
 *
 * - one state at a time, with words for it: connecting, live, reconnecting, closed;
 * - after giving up, a look at the server's answer: a refusal that waiting can't mend (4xx), or to
 *   be told to stay away (204), closes the stream with the server's own message; anything else is
 *   tried again, later each time, from the last id;
 * - the server's goodbye: its reason is shown, and where it says not to come back, we don't.
 *
 * Callbacks:
 *   onEvent({type, id, data})         data is the text of the event
 *   onState({state, reason, retryAt, code}) reason may be empty; retryAt, in ms since 1970, is
 *                                     set where the next attempt has a time (the browser keeps
 *                                     the time of its own attempts to itself); code is that of
 *                                     the error that closed the stream, else empty
 */
const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;

export class Stream {
  /** The last id received, or "". */
  lastId = "";

  #url;
  #onEvent;
  #onState;
  #types = new Set(["goodbye"]);
  #source = null;
  #probe = null; // AbortController of a look at the server's answer
  #timer = 0;
  #attempts = 0; // of our own, since the stream was last live
  #farewell = ""; // the reason of the last goodbye, until live again

  /** url(lastId) is the address to open, with lastId in its query where that isn't empty. */
  constructor({ url, types = [], onEvent, onState }) {
    this.#url = url;
    this.#onEvent = onEvent;
    this.#onState = onState;
    types.forEach((type) => this.#types.add(type));
  }

  /** listen adds an event type, on an open stream too. */
  listen(type) {
    if (this.#types.has(type)) return;
    this.#types.add(type);
    this.#source?.addEventListener(type, this.#receive);
  }

  /** open starts afresh, or after lastId if resume is set and there is one. */
  open({ resume = false } = {}) {
    this.#stop();
    if (!resume) this.lastId = "";
    this.#attempts = 0;
    this.#farewell = "";
    this.#set("connecting");
    this.#connect();
  }

  /** close ends the stream. The reason is shown, if given. */
  close(reason = "") {
    this.#stop();
    this.#set("closed", reason);
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#probe?.abort();
    this.#probe = null;
    this.#source?.close();
    this.#source = null;
  }

  #set(state, reason = "", retryAt = 0, code = "") {
    this.#onState({ state, reason, retryAt, code });
  }

  #connect() {
    const source = new EventSource(this.#url(this.lastId));
    this.#source = source;
    for (const type of this.#types) source.addEventListener(type, this.#receive);
    // Somebody may publish events of type "open" and "error": those are MessageEvents.
    source.addEventListener("open", (event) => {
      if (event instanceof MessageEvent || source !== this.#source) return;
      this.#attempts = 0;
      this.#farewell = "";
      this.#set("live");
    });
    source.addEventListener("error", (event) => {
      if (event instanceof MessageEvent || source !== this.#source) return;
      if (source.readyState === EventSource.CLOSED) this.#askWhy();
      else this.#set("reconnecting", this.#farewell);
    });
  }

  #receive = (event) => {
    if (!(event instanceof MessageEvent) || event.target !== this.#source) return;
    if (event.lastEventId) this.lastId = event.lastEventId;
    this.#onEvent({ type: event.type, id: event.lastEventId, data: event.data });
    if (event.type === "goodbye") this.#leave(event.data);
  };

  #leave(data) {
    const goodbye = payloadOf(data) ?? {};
    this.#farewell = String(goodbye.reason || goodbye.code || "the server ended the stream");
    if (goodbye.reconnect === false) this.close(this.#farewell);
  }

  /** The EventSource gave up: ask the server what EventSource doesn't tell. */
  async #askWhy() {
    this.#stop();
    this.#set("reconnecting", this.#farewell);
    const probe = (this.#probe = new AbortController());
    let refusal = null;
    try {
      const response = await fetch(this.#url(this.lastId), {
        headers: { Accept: "text/event-stream" },
        cache: "no-store",
        signal: probe.signal,
      });
      refusal = await refusalOf(response);
    } catch {
      // No answer, or we were told to stop.
    }
    if (this.#probe !== probe) return;
    probe.abort();
    this.#probe = null;
    if (refusal) return this.#set("closed", refusal.message, 0, refusal.code);

    const ceiling = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#attempts++);
    const wait = ceiling * (0.5 + Math.random() / 2);
    this.#set("reconnecting", this.#farewell, Date.now() + wait);
    this.#timer = setTimeout(() => {
      this.#set("reconnecting", this.#farewell);
      this.#connect();
    }, wait);
  }
}

/** refusalOf returns the error of an answer that is final, or null where trying again may help. */
async function refusalOf(response) {
  if (response.status === 204) return { code: "204", message: "the server asked this client to stay away" };
  const passing = response.status === 408 || response.status === 429;
  if (response.status < 400 || response.status >= 500 || passing) return null;
  return errorOf(response);
}

/**
 * errorOf reads the error of a response that isn't ok: {code, message, field}, with a message even
 * where the answer isn't from Rollcall.
 */
export async function errorOf(response) {
  const fallback = { code: String(response.status), message: `the server answered ${response.status} ${response.statusText}`.trim() };
  try {
    return { ...fallback, ...(await response.json()).error };
  } catch {
    return fallback;
  }
}

/**
 * payloadOf returns the payload of an event's data. The server's own events carry theirs as a
 * string of JSON; data without a payload is its own.
 */
export function payloadOf(data) {
  try {
    const value = JSON.parse(data);
    if (value === null || typeof value !== "object" || !("payload" in value)) return value;
    return typeof value.payload === "string" ? JSON.parse(value.payload) : value.payload;
  } catch {
    return undefined;
  }
}
