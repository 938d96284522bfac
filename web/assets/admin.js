/**
 * The admin pages, live: applies what the server renders and adds what links and forms can't do.
 *
 *   body[data-live]         the page's path; unless empty, its patches are streamed: see web/livepage
 *   #live-state #live-label connecting, live, reconnecting, closed; #live-banner says what to do
 *   [data-feed]             newest first; #tail-pause (aria-pressed) holds it, #tail-waiting counts
 *   time[data-relative]     becomes an age, [data-clock] the viewer's time of day;  [data-copy="#id"] copies;  [data-confirm] asks first
 *   figure[data-chart]      .chart-readout and .chart-cursor follow the pointer and the arrow keys
 *
 * A patch leaves to people what is theirs: focus, selection, scroll positions, what they typed,
 * chose and opened. Markup comes from the server's own templates and nowhere else.
 */
import { ROOT, clock } from "./dom.js";
const HIDDEN_MS = 60_000; // a hidden page gives up its stream after this
const LOST_MS = 1500; // a shorter loss is not worth a banner
const RETRY_MS = [1000, 15_000]; // first and longest wait, where the browser has given up
const HOLD_MS = 10_000; // the longest that a list waits for whoever is on it
const LABELS = { connecting: "Connecting…", live: "Live", reconnecting: "Reconnecting…", waiting: "Not live", closed: "Not live" };
const UNITS = [[86_400, "d"], [3600, "h"], [60, "min"], [0, "s"]]; // of ages, with their seconds
const THEIRS = { DETAILS: ["open"], DIALOG: ["open"], INPUT: ["value", "checked"], OPTION: ["selected"], TIME: ["title"] };
const PAGES = { o: "", c: "/clients", h: "/channels", t: "/tail", b: "/blocks", a: "/audit", s: "/server" }; // after "g"
const $ = (selector, root = document) => root.querySelector(selector);

// --- the stream -------------------------------------------------------------------------------
const here = location.href.split("#")[0];
const page = document.body.dataset.live;
const streamURL = `${ROOT}/admin/stream?page=${encodeURIComponent(page)}`;
let over = !page;
let source = null; // null while waiting for a retry, asleep or over
let attempts = 0;
let retryTimer = 0;
let bannerTimer = 0;
let sleepTimer = 0;

function connect(state = "connecting") {
  if (over) return;
  stop();
  show(state);
  source = new EventSource(streamURL);
  source.onopen = () => {
    state = "live";
    attempts = 0;
    show(state);
  };
  source.onerror = () => {
    if (state !== "waiting") show("reconnecting", LOST_MS, "Connection lost. Reconnecting…");
    if (source.readyState === EventSource.CLOSED) askWhy();
  };
  source.addEventListener("patch", ({ data }) => apply(JSON.parse(data)));
  source.addEventListener("expired", ({ data }) => expire(JSON.parse(data).reason));
}

function stop() {
  clearTimeout(retryTimer);
  source?.close();
  source = null;
}

function show(state, delay = 0, ...words) {
  if ($("#live-state").dataset.state === state) return;
  $("#live-state").dataset.state = state;
  $("#live-label").textContent = LABELS[state];
  clearTimeout(bannerTimer);
  bannerTimer = setTimeout(() => {
    $("#live-banner").replaceChildren(...words);
    $("#live-banner").hidden = words.length === 0;
  }, delay);
}

/** The EventSource gave up without saying why: the server tells. */
async function askWhy() {
  const asked = source;
  const answer = await fetch(streamURL, { method: "HEAD", headers: { Accept: "text/event-stream" }, redirect: "manual" }).catch(() => ({}));
  if (source !== asked) return;
  stop();
  if (answer.status === 401 || answer.type === "opaqueredirect") return expire();
  if (answer.status === 403 || answer.status === 404) return close("This page is gone.", here, "Reload");
  const wait = Math.min(RETRY_MS[1] / 1.5, RETRY_MS[0] * 2 ** attempts++) * (1 + Math.random() / 2);
  const crowded = answer.status === 429;
  if (crowded) show("waiting", 0, "This page is not live: you have too many live pages open. Close some.");
  retryTimer = setTimeout(connect, wait, crowded ? "waiting" : "reconnecting");
}

const expire = (why) => close(why || "Your session has expired.", `${ROOT}/admin/login?next=${encodeURIComponent(here.slice(ROOT.length))}`, "Log in");

function close(words, href, label) {
  over = true;
  stop();
  show("closed", 0, `${words} `, Object.assign(document.createElement("a"), { href, textContent: label }));
}
addEventListener("pagehide", stop); // else the page isn't kept for the back button
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) connect();
});
document.addEventListener("visibilitychange", sleepOrWake);

function sleepOrWake() {
  clearTimeout(sleepTimer);
  if (document.hidden) sleepTimer = setTimeout(stop, HIDDEN_MS);
  else if (!source) connect();
}

// --- patches ----------------------------------------------------------------------------------
function apply(ops) {
  for (const { id, html, keys, first, keep } of ops) {
    const at = document.getElementById(id) ?? waitingRow(id);
    if (!at) continue;
    if (first) feed(at, parsed(first), keep);
    else if (keys) list(at, keys, Object.values(html).flatMap(parsed));
    else morph(at, parsed(html)[0]);
  }
  if (pointed) point(pointed.figure, pointed.i);
}

/** waitingRow returns a row that is not in its list yet. */
function waitingRow(id) {
  const list = [...held.values()].find(({ fresh }) => fresh.has(id));
  return list?.fresh.get(id);
}

/** parsed returns the elements of markup that the server rendered. */
function parsed(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return [...template.content.children];
}

/** morph makes a node equal to another, or puts that in its place, and returns what is there now. */
function morph(from, to) {
  if (from.nodeName !== to.nodeName) {
    from.replaceWith(dressed(to));
    return to;
  }
  if (from.isEqualNode(to)) return from;
  if (from.nodeType !== Node.ELEMENT_NODE) from.data = to.data;
  else if (!from.matches(".chart-readout, .chart-cursor")) morphElement(from, to);
  return from;
}

function morphElement(from, to) {
  syncAttributes(from, to);
  if (from.matches("time[datetime]")) age(from);
  else if (from.nodeName !== "TEXTAREA") syncChildren(from, [...to.childNodes]);
}

function syncAttributes(from, to) {
  const kept = (from.type !== "hidden" && THEIRS[from.nodeName]) || [];
  const isNew = from.classList.contains("is-new"); // ours, for a moment
  const differs = (name) => !kept.includes(name) && from.getAttribute(name) !== to.getAttribute(name);
  for (const name of from.getAttributeNames()) if (differs(name)) from.removeAttribute(name);
  for (const name of to.getAttributeNames()) if (differs(name)) from.setAttribute(name, to.getAttribute(name));
  from.classList.toggle("is-new", isNew);
}

/** Where all have ids, it is a list. Else each meets the one with its id, or the next of its kind without. */
function syncChildren(parent, wanted) {
  if (wanted.length > 0 && wanted.every((row) => row.id)) return list(parent, wanted.map((row) => row.id), wanted);
  const left = [...parent.childNodes];
  arrange(parent, wanted.map((want) => {
    const i = left.findIndex((node) => node.nodeName === want.nodeName && node.id === want.id);
    return i < 0 ? dressed(want) : morph(...left.splice(i, 1), want);
  }));
}

/** arrange makes nodes the children of parent. It moves as few as can be, and never the one with the focus. */
function arrange(parent, nodes) {
  const rank = new Map(nodes.map((node, i) => [node, i]));
  for (const node of [...parent.childNodes]) if (!rank.has(node)) node.remove();
  const ranks = [...parent.childNodes].map((node) => rank.get(node));
  const focus = ranks.findIndex((r) => nodes[r].contains(document.activeElement));
  const stay = rising(ranks.filter((r, i) => focus < 0 || i === focus || i < focus === r < ranks[focus]));
  for (let i = nodes.length - 1; i >= 0; i--) if (!stay.has(i)) parent.insertBefore(nodes[i], nodes[i + 1] ?? null);
}

/** rising returns as many of the numbers as are in rising order where they stand. */
function rising(numbers) {
  const ends = []; // ends[k]: place of the least number that ends a run of k + 1
  const before = [];
  const run = new Set();
  numbers.forEach((number, i) => {
    const k = ends.filter((end) => numbers[end] < number).length;
    before[i] = ends[k - 1];
    ends[k] = i;
  });
  for (let i = ends.at(-1); i !== undefined; i = before[i]) run.add(numbers[i]);
  return run;
}

// --- lists and feeds: while somebody is on one its rows change, but none comes, goes or moves --
const held = new Map(); // list → {keys, fresh: key → new row, until}: how it is to be
let touch = false; // whether the last pointer was a finger, which leaves :hover behind
const rowsOf = (at) => new Map([...at.children].map((row) => [row.id, row]));
setInterval(() => [...held.keys()].forEach(settle), 200); // no event tells that pointer, focus and selection are gone

function list(at, keys, rows) {
  const { fresh = new Map(), until = at.matches("[data-feed]") ? Infinity : Date.now() + HOLD_MS } = held.get(at) ?? {};
  const have = rowsOf(at);
  for (const row of rows) {
    if (have.has(row.id)) morph(have.get(row.id), row);
    else fresh.set(row.id, row);
  }
  for (const key of fresh.keys()) if (!keys.includes(key)) fresh.delete(key);
  held.set(at, { keys, fresh, until });
  settle(at);
}

/** feed puts rows first, but none that is there: a page that comes back may get some again. */
function feed(at, rows, keep) {
  const keys = (held.get(at)?.keys ?? [...rowsOf(at).keys()]).filter((key) => !key.endsWith("-empty"));
  rows = rows.filter((row) => !keys.includes(row.id));
  list(at, [...rows.map((row) => row.id), ...keys].slice(0, keep), rows);
}

function settle(at) {
  const { keys, fresh, until } = held.get(at);
  const have = rowsOf(at);
  const same = [...have.keys()].join(" ") === keys.join(" ");
  const hold = !same && taken(at) && Date.now() < until;
  const words = `${fresh.size}${fresh.size === keys.length ? "+" : ""} waiting`;
  if (at.matches("[data-feed]")) Object.assign($("#tail-waiting") ?? {}, { textContent: words, hidden: !hold });
  (at.closest("table") ?? at).toggleAttribute("data-held", hold);
  if (hold) return;
  held.delete(at);
  if (!same) arrange(at, keys.map((key) => have.get(key) ?? fresh.get(key)).filter(Boolean));
  fresh.forEach(arrived);
}

function taken(at) {
  if (!getSelection().isCollapsed && getSelection().containsNode(at, true)) return true;
  if (at.matches("[data-feed]")) return at.scrollTop > 0 || $("#tail-pause")?.ariaPressed === "true";
  return (!touch && at.matches(":hover")) || at.contains(document.activeElement);
}

function arrived(row) {
  dressed(row).classList.add("is-new");
  setTimeout(() => row.classList.remove("is-new"), 2000);
}

// --- times and charts -------------------------------------------------------------------------
/** dressed returns a node, with the times in it as ages. */
function dressed(node) {
  if (node.matches?.("time[datetime]")) age(node);
  node.querySelectorAll?.("time[datetime]").forEach(age);
  return node;
}

function age(time) {
  const at = new Date(time.dateTime);
  const seconds = Math.abs(Date.now() - at) / 1000;
  const [length, unit] = UNITS.find(([length]) => seconds >= length) ?? UNITS[3];
  const span = `${Math.floor(seconds / (length || 1))} ${unit}`;
  const text = "clock" in time.dataset ? clock(at, { millis: true }) : seconds < 5 ? "now" : at > Date.now() ? `in ${span}` : `${span} ago`;
  if (time.textContent !== text) (time.firstChild ?? time).textContent = text;
  time.title = `${at.toDateString()} ${clock(at, { millis: true })} ${at.toTimeString().slice(9)}`;
}

let pointed = null; // {figure, i}: the chart that is read, and which of its values
const valuesOf = (path) => path.dataset.values.split(" ").map(parseFloat);
const pathsOf = (figure) => figure.querySelectorAll("[data-series]");
const lastOf = (figure) => valuesOf(pathsOf(figure)[0]).length - 1;

/** point shows the values at a place of a chart, as it is now, and no others; null shows none. */
function point(figure, i) {
  const parts = (of) => of.querySelectorAll(".chart-cursor, .chart-readout");
  if (pointed) parts(pointed.figure).forEach((part) => part.setAttribute("hidden", ""));
  pointed = figure && { figure, i: Math.max(0, Math.min(lastOf(figure), i)) };
  if (!figure) return;
  const line = $(".chart-cursor", figure);
  const { end, step, unit } = figure.dataset;
  const words = [clock(new Date(Date.parse(end) - (lastOf(figure) - pointed.i) * step))];
  for (const path of pathsOf(figure)) words.push(`${path.dataset.series} ${amount(valuesOf(path)[pointed.i], unit)}`);
  $(".chart-readout", figure).textContent = words.join(" · ");
  const share = pointed.i / (lastOf(figure) || 1);
  for (const x of ["x1", "x2"]) line.setAttribute(x, share * line.ownerSVGElement.viewBox.baseVal.width);
  parts(figure).forEach((part) => part.removeAttribute("hidden"));
}

/** amount writes a number as the server does beside the chart. */
function amount(value, unit) {
  if (Number.isNaN(value)) return "–";
  let base = 1000;
  let names = ["", "k", "M", "G", "T"].map((prefix) => prefix + unit);
  if (unit.startsWith("B")) {
    base = 1024;
    names = ["", "Ki", "Mi", "Gi", "Ti"].map((prefix) => ` ${prefix}${unit}`);
  }
  if (unit === "ms" && value > 0) {
    value *= 1000;
    names = [" µs", " ms", " s"];
  }
  while (value >= base - 0.5 && names.length > 1) {
    value /= base;
    names.shift();
  }
  return Number(rounded(value)) + names[0];
}

function rounded(value) {
  if (value < 1) return value.toFixed(3);
  return value < 99.95 ? value.toPrecision(3) : value.toFixed();
}

function pointAt({ target, clientX, pointerType = "mouse" }) {
  touch = pointerType === "touch";
  const figure = target.closest?.(".chart-plot")?.closest("figure[data-chart]");
  if (!figure) {
    if (pointed && !pointed.figure.matches(":focus-visible")) point(null);
    return;
  }
  const { left, width } = $(".chart-cursor", figure).ownerSVGElement.getBoundingClientRect();
  point(figure, Math.round(((clientX - left) / width) * lastOf(figure)));
}

// --- keys, clicks, forms ----------------------------------------------------------------------
let led = 0; // until then a letter leads to a page
const sent = new WeakMap(); // form → when
addEventListener("keydown", onKey);
addEventListener("click", onClick);
addEventListener("submit", onSubmit);

function onKey(event) {
  const { key, target, timeStamp } = event;
  const search = $("#search, input[type=search]");
  if (key === "Escape" && target === search) search.blur();
  if (event.ctrlKey || event.altKey || event.metaKey || target.closest("input, textarea, select")) return;
  const figure = target.closest("figure[data-chart]");
  const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
  if (timeStamp < led && key in PAGES) location.assign(`${ROOT}/admin${PAGES[key]}`);
  led = key === "g" ? timeStamp + 1000 : 0;
  if (key === "?" && !$("#keys").open) $("#keys").showModal();
  else if (key === "/" && search) search.focus();
  else if (figure && step) point(figure, pointed?.figure === figure ? pointed.i + step : lastOf(figure));
  else return;
  event.preventDefault();
}

async function onClick({ target }) {
  const button = target.closest("#tail-pause, [data-copy]");
  if (button?.id === "tail-pause") button.ariaPressed = String(button.ariaPressed !== "true");
  if (!button?.dataset.copy || button.textContent === "Copied") return;
  const label = [...button.childNodes];
  await copyText($(button.dataset.copy));
  button.ariaLive = "polite";
  button.textContent = "Copied";
  setTimeout(() => button.replaceChildren(...label), 1500);
}

/** copyText copies what an element says. Over plain HTTP there is no clipboard but that of the selection. */
async function copyText(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
  } catch {
    getSelection().selectAllChildren(element);
    document.execCommand("copy");
  }
}

function onSubmit(event) {
  const { target: form, submitter, timeStamp } = event;
  const question = submitter?.dataset.confirm ?? form.dataset.confirm;
  if (timeStamp < sent.get(form) + 5000 || (question && !confirm(question))) event.preventDefault();
  else if (form.method === "post") sent.set(form, timeStamp);
}

for (const type of ["pointermove", "pointerdown", "focusout"]) document.addEventListener(type, pointAt);
document.documentElement.addEventListener("pointerleave", pointAt);
setInterval(() => {
  if (!document.hidden) dressed(document.body);
}, 5000);
dressed(document.body);
connect();
