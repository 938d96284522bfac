/**
 * Rows of a list that are marked for an action.
 *
 *   .mark            the box of a row; x or a click marks, with Shift all rows since the last one
 *   #mark-form       its output counts them; without any, nor "all", its buttons do nothing
 */
import { plural } from "./dom.js";

let last = null; // the box that was marked last
const boxes = () => [...document.querySelectorAll(".mark")];

/** watchMarks keeps the count of marked rows. */
export function watchMarks() {
  document.addEventListener("change", count);
  const main = document.querySelector("main");
  if (document.querySelector("#mark-form")) new MutationObserver(count).observe(main, { childList: true, subtree: true });
  addEventListener("pageshow", count); // a browser keeps marks when it goes back
  count();
}

/** markRow marks the row of an element, or takes the mark away. */
export function markRow(element, isRange) {
  const box = element?.closest("tr")?.querySelector(".mark");
  if (!box) return;
  box.checked = isRange || !box.checked;
  markRange(box, isRange);
}

/** markRange gives the rows since the last marked one the mark of a box, if it is a range. */
export function markRange(box, isRange) {
  const all = boxes();
  const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
  if (isRange && from >= 0) for (const one of all.slice(from, to + 1)) one.checked = box.checked;
  last = box;
  count();
}

function count() {
  const form = document.querySelector("#mark-form");
  if (!form) return;
  const n = boxes().filter(({ checked }) => checked).length;
  const isAll = form.elements.all.checked;
  const text = isAll ? "" : n ? `${plural(n, "client")} marked` : "Mark rows to act on them";
  const output = form.querySelector("output");
  if (output.textContent !== text) output.textContent = text;
  for (const button of form.querySelectorAll("button")) button.disabled = !n && !isAll;
}
