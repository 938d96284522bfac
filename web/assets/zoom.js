/**
 * A part of a chart's time leads to the page about it: drag, or Shift and the arrow keys and then Enter. A click, or Enter
 * without a part, leads to the time around one value. Esc takes the part back.
 *
 *   figure[data-zoom]   the page's path, which gets the time as from and to
 */
import { chartOf, indexAt, pointedIn, shade, timeOf } from "./charts.js";
import { ROOT } from "./dom.js";

const FEWEST = 2; // steps of a drag; less is a click
const AROUND_STEPS = 3;
const AROUND_MS = 15_000;

let part = null; // {figure, from, to}: times of two values; dragging or chosen by keys
let dragging = false;
let tapped = null; // the chart that a finger had pointed at before

/** zoomByPointer has a drag or a click on a chart lead to its time. */
export function zoomByPointer() {
  document.addEventListener("pointerdown", onDown, { capture: true });
  document.addEventListener("pointermove", onMove);
  document.addEventListener("pointerup", onUp);
  document.addEventListener("pointercancel", clearPart);
}

function onDown(event) {
  const figure = zoomable(chartOf(event.target));
  clearPart();
  if (!figure || event.button !== 0) return;
  if (event.pointerType === "touch") {
    tapped = pointedIn(figure) === null ? null : figure;
    return;
  }
  const at = timeOf(figure, indexAt(figure, event.clientX));
  part = { figure, from: at, to: at };
  dragging = true;
  event.preventDefault(); // no text is selected
}

function onMove({ clientX }) {
  if (!dragging) return;
  part.to = timeOf(part.figure, indexAt(part.figure, clientX));
  if (isPart()) shade(part.figure, part.from, part.to);
  else shade(null);
}

function onUp({ target, clientX, pointerType }) {
  const figure = zoomable(chartOf(target));
  if (pointerType === "touch") {
    if (figure && figure === tapped) openAround(figure, indexAt(figure, clientX)); // the first tap shows the values
  } else if (dragging) {
    dragging = false;
    if (isPart()) openPart();
    else if (figure === part.figure) openAround(figure, indexAt(figure, clientX));
  }
}

/** zoomByKey handles a key on a chart, and reports whether it did. */
export function zoomByKey(figure, { key }) {
  const i = pointedIn(figure);
  if (!zoomable(figure) || i === null) return false;
  if (key === "Enter" && part?.figure === figure && isPart()) openPart();
  else if (key === "Enter") openAround(figure, i);
  else if (key === "Escape" && part) clearPart();
  else return false;
  return true;
}

/** stretchPart makes the part reach from where Shift was pressed to the value that is pointed at now. */
export function stretchPart(figure, before) {
  if (!zoomable(figure)) return;
  if (part?.figure !== figure) part = { figure, from: timeOf(figure, before ?? pointedIn(figure)) };
  part.to = timeOf(figure, pointedIn(figure));
  shade(figure, part.from, part.to);
}

/** clearPart forgets the part that was chosen. */
export function clearPart() {
  if (part) shade(null);
  part = null;
  dragging = false;
}

const zoomable = (figure) => (figure?.dataset.zoom ? figure : null);
const stepOf = (figure) => Number(figure.dataset.step);
const isPart = () => Math.abs(part.to - part.from) >= FEWEST * stepOf(part.figure);

function openPart() {
  const [from, to] = [part.from, part.to].sort((x, y) => x - y);
  open(part.figure, from - stepOf(part.figure), to); // a value is of the step before its time
}

function openAround(figure, i) {
  const at = timeOf(figure, i);
  const reach = Math.max(AROUND_MS, AROUND_STEPS * stepOf(figure));
  open(figure, at - reach, at + reach);
}

function open(figure, from, to) {
  const time = (ms) => new Date(ms).toISOString().replace(/\.\d+/, "");
  const { zoom } = figure.dataset;
  const query = new URLSearchParams({ from: time(from), to: time(to) });
  location.assign(`${ROOT}${zoom}${zoom.includes("?") ? "&" : "?"}${query}`);
}
