/**
 * Charts of the admin pages.
 *
 *   figure[data-chart]   .chart-readout and .chart-cursor follow the pointer and the arrow keys
 *   .chart-mark          what happened at a value, which the readout says, too
 *   .chart-chosen        a part of the time; see zoom.js
 */
import { dateAndTime, inZone } from "./ages.js";
import { clock } from "./dom.js";

const DAY_MS = 86_400_000;
const NEAR = 1 / 100; // of the width: how far from a mark it is said

let pointed = null; // {figure, i}: the chart under the pointer, and the index of its value
let chosen = null; // {figure, from, to}: the times of two values, between which charts are shaded
const valuesOf = (path) => path.dataset.values.split(" ").map(parseFloat);
const pathsOf = (figure) => figure.querySelectorAll("[data-series]");
const lastOf = (figure) => valuesOf(pathsOf(figure)[0]).length - 1;

/** point shows the values at one index of a chart, and of the charts beside it of the same time; null hides them. */
function point(figure, i) {
  for (const part of document.querySelectorAll(".chart-cursor, .chart-readout")) part.setAttribute("hidden", "");
  pointed = figure && { figure, i: Math.max(0, Math.min(lastOf(figure), i)) };
  if (!figure) return;
  for (const other of beside(figure)) draw(other, pointed.i);
}

/** beside returns the charts of the same time, the given one too. */
function beside(figure) {
  const all = [...document.querySelectorAll("figure[data-chart]")];
  return all.filter((other) => lastOf(other) === lastOf(figure) && other.dataset.step === figure.dataset.step);
}

function draw(figure, i) {
  const line = figure.querySelector(".chart-cursor");
  const readout = figure.querySelector(".chart-readout");
  const { step, unit } = figure.dataset;
  const at = inZone(new Date(timeOf(figure, i)));
  const words = [lastOf(figure) * step > DAY_MS ? dateAndTime(at) : clock(at)];
  for (const path of pathsOf(figure)) words.push(`${path.dataset.series} ${amount(valuesOf(path)[i], unit)}`);
  const marks = [...figure.querySelectorAll(".chart-mark")].filter(({ dataset }) => Math.abs(dataset.at - i) <= lastOf(figure) * NEAR);
  words.push(...marks.map(({ dataset }) => dataset.mark));
  readout.textContent = words.join(" · ");
  const share = i / (lastOf(figure) || 1);
  for (const x of ["x1", "x2"]) line.setAttribute(x, share * line.ownerSVGElement.viewBox.baseVal.width);
  for (const part of [line, readout]) part.removeAttribute("hidden");
}

/** amount formats a number like the server beside the chart. */
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

/** pointAt shows the values under the pointer. */
export function pointAt({ target, clientX }) {
  const figure = chartOf(target);
  if (figure) point(figure, indexAt(figure, clientX));
  else if (pointed && !pointed.figure.matches(":focus-visible")) point(null);
}

/** chartOf returns the chart in whose plot an element is. */
export function chartOf(target) {
  return target.closest?.(".chart-plot")?.closest("figure[data-chart]") ?? null;
}

/** indexAt returns the index of the value at a place of the page. */
export function indexAt(figure, clientX) {
  const { left, width } = figure.querySelector(".chart-cursor").ownerSVGElement.getBoundingClientRect();
  return Math.max(0, Math.min(lastOf(figure), Math.round(((clientX - left) / width) * lastOf(figure))));
}

/** pointedIn returns the index of the chart's value that is shown, or null. */
export function pointedIn(figure) {
  return pointed?.figure === figure ? pointed.i : null;
}

/** timeOf returns the time of a value in ms. */
export function timeOf(figure, i) {
  const { end, step } = figure.dataset;
  return Date.parse(end) - (lastOf(figure) - i) * step;
}

/** shade shades a part of the time in a chart and those beside it; null shades none. */
export function shade(figure, from, to) {
  for (const rect of document.querySelectorAll(".chart-chosen")) rect.setAttribute("hidden", "");
  chosen = figure && { figure, from, to };
  if (!figure) return;
  for (const other of beside(figure)) {
    const rect = other.querySelector(".chart-chosen");
    const at = (time) => Math.max(0, lastOf(other) - (Date.parse(other.dataset.end) - time) / other.dataset.step);
    rect.setAttribute("x", Math.min(at(from), at(to)));
    rect.setAttribute("width", Math.abs(at(to) - at(from)));
    rect.removeAttribute("hidden");
  }
}

/** redraw shows the values anew, after the chart has changed. */
export function redraw() {
  if (pointed) point(pointed.figure, pointed.i);
  if (chosen) shade(chosen.figure, chosen.from, chosen.to);
}

/** pointNext moves to the next value of a chart, or begins with the last one. */
export function pointNext(figure, step) {
  point(figure, pointed?.figure === figure ? pointed.i + step : lastOf(figure));
}
