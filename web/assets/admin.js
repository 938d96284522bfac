/**
 * The admin pages: adds what links and forms can't do, and keeps live pages up to date.
 *
 *   live.js      the page's stream          patches.js   its patches
 *   ages.js      times                      charts.js    charts
 *   zoom.js      a part of a chart's time
 *   forms.js     forms                      search.js    searches
 *   panel.js     an event, opened           feed.js      the feed, held
 *   marks.js     marked rows                find.js      one search over everything
 *
 *   form[data-seconds] is there for so long
 *   [data-copy="#id"] copies an element's text; [data-confirm] asks before a form is sent
 */
import { chooseTimes, dressed } from "./ages.js";
import { pointAt, pointNext, pointedIn } from "./charts.js";
import { ROOT } from "./dom.js";
import { hold } from "./feed.js";
import { helpToFind, openFinder } from "./find.js";
import { helpWithForms } from "./forms.js";
import { connect, sleepWhileHidden, watchForSilence } from "./live.js";
import { markRange, markRow, watchMarks } from "./marks.js";
import { closeEvent, openOnClick } from "./panel.js";
import { settleLists } from "./patches.js";
import { searchAsTyped } from "./search.js";
import { clearPart, stretchPart, zoomByKey, zoomByPointer } from "./zoom.js";

// The pages that letters lead to after "g".
const PAGES = { o: "", c: "/clients", h: "/channels", t: "/tail", l: "/alarms", b: "/blocks", a: "/audit", s: "/server" };
const $ = (selector) => document.querySelector(selector);

let leadsUntil = 0; // a letter leads to a page until this time
const sent = new WeakMap(); // form → time
addEventListener("keydown", onKey);
addEventListener("click", onClick);
addEventListener("submit", onSubmit);

function onKey(event) {
  const { key, target, timeStamp } = event;
  if (key === "k" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    return openFinder();
  }
  if (target.closest("dialog")) return;
  const search = $("#search, input[type=search]");
  if (key === "Escape" && target === search) search.blur();
  if (key === "Escape" && $(".menu[open]")) closeMenu();
  else if (key === "Escape" && closeEvent()) return;
  if (event.ctrlKey || event.altKey || event.metaKey || target.closest("input:not(.mark), textarea, select")) return;
  const figure = target.closest("figure[data-chart]");
  const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
  if (timeStamp < leadsUntil && key in PAGES) location.assign(`${ROOT}/admin${PAGES[key]}`);
  leadsUntil = key === "g" ? timeStamp + 1000 : 0;
  if (key === "?" && $("#keys:not([open])")) $("#keys").showModal();
  else if (key === "/" && search) search.focus();
  else if (key === "p" && $("#tail-pause")) $("#tail-pause").click();
  else if (key === "x" || key === "X") markRow(document.activeElement, key === "X");
  else if (key === "j" || key === "k") nextRow(key === "j" ? 1 : -1);
  else if (figure && step) moveIn(figure, step, event.shiftKey);
  else if (!figure || !zoomByKey(figure, event)) return;
  event.preventDefault();
}

/** moveIn moves the cursor of a chart; with Shift it leaves a part of the time behind. */
function moveIn(figure, step, stretching) {
  const before = pointedIn(figure);
  pointNext(figure, step);
  if (stretching) stretchPart(figure, before);
  else clearPart();
}

/** nextRow moves the focus to the next row of the page's lists, which Enter opens. */
function nextRow(step) {
  const rows = [...document.querySelectorAll("tbody .lead .name-link, .event-open")].filter((row) => row.checkVisibility());
  const at = rows.findIndex((row) => row.closest("tr, li").contains(document.activeElement));
  rows[at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + step))]?.focus();
}

async function onClick({ target, shiftKey }) {
  const button = target.closest("#tail-pause, [data-copy]");
  if (button?.id === "tail-pause") hold(button.ariaPressed !== "true");
  if (target.matches(".mark")) markRange(target, shiftKey);
  const menu = $(".menu[open]");
  if (menu && !menu.contains(target)) menu.open = false;
  if (target.closest("[data-feed] summary")?.parentElement.open === false) hold(true); // what is read stays where it is
  if (!button?.dataset.copy || button.textContent === "Copied") return;
  const label = [...button.childNodes];
  await copyText($(button.dataset.copy));
  button.ariaLive = "polite";
  button.textContent = "Copied";
  setTimeout(() => button.replaceChildren(...label), 1500);
}

function closeMenu() {
  const menu = $(".menu[open]");
  menu.open = false;
  menu.querySelector("summary").focus();
}

/** copyText copies an element's text. Over plain HTTP only the selection can be copied. */
async function copyText(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
  } catch {
    getSelection().selectAllChildren(element);
    document.execCommand("copy");
  }
}

/** chosen returns what a field says. */
function chosen(field) {
  return field.selectedOptions?.[0].textContent ?? field.value;
}

/** countDownUndo takes away the offer to undo an action after its time. */
function countDownUndo(form) {
  const button = form.querySelector("button");
  let left = Number(form.dataset.seconds);
  const timer = setInterval(() => {
    left -= 1;
    button.textContent = `Undo · ${left}`;
    if (left > 0) return;
    clearInterval(timer);
    form.remove();
  }, 1000);
}

function onSubmit(event) {
  const { target: form, submitter, timeStamp } = event;
  const question = (submitter?.dataset.confirm ?? form.dataset.confirm)?.replace(/\{(\w+)\}/g, (_, name) => chosen(form.elements[name]));
  if (timeStamp < sent.get(form) + 5000 || (question && !confirm(question))) event.preventDefault();
  else if (form.method === "post") sent.set(form, timeStamp);
}

for (const type of ["pointermove", "pointerdown", "focusout"]) document.addEventListener(type, pointAt);
document.documentElement.addEventListener("pointerleave", pointAt);
setInterval(() => {
  if (!document.hidden) dressed(document.body);
}, 5000);
dressed(document.body);
settleLists();
document.querySelectorAll("[data-seconds]").forEach(countDownUndo);
chooseTimes();
helpWithForms();
searchAsTyped();
watchMarks();
helpToFind();
openOnClick();
zoomByPointer();
sleepWhileHidden();
watchForSilence();
connect();
