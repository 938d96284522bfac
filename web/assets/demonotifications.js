/**
 * The notifications: one member on two devices.
 *
 *   #phone, #laptop  a Device each: GET /events?memberId=&deviceId=
 *   #kinds           POST /events
 *   #presence        the member's devices according to the server: GET /presence/clients
 *
 * The page stores no position. A device that is switched on sends its id, and the server sends the
 * events since the device's last stream.
 */
import { EventStream } from "../rollcall.js";
import { ROOT, byId, el, everyFrame, parseJSON, plural, visible } from "./dom.js";
import { encoded, fillSlots } from "./curl.js";
import { LABELS, post, refused, remember, remembered, sentence, setQuery, shortTime, startTerminal } from "./demo.js";

const MAX_NOTES = 50;
const ASK_MS = 2000; // interval of presence requests
const buttons = [...byId("kinds").querySelectorAll("[data-kind]")];
const kinds = new Map(buttons.map((button) => [button.dataset.kind, button]));

let member = "";

class Device {
  id;

  #part = {};
  #live = new Date(NaN); // time since which the stream is live
  #state = "closed";
  #missed = 0; // sent by this page while the device was off
  #turned = true; // off by its switch, not by the server
  #waiting = [];
  #draw = everyFrame(() => this.#render());
  #stream = new EventStream({
    address: () => `${ROOT}/events?${new URLSearchParams({ memberId: member, deviceId: this.id })}`,
    types: [...kinds.keys(), "gap"],
    onEvent: (event) => this.#receive(event),
    onState: (change) => this.#show(change),
  });

  constructor(id) {
    this.id = id;
    const root = byId(id);
    for (const part of root.querySelectorAll("[data-part]")) this.#part[part.dataset.part] = part;
    this.#part.switch.addEventListener("change", () => (this.on ? this.switchOn() : this.#stream.close()));
  }

  get on() {
    return this.#part.switch.checked;
  }

  get live() {
    return this.#state === "live";
  }

  switchOn() {
    this.#missed = 0;
    this.#stream.open();
  }

  /** restart follows the page's member, and clears what it shows of another one. */
  restart() {
    this.#waiting = [];
    this.#part.notes.replaceChildren();
    this.#part.empty.hidden = false;
    if (this.on) this.switchOn();
    else this.#show({ state: "closed" });
  }

  /** sent is called for each event that the page has sent; the device may have received it before. */
  sent(id) {
    const isWaiting = this.#waiting.some((event) => event.id === id);
    const had = isWaiting || this.#part.notes.querySelector(`[data-id="${CSS.escape(id)}"]`);
    if (this.on || had) return;
    this.#missed++;
    this.#sayOff();
  }

  #show({ state, reason = "", code = "" }) {
    this.#state = state;
    if (state === "live") {
      this.#live = new Date();
      refused(null);
    }
    if (state === "closed" && reason) {
      this.#part.switch.checked = false;
      refused({ code, message: reason });
    }
    this.#turned = reason === "";
    const off = state === "closed";
    byId(this.id).dataset.state = state;
    this.#part.state.dataset.state = state;
    this.#part["state-label"].textContent = off ? "Off" : LABELS[state];
    this.#part.off.hidden = !off;
    this.#sayOff();
    ask();
  }

  #sayOff() {
    const waits = this.#missed ? `${plural(this.#missed, "notification")} waiting.` : "New notifications wait on the server.";
    this.#part.off.textContent = this.#turned ? `Off. ${waits}` : "Off: the server doesn’t serve it.";
  }

  #receive({ type, id, data }) {
    if (type === "goodbye" || type === "gap") return;
    this.#waiting.push({ type, id, ...parseJSON(data) });
    if (this.#waiting.length > MAX_NOTES) this.#waiting.shift();
    this.#draw();
  }

  #render() {
    const { notes } = this.#part;
    notes.prepend(...this.#waiting.map((event) => this.#note(event)).reverse());
    this.#waiting = [];
    while (notes.children.length > MAX_NOTES) notes.lastElementChild.remove();
    this.#part.empty.hidden = notes.children.length > 0;
  }

  #note({ type, id, body, timestamp }) {
    const at = new Date(timestamp ?? NaN);
    const missed = at <= this.#live;
    return el(
      "li",
      { class: "note is-new", "data-id": id, "data-kind": type, "data-missed": String(missed) },
      el("span", { class: "note-icon", "aria-hidden": "true" }, kinds.get(type).querySelector("svg").cloneNode(true)),
      el(
        "div",
        { class: "note-text" },
        el(
          "div",
          { class: "note-head" },
          el("strong", {}, kinds.get(type).textContent.trim()),
          el("time", { class: "muted small", datetime: isoOf(at), title: at.toString() }, shortTime(at)),
        ),
        el("p", { class: "muted", dir: "auto" }, visible(words(body))),
        missed ? el("span", { class: "badge", "data-tone": "warn" }, "missed while off") : null,
      ),
    );
  }
}

function isoOf(date) {
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

/** words returns the body of an event of any sender as text. */
function words(body) {
  if (typeof body?.text === "string") return body.text;
  if (body === null || body === undefined) return "";
  return typeof body === "string" ? body : JSON.stringify(body);
}

const devices = [new Device("phone"), new Device("laptop")];

// --- sending ----------------------------------------------------------------------------------

let orders = 1000 + Math.floor(Math.random() * 9000);

const samples = {
  ORDER_SHIPPED: () => ({ order: `A-${++orders}`, text: `Order A-${orders} is on its way, here tomorrow.` }),
  PAYMENT_RECEIVED: () => ({ order: `A-${orders}`, text: `49.90 € for order A-${orders}. Thank you!` }),
  MESSAGE_RECEIVED: () => ({ from: "Lin", text: "Lin: are you coming along at six?" }),
  PRICE_DROPPED: () => ({ article: "Desk lamp", text: "The desk lamp on your list is 20 % off." }),
};

async function send(type) {
  const result = byId("sent");
  try {
    const event = { type, body: samples[type]() };
    const { id } = await post(`/events?memberId=${encodeURIComponent(member)}`, { event });
    devices.forEach((device) => device.sent(id));
    result.dataset.state = "ok";
    result.textContent = `${type} sent to every device of ${visible(member)}, as ${id}.`;
  } catch (error) {
    result.dataset.state = "error";
    result.textContent = `Not sent. ${sentence(error)}`;
  }
}

// --- presence ---------------------------------------------------------------------------------

let asking = null; // AbortController of the current request
let again = 0;

/**
 * ask shows the member's devices according to the server, now and every ASK_MS. An offline client
 * is answered with 404, so the list is requested if no device here is live.
 */
async function ask() {
  clearTimeout(again);
  asking?.abort();
  const mine = (asking = new AbortController());
  if (document.hidden || member === "") return;
  const live = devices.some((device) => device.live);
  const list = `${ROOT}/presence/clients`;
  const channel = encodeURIComponent(`member.${member}`);
  const address = live ? `${list}/${encodeURIComponent(member)}` : `${list}?channel=${channel}`;
  try {
    const response = await fetch(address, { cache: "no-store", signal: mine.signal });
    if (!response.ok) return sayPresence(null);
    const answer = await response.json();
    const found = live ? answer.connections : null;
    const elsewhere = live ? 0 : (answer.clients.find((client) => client.clientId === member)?.connections ?? 0);
    if (mine === asking) sayPresence(found ?? [], elsewhere);
  } catch {
    // Unreachable or aborted: the next request shows more.
  }
  if (mine === asking) again = setTimeout(ask, ASK_MS);
}

function sayPresence(connections, elsewhere = 0) {
  const online = connections !== null && connections.length + elsewhere > 0;
  byId("presence-dot").dataset.online = String(online);
  const nameOf = ({ deviceId }) => visible(String(deviceId || "a device without a name"));
  const names = (connections ?? []).map(nameOf).sort();
  const who = visible(member);
  const text =
    connections === null ? "The server does not show who is online."
    : elsewhere ? `${who} is online, with ${plural(elsewhere, "other connection")}.`
    : !online ? `${who} is not online with any device.`
    : `${who} is online with ${names.join(" and ")}.`;
  if (byId("presence").textContent !== text) byId("presence").textContent = text;
}

// --- the page ---------------------------------------------------------------------------------

function follow(name) {
  member = name;
  byId("member").value = name;
  remember("member", name);
  setQuery({ member: name });
  fillSlots({ member: encoded(name) });
  devices.forEach((device) => device.restart());
  ask();
}

byId("member-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = byId("member").value.trim();
  if (name === "") byId("member").focus();
  else if (name !== member) follow(name);
});
byId("kinds").addEventListener("click", (event) => {
  const kind = event.target.closest("[data-kind]")?.dataset.kind;
  if (kind) send(kind);
});
document.addEventListener("visibilitychange", ask);
window.addEventListener("pageshow", (event) => {
  // A page restored from the back-forward cache has closed streams.
  if (event.persisted) devices.forEach((device) => device.on && device.switchOn());
});

startTerminal();
// A random name, so that two visitors of one server don't ring each other's phones.
function guest() {
  const letters = "abcdefghjkmnpqrstuvwxyz23456789";
  const random = [...crypto.getRandomValues(new Uint8Array(4))];
  return `ada-${random.map((byte) => letters[byte % letters.length]).join("")}`;
}
follow(new URLSearchParams(location.search).get("member")?.trim() || remembered("member") || guest());
