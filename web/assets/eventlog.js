/**
 * EventLog shows events as rows, newest first, at most MAX_ROWS of them.
 *
 * Each row is an li with data-type, data-id, data-channel and data-kind. Events may come faster
 * than a page can draw: they wait for the next animation frame, and only the newest MAX_ROWS
 * of them are kept. While paused they wait longer.
 */
import { byId, clock, el, everyFrame, parseJSON, plural, visible } from "./dom.js";

const MAX_ROWS = 200;
const LONG_PAYLOAD = 240; // characters; a longer one is folded

/** The server's own events, by type; all other types are published ones. */
const KINDS = {
  registered: "server",
  lastEvent: "server",
  gap: "server",
  goodbye: "server",
  "online-presence": "presence",
  presence: "presence",
};

const TONES = {
  registered: "ok",
  lastEvent: "neutral",
  gap: "warn",
  goodbye: "bad",
  "online-presence": "violet",
  presence: "violet",
};

export class EventLog {
  #list = byId("events");
  #empty = byId("events-empty");
  #filter = byId("events-filter");
  #pause = byId("events-pause");
  #waiting = [];
  #paused = false;
  #draw = everyFrame(() => this.#render());

  constructor() {
    this.#filter.addEventListener("input", () => this.#sift());
    byId("events-clear").addEventListener("click", () => this.clear());
    this.#pause.addEventListener("click", () => this.#toggle());
    for (const box of document.querySelectorAll("input[data-show]")) {
      box.addEventListener("change", () => this.#sift());
    }
  }

  /** add shows one event: {type, id, data}, data being the text as received. */
  add(event) {
    this.#waiting.push({ ...event, at: new Date() });
    if (this.#waiting.length > MAX_ROWS) this.#waiting.shift();
    if (this.#paused) this.#label();
    else this.#draw();
  }

  clear() {
    this.#waiting = [];
    this.#list.replaceChildren();
    this.#label();
    this.#sift();
  }

  #toggle() {
    this.#paused = !this.#paused;
    this.#pause.setAttribute("aria-pressed", String(this.#paused));
    this.#label();
    if (!this.#paused) this.#draw();
  }

  #label() {
    const count = this.#waiting.length;
    const more = count === MAX_ROWS ? "+" : "";
    this.#pause.textContent = !this.#paused ? "Pause" : count ? `Resume (${count}${more})` : "Resume";
  }

  #render() {
    if (this.#paused) return;
    const rows = this.#waiting.reverse().map((event) => row(event));
    this.#waiting = [];
    // An animated row draws attention to one event; in a burst it would be noise.
    if (rows.length <= 5) rows.forEach((added) => added.classList.add("is-new"));
    this.#list.prepend(...rows);
    while (this.#list.children.length > MAX_ROWS) this.#list.lastElementChild.remove();
    this.#sift();
  }

  /** Hides the rows that the filter and the kinds exclude. */
  #sift() {
    const words = this.#filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kinds = new Set();
    for (const box of document.querySelectorAll("input[data-show]")) {
      if (box.checked) kinds.add(box.dataset.show);
    }
    let shown = 0;
    for (const item of this.#list.children) {
      const text = words.length ? item.textContent.toLowerCase() : "";
      item.hidden = !kinds.has(item.dataset.kind) || !words.every((word) => text.includes(word));
      if (!item.hidden) shown++;
    }
    this.#list.hidden = shown === 0;
    this.#empty.hidden = shown > 0;
    this.#empty.textContent = this.#list.children.length
      ? "No event matches the filter."
      : "No events yet. Connect, then publish one.";
  }
}

function row({ type, id, data, at }) {
  const value = parseJSON(data);
  const fields = value !== null && typeof value === "object" ? value : {};
  const { channelName: name = "", payload = value, timestamp } = fields;
  const channelName = String(name);
  const time = timestamp ? new Date(timestamp) : at;
  const item = el(
    "li",
    { class: "event", "data-type": type, "data-id": id, "data-channel": channelName, "data-kind": KINDS[type] ?? "live" },
    el("time", { class: "event-time", datetime: isoOf(time), title: time.toString() }, clock(time, { millis: true })),
    el("span", { class: "badge event-type", "data-tone": TONES[type] ?? "accent", title: visible(type) }, visible(type)),
    el("span", { class: "event-channel", title: visible(channelName) || null, dir: "auto" }, visible(channelName)),
  );
  item.append(body(type, payload === undefined ? data : payload), el("span", { class: "event-id", title: `id: ${id}` }, id));
  return item;
}

function isoOf(date) {
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

/** body shows a payload: the server's own in words, a published one unchanged. */
function body(type, payload) {
  const own = type in KINDS && typeof payload === "string" ? parseJSON(payload) : undefined;
  const say = own === undefined || own === null ? null : WORDS[type]?.(own);
  if (say) return el("span", { class: "event-body", dir: "auto" }, ...say);
  return el("div", { class: "event-body" }, text(payload));
}

/** text shows a value, folded if it is long. */
function text(value) {
  const plain = visible(typeof value === "string" ? value : JSON.stringify(value));
  if (plain.length <= LONG_PAYLOAD) return el("code", { dir: "auto" }, plain);
  const parsed = typeof value === "string" ? parseJSON(value) : value;
  const whole = parsed !== null && typeof parsed === "object" ? visible(JSON.stringify(parsed, null, 2)) : plain;
  return el(
    "details",
    {},
    el(
      "summary",
      {},
      el("code", { dir: "auto" }, `${plain.slice(0, LONG_PAYLOAD / 2)}…`),
      el("span", { class: "muted" }, ` ${plural(plain.length, "character")}`),
    ),
    el("pre", { dir: "auto" }, whole),
  );
}

const muted = (words) => el("span", { class: "muted" }, words);
const code = (value) => el("code", {}, visible(String(value)));

/** WORDS describes the payload of each of the server's own types, as nodes and strings. */
const WORDS = {
  registered: ({ clientId = "", resumed }) => [
    muted(resumed ? "resumed as " : "as "),
    code(clientId),
  ],
  lastEvent: (last) =>
    "type" in last
      ? [el("span", { class: "badge", "data-tone": "neutral" }, visible(String(last.type))), " ", text(last.payload ?? "")]
      : [muted("nothing published here yet")],
  gap: ({ reason = "unknown", after = "" }) => [
    { epoch: "The log began anew since ", evicted: "Some events are no longer kept since " }[reason] ?? "Unknown position: ",
    code(after),
  ],
  goodbye: ({ code = "", reason = "", reconnect }) => [
    el("strong", {}, String(code)),
    ` ${reason} `,
    muted(reconnect === false ? "Not coming back." : "Reconnecting."),
  ],
  "online-presence": (ids) => {
    if (!Array.isArray(ids)) return [text(ids)];
    const shown = ids.slice(0, 12).join(", ");
    return [el("strong", {}, plural(ids.length, "client")), muted(" online: "), code(ids.length > 12 ? `${shown}, …` : shown)];
  },
  presence: ({ action = "", member, members }) => {
    if (Array.isArray(members)) return [el("strong", {}, String(action)), muted(` of ${plural(members.length, "member")}`)];
    return [el("strong", {}, String(action)), " ", code(member?.clientId ?? "")];
  },
};
