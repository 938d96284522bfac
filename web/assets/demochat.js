/**
 * The chat: a room, its messages, and its members.
 *
 *   #join-form   a name and a room
 *   #messages    GET /messages?room=: earlier messages, then new ones
 *   #here-list   GET /presence/stream of the room's channel: a snapshot, then joins and leaves
 *   #say-form    POST /messages
 *
 * Over HTTP/1.1 a browser has six connections to a server for all its tabs. A hidden tab closes
 * its presence stream, and shows the changes when it is visible again.
 */
import { EventStream, payloadOf } from "../rollcall.js";
import { ROOT, byId, el, everyFrame, parseJSON, plural, visible } from "./dom.js";
import { encoded, fillSlots, quoted } from "./curl.js";
import { post, refused, remember, remembered, sentence } from "./demo.js";
import { setQuery, shortTime, showState, startTerminal } from "./demo.js";

const MAX_ROWS = 500;
const GROUP_MS = 5 * 60_000; // consecutive messages of one person within this time form a group
const TONES = ["violet", "ok", "warn", "bad", "accent"];

const list = byId("messages");
const scroller = byId("scroll");
const say = byId("say");

let me = "";
let room = "";
let people = null; // clientId → time of arrival or null; null until the first snapshot
let waiting = []; // rows for the next frame
let last = {}; // the newest row: {day, user, at}
let following = true; // the end of the list is visible, and kept visible
let unseen = 0; // messages below the visible part

const messages = new EventStream({
  address: (lastId) => {
    const query = new URLSearchParams({ room, user: me });
    if (lastId) query.set("lastEventId", lastId);
    return `${ROOT}/messages?${query}`;
  },
  types: ["message", "gap"],
  onEvent: receive,
  onState: (change) => {
    showState(change);
    list.setAttribute("aria-busy", String(change.state === "connecting"));
    if (change.code?.startsWith("invalid_")) leave(); // to choose again
  },
});

const presence = new EventStream({
  address: (lastId) => {
    const query = new URLSearchParams({ channels: `room.${room}` });
    if (lastId) query.set("lastEventId", lastId);
    return `${ROOT}/presence/stream?${query}`;
  },
  types: ["snapshot", "join", "leave"],
  onEvent: ({ type, data }) => attend(type, payloadOf(data)),
  onState: ({ state, reason, code }) => {
    byId("here-source").textContent = state === "live" ? "live" : "";
    if (state !== "closed" || !reason) return;
    const isRefused = code === "unauthorized" || code === "forbidden";
    byId("here-source").textContent = isRefused ? "not shown here" : visible(reason);
  },
});

// --- joining ----------------------------------------------------------------------------------

function join(name, where) {
  me = name;
  room = where;
  remember("name", me);
  setQuery({ room });
  clear();
  people = null;
  drawPeople();
  byId("me").textContent = visible(me);
  byId("room-name").textContent = `# ${visible(room)}`;
  say.placeholder = `Message # ${visible(room)}`;
  byId("second").href = `${ROOT}/demo/chat?room=${encodeURIComponent(room)}`;
  document.title = `# ${visible(room)} · Rollcall`;
  const greeting = { text: "Hello from a terminal", room, user: "curl" };
  fillSlots({ room: encoded(room), say: quoted(visible(JSON.stringify(greeting))) });
  show(true);
  messages.open();
  watch();
  say.focus({ preventScroll: true });
}

function leave() {
  messages.close();
  presence.close();
  remember("name", "");
  show(false);
  byId("join-name").value = me;
  byId("join-room").value = room;
  byId("join-name").focus();
}

function show(joined) {
  byId("join").hidden = joined;
  byId("chat").hidden = !joined;
}

/** watch follows the room's members while the page is visible. */
function watch() {
  if (byId("chat").hidden) return;
  if (document.hidden) presence.close();
  else presence.open();
}

// --- messages ---------------------------------------------------------------------------------

function receive({ type, id, data }) {
  const value = parseJSON(data);
  if (type === "gap") {
    const { reason } = payloadOf(data) ?? {};
    if (reason === "evicted") return line("Some messages since then are no longer kept.");
    clear(); // the log began anew: all that the room keeps follows
    return line("The room began anew.");
  }
  if (type !== "message" || value === null || typeof value !== "object") return;
  const { text, user, timestamp } = value;
  add({ id, text: String(text ?? ""), user: String(user ?? ""), at: new Date(timestamp ?? Date.now()) });
}

/** line adds a notice, such as a join or leave. */
function line(text, at = new Date(NaN)) {
  add({ line: text, at });
}

function add(row) {
  waiting.push(row);
  if (waiting.length > MAX_ROWS) waiting.shift();
  draw();
}

function clear() {
  waiting = [];
  last = {};
  list.replaceChildren();
  toEnd();
  byId("messages-empty").hidden = false;
}

const draw = everyFrame(() => {
  const rows = waiting.flatMap((row) => rowsOf(row));
  const said = waiting.filter((row) => row.line === undefined && row.user !== me).length;
  const mine = waiting.some((row) => row.line === undefined && row.user === me);
  waiting = [];
  list.append(...rows);
  while (list.children.length > MAX_ROWS) list.firstElementChild.remove();
  byId("messages-empty").hidden = list.children.length > 0;
  if (following || mine) return toEnd();
  unseen += said;
  byId("newer").hidden = unseen === 0;
  byId("newer").textContent = `${plural(unseen, "new message")} ↓`;
});

/** rowsOf makes the elements of a row: the day before its first message, and the author before the first of a group. */
function rowsOf({ line: words, id, text, user, at }) {
  const rows = [];
  const time = shortTime(at);
  const day = time && at.toDateString();
  if (words !== undefined) {
    last.user = undefined;
    return [el("li", { class: "line muted small", "data-line": "" }, visible(words), time ? ` ${time}` : null)];
  }
  if (day && day !== last.day) {
    rows.push(el("li", { class: "day small" }, el("span", {}, dayName(at))));
    last = { day };
  }
  const first = user !== last.user || at - last.at > GROUP_MS;
  last = { ...last, user, at };
  const own = user === me;
  const name = visible(user) || "somebody";
  const attributes = { "data-id": id, "data-user": user, "data-own": String(own), "data-first": String(first) };
  rows.push(
    el(
      "li",
      { class: "message", ...attributes },
      own ? null : avatar(user, first ? initial(name) : ""),
      el(
        "p",
        { class: first ? "message-by small" : "visually-hidden" },
        own ? el("span", { class: "visually-hidden" }, "You ") : el("strong", { dir: "auto" }, name),
        " ",
        el("time", { class: "muted", datetime: time ? at.toISOString() : null, title: at.toString() }, time),
      ),
      el("p", { class: "bubble", dir: "auto", title: time || null }, visible(text)),
    ),
  );
  return rows;
}

function avatar(user, letter, size = "") {
  return el("span", { class: `avatar${size}`, "data-tone": tone(user), "aria-hidden": "true" }, letter);
}

/** dayName returns today, yesterday or a date, in the viewer's language. */
function dayName(date) {
  const days = Math.round((new Date().setHours(12, 0, 0, 0) - new Date(date).setHours(12, 0, 0, 0)) / 86_400_000);
  if (days === 0 || days === 1) return new Intl.RelativeTimeFormat(undefined, { numeric: "auto" }).format(-days, "day");
  return date.toLocaleDateString(undefined, { weekday: "long", day: "numeric", month: "long" });
}

const initial = (name) => [...name][0].toUpperCase();

/** tone returns the colour of a name. */
function tone(name) {
  let sum = 0;
  for (const char of name) sum = (sum * 31 + char.codePointAt(0)) % 9973;
  return TONES[sum % TONES.length];
}

// --- the end of the list ----------------------------------------------------------------------

function look() {
  following = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 48;
  if (following) seen();
}

function toEnd() {
  following = true;
  scroller.scrollTop = scroller.scrollHeight;
  seen();
}

function seen() {
  unseen = 0;
  byId("newer").hidden = true;
}

// --- who is here ------------------------------------------------------------------------------

function attend(type, change) {
  if (change === null || typeof change !== "object") return;
  const id = String(change.clientId ?? "");
  if (type === "snapshot") {
    const before = people;
    const clients = Array.isArray(change.clients) ? change.clients : [];
    people = new Map(clients.map((client) => [String(client.clientId), new Date(client.connectedAt ?? NaN)]));
    for (const [who, since] of people) if (before && !before.has(who)) tell(who, "joined", since);
    for (const who of before?.keys() ?? []) if (!people.has(who)) tell(who, "left");
  } else if (people && type === "join") {
    if (!people.has(id)) tell(id, "joined", new Date(change.timestamp ?? NaN));
    people.set(id, new Date(change.timestamp ?? NaN));
  } else if (people && type === "leave") {
    if (people.delete(id)) tell(id, "left", new Date(change.timestamp ?? NaN));
  }
  drawPeople();
}

function tell(who, what, at) {
  if (who !== me) line(`${who} ${what}`, at);
}

const drawPeople = everyFrame(() => {
  const names = [...(people ?? new Map()).keys()].sort((a, b) => (b === me) - (a === me) || a.localeCompare(b));
  byId("here-count").textContent = names.length.toLocaleString();
  byId("here-list").replaceChildren(
    ...names.slice(0, 100).map((name) =>
      el(
        "li",
        { "data-client": name },
        avatar(name, initial(visible(name) || "?"), " small"),
        el("span", { class: "people-name", dir: "auto", title: visible(name) }, visible(name)),
        name === me ? el("span", { class: "badge", "data-tone": "accent" }, "you") : null,
      ),
    ),
    names.length > 100 ? el("li", { class: "muted small" }, `and ${(names.length - 100).toLocaleString()} more`) : "",
  );
});

// --- saying something -------------------------------------------------------------------------

let sending = false;

async function send() {
  const text = say.value.trim();
  if (sending || text === "") return;
  busy(true);
  result("");
  try {
    await post("/messages", { text, room, user: me });
    say.value = "";
  } catch (error) {
    result(`Not sent. ${sentence(error)}`);
  }
  busy(false);
}

function busy(on) {
  sending = on;
  say.readOnly = on; // keeps the focus
  byId("send").setAttribute("aria-busy", String(on));
}

function result(text) {
  byId("say-result").dataset.state = text ? "error" : "";
  byId("say-result").textContent = text;
}

// --- the page ---------------------------------------------------------------------------------

byId("join-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = byId("join-name").value.trim();
  const where = byId("join-room").value.trim();
  if (name === "") byId("join-name").focus();
  else if (where === "") byId("join-room").focus();
  else join(name, where);
});
byId("leave").addEventListener("click", () => {
  refused(null);
  leave();
});
byId("say-form").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
say.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
say.addEventListener("input", () => result(""));
byId("newer").addEventListener("click", () => {
  toEnd();
  say.focus({ preventScroll: true });
});
scroller.addEventListener("scroll", look, { passive: true });
new ResizeObserver(() => following && toEnd()).observe(scroller);
document.addEventListener("visibilitychange", watch);
window.addEventListener("pageshow", (event) => {
  // A page restored from the back-forward cache has closed streams.
  if (!event.persisted || byId("chat").hidden) return;
  messages.open({ resume: true });
  watch();
});

startTerminal();
const linked = new URLSearchParams(location.search).get("room")?.trim();
if (linked) byId("join-room").value = linked;
byId("join-name").value = remembered("name");
if (remembered("name")) join(remembered("name"), byId("join-room").value);
else byId("join-name").focus();
