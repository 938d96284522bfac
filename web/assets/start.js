/**
 * The start page: a client of its own server.
 *
 *   #connect-form   channels, types, client id  → one EventStream to /subscribe
 *   #events         received events             (eventlog.js)
 *   #publish-form   POST /publish               (publish.js)
 *   #online-list    /presence/stream            (online.js)
 *   #curl           the same with curl          (curl.js)
 *   #state          data-state: connecting, live, waiting or closed
 *
 * The page connects when it is opened. The choices are kept in localStorage; the address's
 * fragment overrides them, so that they can be sent as a link: #channels=a,b&types=note&clientId=u1
 */
import { EventStream, payloadOf } from "../rollcall.js";
import { ROOT, byId, plural, splitList, visible } from "./dom.js";
import { fillCommands, wireCopyButtons } from "./curl.js";
import { EventLog } from "./eventlog.js";
import { Online } from "./online.js";
import { Publisher } from "./publish.js";

const RESERVED = ["registered", "lastEvent", "gap", "goodbye", "online-presence", "presence"];
const STORE = "rollcall.start";
const LABELS = { connecting: "Connecting", live: "Live", waiting: "Reconnecting", closed: "Not connected" };

const fields = { channels: byId("channels"), types: byId("types"), clientId: byId("client-id") };
const connectButton = byId("connect");

const log = new EventLog();
const online = new Online();
const stream = new EventStream({
  address: subscribeAddress,
  types: RESERVED,
  liveOn: "registered",
  onEvent: receive,
  onState: showState,
});
const publisher = new Publisher({ onChange: refill, onSend: (events) => events.forEach((event) => hear(event.type)) });

let lastChannels = ""; // of the last stream; a stream of the same channels can resume it
let opened = null; // the channels and client id of the stream, null without one
let state = "closed";
let received = 0;
let reconnects = 0;
let countdown = 0; // interval that updates a waiting time

// --- the choices ------------------------------------------------------------------------------

function chosen() {
  return { channels: splitList(fields.channels.value), clientId: fields.clientId.value.trim() };
}

/** Reports whether the stream has other channels or another client than the fields. */
function differs() {
  return opened !== null && JSON.stringify(opened) !== JSON.stringify(chosen());
}

function restore() {
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(STORE)) ?? {};
  } catch {
    // No storage, or foreign content.
  }
  const linked = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  for (const [name, field] of Object.entries(fields)) {
    const value = linked[name] ?? kept[name];
    if (typeof value === "string") field.value = value;
  }
  if (fields.clientId.value === "") fields.clientId.value = `guest-${randomName()}`;
}

function keep() {
  const values = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.value]));
  try {
    localStorage.setItem(STORE, JSON.stringify(values));
  } catch {
    // Without storage the choices last as long as the page.
  }
  // The client id is not part of a link.
  const fragment = new URLSearchParams({ channels: chosen().channels.join(","), types: splitList(values.types).join(",") });
  history.replaceState(null, "", `#${fragment.toString().replaceAll("%2C", ",")}`);
}

/** Four letters and digits that can't be confused. */
function randomName() {
  const alphabet = "abcdefghjkmnpqrstuvwxyz23456789";
  return [...crypto.getRandomValues(new Uint8Array(4))].map((byte) => alphabet[byte % alphabet.length]).join("");
}

// --- the stream -------------------------------------------------------------------------------

function subscribeAddress(lastId) {
  const query = new URLSearchParams({ channels: opened.channels.join(","), presence: "online" });
  if (opened.clientId) query.set("clientId", opened.clientId);
  if (lastId) query.set("lastEventId", lastId);
  return `${ROOT}/subscribe?${query}`;
}

function connect() {
  const wanted = chosen();
  if (wanted.channels.length === 0) {
    fields.channels.setAttribute("aria-invalid", "true");
    fields.channels.focus();
    showState({ state: "closed", reason: "name at least one channel" });
    return;
  }
  // A position is valid for any channels; but after a choice of other channels their last events
  // are more useful than the events since.
  const same = lastChannels === wanted.channels.join();
  lastChannels = wanted.channels.join();
  opened = wanted;
  keep();
  splitList(fields.types.value).forEach(hear);
  publisher.suggest(wanted.channels, splitList(fields.types.value));
  stream.open({ resume: same && byId("resume").checked });
}

/** hear listens to an event type, and adds it to the field for the next visit. */
function hear(type) {
  if (!type || RESERVED.includes(type)) return;
  stream.listen(type);
  const types = splitList(fields.types.value);
  if (types.includes(type) || type.includes(",")) return; // the field can't contain a comma
  fields.types.value = [...types, type].join(", ");
  keep();
}

function receive(event) {
  received++;
  byId("received").textContent = received.toLocaleString();
  if (event.id) byId("position").textContent = event.id;
  if (event.type === "registered") registered(payloadOf(event.data) ?? {});
  if (event.type === "online-presence") online.take(payloadOf(event.data));
  log.add(event);
}

function registered({ clientId = "", connectionId = "" }) {
  byId("connection-id").textContent = connectionId || "–";
  online.me = clientId;
}

function showState({ state: next, reason = "", retryAt = 0 }) {
  if (next === "waiting" && state === "live") {
    reconnects++;
    byId("reconnects").textContent = reconnects.toLocaleString();
  }
  if (next === "closed") {
    opened = null;
    online.me = "";
    byId("connection-id").textContent = "–";
  }
  state = next;
  byId("state").dataset.state = next;
  byId("state-label").textContent = LABELS[next];
  const since = Date.now();
  const why = visible(reason).replace(/\.$/, "");
  const detail = () => (next === "waiting" ? [waitingTime(since, retryAt), why].filter(Boolean).join(": ") : why);
  clearInterval(countdown);
  byId("state-detail").textContent = detail();
  if (next === "waiting") {
    countdown = setInterval(() => {
      byId("state-detail").textContent = detail();
    }, 500);
  }
  showButton();
}

/** waitingTime says when the stream is reopened or, if only the browser knows, since when it is lost. */
function waitingTime(since, retryAt) {
  if (retryAt > 0) {
    const left = Math.ceil((retryAt - Date.now()) / 1000);
    return left > 0 ? `in ${plural(left, "second")}` : "now";
  }
  const waited = Math.round((Date.now() - since) / 1000);
  return waited > 0 ? `for ${plural(waited, "second")}` : "";
}

/** The button does the useful action: connect, reconnect with new choices, disconnect. */
function showButton() {
  const action = opened === null ? "connect" : differs() ? "reconnect" : "disconnect";
  connectButton.dataset.action = action;
  connectButton.textContent = { connect: "Connect", reconnect: "Reconnect", disconnect: "Disconnect" }[action];
  connectButton.classList.toggle("primary", action !== "disconnect");
}

// --- the page ---------------------------------------------------------------------------------

function refill() {
  fillCommands({ channels: chosen().channels, events: publisher.events() });
}

connectButton.addEventListener("click", () => {
  if (opened === null || differs()) connect();
  else stream.close();
});
byId("connect-form").addEventListener("submit", (event) => event.preventDefault());
byId("connect-form").addEventListener("keydown", (event) => {
  const inField = Object.values(fields).includes(event.target);
  if (event.key === "Enter" && inField && (opened === null || differs())) connect();
});
byId("connect-form").addEventListener("input", () => {
  fields.channels.removeAttribute("aria-invalid");
  showButton();
  refill();
});
fields.types.addEventListener("change", () => {
  splitList(fields.types.value).forEach(hear);
  keep();
});
window.addEventListener("hashchange", () => {
  restore();
  connect();
});
window.addEventListener("pageshow", (event) => {
  // A page restored from the back-forward cache has closed streams.
  if (event.persisted && opened !== null) stream.open({ resume: true });
});

wireCopyButtons();
restore();
connect();
refill();
online.watch();
