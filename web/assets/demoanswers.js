/**
 * The answers: a made-up model types, and whoever has the page's address watches.
 *
 *   answer.ID           the question, the words of the answer as pieces of one text, and its end
 *   answer.ID.control   "stop", from any tab
 *
 * One tab of the browser is the model, the one that holds a Web Lock; if it goes, the next one goes on where the text
 * ends. A word has its number as its idempotency key: two models at once still type it once.
 */
import { EventStream, payloadOf } from "../rollcall.js";
import { ROOT, byId, el, everyFrame, parseJSON, plural, visible } from "./dom.js";
import { encoded, fillSlots } from "./curl.js";
import { post, refused, remember, remembered, sentence } from "./demo.js";
import { setQuery, showState, startTerminal } from "./demo.js";

const WORDS_A_SECOND = 9;
const TICK_MS = 120;
const TYPES = ["question", "text", "stopped", "gap", "presence"];
const TONES = ["violet", "ok", "warn", "bad", "accent"];
const NAMES = ["Otter", "Heron", "Badger", "Lynx", "Puffin", "Hare", "Marten", "Falcon", "Seal", "Wren", "Stoat", "Ibex"];
const PROGRESS = {
  waiting: ["Waiting", "neutral"],
  writing: ["Writing", "accent"],
  complete: ["Complete", "ok"],
  stopped: ["Stopped", "warn"],
};

// What the model knows, by the number of the question.
const ANSWERS = [
  `The keeper of the lighthouse at Sandell Point had one rule: the lamp is never dark while somebody is out there. So she counted. Nine boats left the harbour in the morning, and eight came back before the fog.

She lit the lamp at four. At six the glass began to sweat, at eight the wind turned, and at ten the harbour master called to say that the ninth boat had surely put in somewhere else, and would she not go to bed.

“Surely is not a number,” said the keeper, and went up to wind the clockwork again.

A little after two, a grey shape slid out of the fog, so close under the rocks that she could hear its bell. It had lost its radio, its mast and half of its supper. “We nearly turned back,” the skipper said over tea. “But every twelve seconds there you were.”

She wrote it in the book: nine out, nine home. Then she put out the lamp, because it was morning.`,
  `Nothing is lost. The tab that you are looking at goes away, and with it everything it knew. Then the page comes back, and asks the server for the channel of this answer, from the oldest event on.

The server has kept each word that was typed, as a piece of one text. It joins the pieces it has and sends them as a single event: look at the table below, which says how many there were. After that the page is live again, and the next words arrive one by one, as they did before.

If the network breaks in place of the page, it is the same, only shorter: the browser comes back by itself with the id of the last word that it had, and gets the words that it missed, again as one event.

And when the text is complete, the channel ends. The browser asks once more, is told that there is nothing left to wait for, and stays away. Nobody had to keep a buffer, and nobody had to write code for a reload. You may try it now: press the button, in the middle of this sentence if you like, or open a second tab and stop me from there.`,
  `Begin with more water than you need, freshly drawn, and with a pot that you have warmed: a cold pot takes the first ten degrees, and the leaves notice.

Take one spoon of leaves for each cup, and one for the pot if you like it strong. For black tea the water should be boiling when it meets the leaves; for green tea let it stand for three minutes first, or it will be bitter and it will be your own fault.

Pour, put on the lid, and wait. Four minutes for black tea, two for green. This is the difficult part. Do not stir, do not lift the lid, and do not read the news.

Milk is a question of where you grew up, and so is the order. Sugar is a question of what kind of day it has been. A biscuit is not a question.

Then sit down. A good cup of tea is made of leaves, water and ten minutes in which nobody wants anything from you. The last of these is the hardest to get, so take it before it gets cold.`,
];

let id = "";
let me = "";
let progress = "waiting";
let known = -1; // the number of the question
let text = "";
let people = new Map(); // clientId → name
let rows = []; // of what was received
const over = new AbortController(); // aborts when the answer is complete or stopped

const channel = () => `answer.${id}`;

// --- watching ---------------------------------------------------------------------------------

const watching = new EventStream({
  address: (lastId) => {
    const query = new URLSearchParams({ channels: channel(), clientId: me, presence: "channels" });
    query.set("info", JSON.stringify({ name: nameOf(me) }));
    query.set(...(lastId ? ["lastEventId", lastId] : ["from", "oldest"]));
    return `${ROOT}/subscribe?${query}`;
  },
  types: TYPES,
  onEvent: receive,
  onState: (change) => {
    const isOver = change.code === "complete" || progress === "complete" || progress === "stopped";
    if (change.state === "closed" && isOver) showState({ state: "closed" }, "Stays away");
    else showState(change);
    if (change.state !== "closed") return;
    people.clear();
    drawPeople();
  },
});

function receive({ type, id: at, data }) {
  const event = parseJSON(data);
  if (event === null || typeof event !== "object") return;
  const { pieces = 1, end } = event;
  const payload = type === "text" ? String(event.payload) : event.payload; // anybody may publish
  if (type === "presence") return attend(payloadOf(data));
  if (type === "question") {
    known = Number(payload?.number);
    byId("question").textContent = visible(String(payload?.text ?? ""));
    setProgress("writing");
    takeTurns();
  } else if (type === "text") {
    text += payload;
    drawText();
  }
  if (type === "stopped") setProgress("stopped", String(payload ?? ""));
  else if (end) setProgress("complete");
  note(type, at, payload, pieces);
}

function setProgress(value, by = "") {
  progress = value;
  byId("answer").dataset.progress = value;
  const [label, tone] = PROGRESS[value];
  byId("progress").textContent = by ? `${label} by ${visible(by)}` : label;
  byId("progress").dataset.tone = tone;
  const isOver = value === "complete" || value === "stopped";
  byId("stop").hidden = isOver;
  if (isOver) over.abort();
}

const drawText = everyFrame(() => {
  byId("text").textContent = text;
});

// --- what was received ------------------------------------------------------------------------

const SAYS = {
  question: "1 event",
  stopped: "1 event, the last one of the channel",
  gap: "Some of the text is no longer kept.",
  goodbye: "1 event: the channel has ended, so the browser stays away",
};

/** note keeps a row of an event. Pieces that come one by one are counted in one row. */
function note(type, at, payload, pieces) {
  const isLive = type === "text" && pieces === 1;
  const last = rows.at(-1);
  const chars = type === "text" ? payload.length : 0;
  if (isLive && last?.isLive) {
    last.events++;
    last.chars += chars;
    last.at = at;
  } else {
    rows.push({ type, at, pieces, chars, events: 1, isLive });
  }
  drawRows();
}

const drawRows = everyFrame(() => {
  byId("received").replaceChildren(
    ...rows.map(({ type, at, pieces, chars, events, isLive }) => {
      const characters = plural(chars, "character");
      const words = isLive
        ? `${plural(events, "event")} of a word each, ${characters}`
        : `1 event of ${plural(pieces, "piece")}, ${characters}: the text so far`;
      return el(
        "li",
        { "data-type": type, "data-joined": String(pieces > 1), "data-pieces": pieces, "data-events": events },
        el("code", {}, type),
        el("span", {}, SAYS[type] ?? words),
        el("span", { class: "muted mono received-id", title: "The id of the last one" }, at),
      );
    }),
  );
});

// --- who is watching --------------------------------------------------------------------------

function attend({ action, members = [], member = {} } = {}) {
  if (action === "snapshot") people = new Map(members.map(({ clientId, info }) => [clientId, info?.name]));
  else if (action === "leave") people.delete(member.clientId);
  else people.set(member.clientId, member.info?.name);
  drawPeople();
}

const drawPeople = everyFrame(() => {
  const isOver = progress === "complete" || progress === "stopped";
  const clients = [...people].sort(([a], [b]) => (b === me) - (a === me) || a.localeCompare(b));
  byId("watching-count").textContent = clients.length.toLocaleString();
  byId("watching-state").textContent = isOver ? "It is over." : "";
  byId("watching").replaceChildren(
    ...clients.slice(0, 100).map(([client, name]) => {
      const shown = visible(String(name ?? client));
      return el(
        "li",
        { "data-client": client },
        el("span", { class: "avatar small", "data-tone": toneOf(client), "aria-hidden": "true" }, [...shown][0] ?? "?"),
        el("span", { class: "people-name", dir: "auto", title: shown }, shown),
        client === me ? el("span", { class: "badge", "data-tone": "accent" }, "you") : null,
      );
    }),
  );
});

const nameOf = (client) => client.split("-")[0];

function toneOf(client) {
  let sum = 0;
  for (const char of client) sum = (sum * 31 + char.codePointAt(0)) % 9973;
  return TONES[sum % TONES.length];
}

// --- the model --------------------------------------------------------------------------------

/** takeTurns waits until this tab is the model. Without locks, the tab that asked is. */
function takeTurns() {
  const { signal } = over;
  if (navigator.locks) navigator.locks.request(`rollcall demo ${ROOT} ${channel()}`, { signal }, type).catch(() => {});
  else if (remembered("asked") === id) type();
}

/** type publishes the words that are due, until the end of the answer or a "stop". */
async function type() {
  const words = ANSWERS[known]?.match(/\s*\S+/g) ?? [];
  const control = followControl();
  let next = text.match(/\s*\S+/g)?.length ?? 0;
  const origin = performance.now() - (next / WORDS_A_SECOND) * 1000;
  while (!over.signal.aborted && next < words.length) {
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    const due = Math.min(words.length, Math.floor(((performance.now() - origin) / 1000) * WORDS_A_SECOND));
    if (over.signal.aborted || due <= next) continue; // in a hidden tab the ticks are seconds
    const events = words.slice(next, due).map((payload, i) => ({
      channelName: channel(),
      type: "text",
      append: "text",
      payload,
      idempotencyKey: `word-${next + i}`,
      end: next + i === words.length - 1,
    }));
    try {
      await post("/publish", { events });
      next = due;
    } catch (error) {
      if (error.code === "channel_ended") break;
      if (error.final) {
        refused(error);
        break;
      }
    }
  }
  control.close();
}

/** followControl ends the answer when a tab says "stop", also if that was before this tab became the model. */
function followControl() {
  const control = new EventStream({
    address: (lastId) => {
      const query = new URLSearchParams({ channels: `${channel()}.control`, clientId: me });
      query.set(...(lastId ? ["lastEventId", lastId] : ["from", "oldest"]));
      return `${ROOT}/subscribe?${query}`;
    },
    types: ["stop"],
    onEvent: async ({ type: kind, data }) => {
      if (kind !== "stop") return;
      const payload = parseJSON(data)?.payload ?? "";
      const event = { channelName: channel(), type: "stopped", payload, idempotencyKey: "stopped", end: true };
      over.abort();
      await post("/publish", { events: [event] }).catch(() => {}); // another model was faster
    },
    onState: () => {},
  });
  control.open();
  return control;
}

// --- the page ---------------------------------------------------------------------------------

async function ask(number, question) {
  id = Math.random().toString(36).slice(2, 8);
  const event = { channelName: channel(), type: "question", payload: { number, text: question } };
  try {
    await post("/publish", { events: [event] });
  } catch (error) {
    byId("ask-result").dataset.state = "error";
    byId("ask-result").textContent = `Not asked. ${sentence(error)}`;
    return;
  }
  remember("asked", id);
  setQuery({ answer: id });
  watch();
}

function watch() {
  byId("ask").hidden = true;
  byId("answer").hidden = false;
  byId("second").href = `${ROOT}/demo/answers?answer=${encodeURIComponent(id)}`;
  byId("another").href = `${ROOT}/demo/answers`;
  fillSlots({ answer: encoded(id) });
  setProgress("waiting");
  watching.open();
}

byId("questions").addEventListener("click", (event) => {
  const button = event.target.closest("[data-question]");
  if (button) ask(Number(button.dataset.question), button.textContent.trim());
});
byId("stop").addEventListener("click", async () => {
  byId("stop").disabled = true;
  byId("stop-result").textContent = "";
  try {
    await post("/publish", { events: [{ channelName: `${channel()}.control`, type: "stop", payload: nameOf(me) }] });
  } catch (error) {
    byId("stop").disabled = false;
    byId("stop-result").dataset.state = "error";
    byId("stop-result").textContent = `Not stopped. ${sentence(error)}`;
  }
});
byId("reload").addEventListener("click", () => location.reload());

me = remembered("watcher") || `${NAMES[Math.floor(Math.random() * NAMES.length)]}-${Math.random().toString(36).slice(2, 8)}`;
remember("watcher", me);
startTerminal();
id = new URLSearchParams(location.search).get("answer") ?? "";
if (id) watch();
else showState({ state: "closed" }, "Nothing asked yet");
