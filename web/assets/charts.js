/**
 * Charts of the admin pages.
 *
 *   figure[data-chart]   .chart-readout and .chart-cursor follow the pointer and the arrow keys
 */
import { clock } from "./dom.js";

let pointed = null; // {figure, i}: the chart under the pointer, and the index of its value
const valuesOf = (path) => path.dataset.values.split(" ").map(parseFloat);
const pathsOf = (figure) => figure.querySelectorAll("[data-series]");
const lastOf = (figure) => valuesOf(pathsOf(figure)[0]).length - 1;

/** point shows the values at one index of a chart, and of the charts beside it of the same time; null hides them. */
function point(figure, i) {
  for (const part of document.querySelectorAll(".chart-cursor, .chart-readout")) part.setAttribute("hidden", "");
  pointed = figure && { figure, i: Math.max(0, Math.min(lastOf(figure), i)) };
  if (!figure) return;
  const beside = [...document.querySelectorAll("figure[data-chart]")];
  for (const other of beside) if (lastOf(other) === lastOf(figure) && other.dataset.step === figure.dataset.step) draw(other, pointed.i);
}

function draw(figure, i) {
  const line = figure.querySelector(".chart-cursor");
  const readout = figure.querySelector(".chart-readout");
  const { end, step, unit } = figure.dataset;
  const words = [clock(new Date(Date.parse(end) - (lastOf(figure) - i) * step))];
  for (const path of pathsOf(figure)) words.push(`${path.dataset.series} ${amount(valuesOf(path)[i], unit)}`);
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
  const figure = target.closest?.(".chart-plot")?.closest("figure[data-chart]");
  if (!figure) {
    if (pointed && !pointed.figure.matches(":focus-visible")) point(null);
    return;
  }
  const { left, width } = figure.querySelector(".chart-cursor").ownerSVGElement.getBoundingClientRect();
  point(figure, Math.round(((clientX - left) / width) * lastOf(figure)));
}

/** redraw shows the values anew, after the chart has changed. */
export function redraw() {
  if (pointed) point(pointed.figure, pointed.i);
}

/** pointNext moves to the next value of a chart, or begins with the last one. */
export function pointNext(figure, step) {
  point(figure, pointed?.figure === figure ? pointed.i + step : lastOf(figure));
}
