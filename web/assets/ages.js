/**
 * Times of the admin pages.
 *
 *   time[datetime]   is shown as an age; with data-clock as the time of day in the viewer's zone
 */
import { clock } from "./dom.js";

const UNITS = [[86_400, "d"], [3600, "h"], [60, "min"], [0, "s"]]; // of ages, with their seconds

/** dressed returns a node, with its times shown as ages. */
export function dressed(node) {
  if (node.matches?.("time[datetime]")) age(node);
  node.querySelectorAll?.("time[datetime]").forEach(age);
  return node;
}

/** age shows a time as an age, or as the time of day in the viewer's zone. */
export function age(time) {
  const at = new Date(time.dateTime);
  const seconds = Math.abs(Date.now() - at) / 1000;
  const [length, unit] = UNITS.find(([length]) => seconds >= length) ?? UNITS[3];
  const count = seconds / (length || 1);
  const span = `${at > Date.now() ? Math.ceil(count - 0.02) : Math.floor(count)} ${unit}`;
  const text = "clock" in time.dataset ? clock(at, { millis: true }) : relative(at, seconds, span);
  if (time.textContent !== text) (time.firstChild ?? time).textContent = text;
  time.title = `${at.toDateString()} ${clock(at, { millis: true })} ${at.toTimeString().slice(9)}`;
}

function relative(at, seconds, span) {
  if (seconds < 5) return "now";
  return at > Date.now() ? `in ${span}` : `${span} ago`;
}
