/**
 * Patches of a live page: makes its elements equal to what the server rendered. Focus, selection, scroll positions,
 * input and opened elements stay. Markup comes only from the server's own templates.
 *
 *   [data-feed]   a list with the newest row first; #tail-pause (aria-pressed) holds it, #tail-waiting counts new rows
 */
import { dressed, age } from "./ages.js";
import { redraw } from "./charts.js";

const HOLD_MS = 10_000; // the longest time that a list waits for its user
const THEIRS = { // attributes that belong to the user
  DETAILS: ["open"],
  DIALOG: ["open"],
  INPUT: ["value", "checked"],
  OPTION: ["selected"],
  TIME: ["title"],
};

/** apply makes the changes of a patch. */
export function apply(ops) {
  for (const { id, html, keys, first, keep } of ops) {
    const at = document.getElementById(id) ?? waitingRow(id);
    if (!at) continue;
    if (first) feed(at, parsed(first), keep);
    else if (keys) list(at, keys, Object.values(html).flatMap(parsed));
    else morph(at, parsed(html)[0]);
  }
  redraw();
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

/** morph makes a node equal to another, or replaces it, and returns the resulting node. */
function morph(from, to) {
  if (from.nodeName !== to.nodeName) {
    from.replaceWith(dressed(to));
    return to;
  }
  if (from.isEqualNode(to)) return from;
  if (from.nodeType !== Node.ELEMENT_NODE) from.data = to.data;
  else if (!from.matches(".chart-readout, .chart-cursor, .chart-chosen")) morphElement(from, to);
  return from;
}

function morphElement(from, to) {
  syncAttributes(from, to);
  if (from.matches("time[datetime]")) age(from);
  else if (from.nodeName !== "TEXTAREA") syncChildren(from, [...to.childNodes]);
}

function syncAttributes(from, to) {
  const kept = (from.type !== "hidden" && THEIRS[from.nodeName]) || [];
  const isNew = from.classList.contains("is-new"); // set by arrived, for a moment
  const differs = (name) => !kept.includes(name) && from.getAttribute(name) !== to.getAttribute(name);
  for (const name of from.getAttributeNames()) if (differs(name)) from.removeAttribute(name);
  for (const name of to.getAttributeNames()) if (differs(name)) from.setAttribute(name, to.getAttribute(name));
  from.classList.toggle("is-new", isNew);
}

/**
 * syncChildren makes a node's children equal to wanted. Children that all have ids are a list; otherwise each is paired
 * with the child that has its id, or with the next one of its kind without an id.
 */
function syncChildren(parent, wanted) {
  if (wanted.length > 0 && wanted.every((row) => row.id)) return list(parent, wanted.map((row) => row.id), wanted);
  const left = [...parent.childNodes];
  arrange(parent, wanted.map((want) => {
    const i = left.findIndex((node) => node.nodeName === want.nodeName && node.id === want.id);
    return i < 0 ? dressed(want) : morph(...left.splice(i, 1), want);
  }));
}

/** arrange makes nodes the children of parent. It moves as few as possible, and never the one with the focus. */
function arrange(parent, nodes) {
  const rank = new Map(nodes.map((node, i) => [node, i]));
  for (const node of [...parent.childNodes]) if (!rank.has(node)) node.remove();
  const ranks = [...parent.childNodes].map((node) => rank.get(node));
  const focus = ranks.findIndex((r) => nodes[r].contains(document.activeElement));
  const stay = rising(ranks.filter((r, i) => focus < 0 || i === focus || i < focus === r < ranks[focus]));
  for (let i = nodes.length - 1; i >= 0; i--) {
    if (!stay.has(i)) parent.insertBefore(nodes[i], nodes[i + 1] ?? null);
  }
}

/** rising returns a longest rising subsequence of the numbers. */
function rising(numbers) {
  const ends = []; // ends[k]: index of the least number that ends a run of k + 1
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

// --- lists and feeds ---------------------------------------------------------------------------

// While somebody uses a list its rows change, but none is added, removed or moved.
const held = new Map(); // list → {keys, fresh: key → new row, until}: its next state
let touch = false; // the last pointer was a finger, after which :hover stays
const rowsOf = (at) => new Map([...at.children].map((row) => [row.id, row]));

/** settleLists updates held lists as soon as nobody uses them: no event reports the end of hovering and selecting. */
export function settleLists() {
  setInterval(() => [...held.keys()].forEach(settle), 200);
  for (const type of ["pointermove", "pointerdown"]) {
    document.addEventListener(type, ({ pointerType }) => {
      touch = pointerType === "touch";
    });
  }
}

function list(at, keys, rows) {
  const deadline = at.matches("[data-feed]") ? Infinity : Date.now() + HOLD_MS;
  const { fresh = new Map(), until = deadline } = held.get(at) ?? {};
  const have = rowsOf(at);
  for (const row of rows) {
    if (have.has(row.id)) morph(have.get(row.id), row);
    else fresh.set(row.id, row);
  }
  for (const key of fresh.keys()) if (!keys.includes(key)) fresh.delete(key);
  held.set(at, { keys, fresh, until });
  settle(at);
}

/** feed puts new rows first. A page that reconnects may receive rows that it already has. */
function feed(at, rows, keep) {
  const keys = (held.get(at)?.keys ?? [...rowsOf(at).keys()]).filter((key) => !key.endsWith("-empty"));
  rows = rows.filter((row) => !keys.includes(row.id));
  list(at, [...rows.map((row) => row.id), ...keys].slice(0, keep), rows);
}

/** settle brings a list into its next state, unless somebody uses it. */
function settle(at) {
  const { keys, fresh, until } = held.get(at);
  const have = rowsOf(at);
  const same = [...have.keys()].join(" ") === keys.join(" ");
  const hold = !same && taken(at) && Date.now() < until;
  if (at.matches("[data-feed]")) showWaiting(`${fresh.size}${fresh.size === keys.length ? "+" : ""} new`, hold);
  (at.closest("table") ?? at).toggleAttribute("data-held", hold);
  if (hold) return;
  held.delete(at);
  if (!same) arrange(at, keys.map((key) => have.get(key) ?? fresh.get(key)).filter(Boolean));
  fresh.forEach(arrived);
}

function showWaiting(words, isShown) {
  const counter = document.querySelector("#tail-waiting");
  if (!counter) return;
  counter.textContent = words;
  counter.hidden = !isShown;
}

/** taken reports whether somebody uses a list. */
function taken(at) {
  if (!getSelection().isCollapsed && getSelection().containsNode(at, true)) return true;
  const isPaused = document.querySelector("#tail-pause")?.ariaPressed === "true";
  if (at.matches("[data-feed]")) return at.scrollTop > 0 || isPaused;
  return (!touch && at.matches(":hover")) || at.contains(document.activeElement);
}

function arrived(row) {
  dressed(row).classList.add("is-new");
  setTimeout(() => row.classList.remove("is-new"), 2000);
}
