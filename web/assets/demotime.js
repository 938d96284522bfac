/**
 * The time: a hundred events, 15 ms apart, then the end of the answer.
 *
 *   #ticks     the events of GET /sse/time
 *   #gaps      the waiting time before each
 *   #again     another round
 *
 * After the last event the server's answer ends. An EventSource takes this for a lost connection:
 * it would reconnect, and be answered that nothing follows (204). A client that knows the last event,
 * like this page, closes the stream there.
 */
import { EventStream } from "../rollcall.js";
import { ROOT, byId, clock, el, everyFrame, visible } from "./dom.js";
import { showState, startTerminal } from "./demo.js";

const LAST = 100;
const TALLEST_MS = 30; // of a bar; a longer wait is drawn as high

let ticks = []; // {id, text, time, wait, arrived} in the order of arrival; wait and arrived in ms
let drawn = 0;
let rounds = 0;

const stream = new EventStream({
  address: (lastId) => `${ROOT}/sse/time${lastId ? `?lastEventId=${lastId}` : ""}`,
  types: ["time"],
  onEvent: receive,
  onState: (change) => {
    const done = ticks.length === LAST && change.state === "closed";
    showState(change, done ? "Complete" : undefined);
    byId("again").disabled = !done && change.state !== "closed";
    if (change.state === "closed" && change.reason) byId("outcome").textContent = "Refused";
    else if (change.state === "waiting") byId("outcome").textContent = "Interrupted: it continues after the last event";
  },
});

function begin() {
  ticks = [];
  drawn = 0;
  byId("ticks").replaceChildren();
  byId("gaps").replaceChildren(...Array.from({ length: LAST }, () => el("span", { class: "gap" })));
  byId("now").textContent = "--:--:--.---";
  for (const id of ["took", "mean", "longest"]) byId(id).textContent = "–";
  byId("outcome").textContent = "Waiting for the first event";
  draw();
  stream.open();
}

function receive({ type, id, data }) {
  if (type !== "time") return;
  const arrived = performance.now();
  const wait = ticks.length ? arrived - ticks.at(-1).arrived : 0;
  ticks.push({ id, text: data, time: new Date(data), wait, arrived });
  draw();
  if (id === String(LAST)) {
    rounds++;
    stream.close();
  }
}

const draw = everyFrame(() => {
  const fresh = ticks.slice(drawn);
  const bars = byId("gaps").children;
  fresh.forEach(({ wait }, i) => {
    const bar = bars[drawn + i];
    if (!bar) return;
    bar.dataset.come = "";
    bar.style.setProperty("--height", `${Math.max(4, (Math.min(wait, TALLEST_MS) / TALLEST_MS) * 100)}%`);
  });
  byId("ticks").append(...fresh.map(row));
  if (fresh.length) byId("ticks").scrollTop = byId("ticks").scrollHeight;
  drawn = ticks.length;
  byId("count").textContent = String(drawn);
  byId("progress").value = drawn;
  byId("rounds").textContent = rounds.toLocaleString();
  if (drawn === 0) return;
  const newest = ticks.at(-1);
  byId("now").textContent = Number.isNaN(newest.time.getTime()) ? visible(newest.text) : clock(newest.time, { millis: true });
  if (newest.id !== String(LAST)) {
    byId("outcome").textContent = "Running";
    return;
  }
  const took = newest.arrived - ticks[0].arrived;
  const seconds = (took / 1000).toLocaleString(undefined, { maximumFractionDigits: 2, minimumFractionDigits: 2 });
  byId("outcome").textContent = `Ended: ${drawn} events in ${seconds} seconds`;
  byId("took").textContent = `${seconds} s`;
  byId("mean").textContent = `${(took / Math.max(1, drawn - 1)).toFixed(1)} ms`;
  byId("longest").textContent = `${Math.max(...ticks.map(({ wait }) => wait)).toFixed(1)} ms`;
});

function row({ id, text, time, wait }, i) {
  const known = !Number.isNaN(time.getTime());
  return el(
    "li",
    { class: "tick", "data-id": id },
    el("span", { class: "tick-id muted" }, id),
    el("time", { datetime: known ? time.toISOString() : null }, visible(text)),
    el("span", { class: "muted" }, drawn + i === 0 ? "first" : `+${wait.toFixed(1)} ms`),
  );
}

byId("again").addEventListener("click", begin);
window.addEventListener("pageshow", (event) => event.persisted && begin());
startTerminal();
begin();
