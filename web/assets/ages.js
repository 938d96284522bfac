/**
 * Times of the admin pages.
 *
 *   time[datetime]      is shown as an age; with data-clock or data-tick as the time of day, with data-moment as date and time
 *   input[name=times]   chooses: ages and the viewer's zone, always times, or always times of UTC
 */
import { clock } from "./dom.js";

const UNITS = [[86_400, "d"], [3600, "h"], [60, "min"], [0, "s"]]; // of ages, with their seconds

let shown = localStorage.getItem("times") ?? "age"; // or "local", "utc"

/** chooseTimes has the user choose how times are shown. */
export function chooseTimes() {
  for (const input of document.querySelectorAll("input[name=times]")) {
    input.checked = input.value === shown;
    input.addEventListener("change", () => {
      shown = input.value;
      localStorage.setItem("times", shown);
      dressed(document.body);
    });
  }
}

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
  const { dataset } = time;
  let text = relative(at, seconds, span);
  if ("clock" in dataset) text = clock(inZone(at), { millis: true });
  else if ("tick" in dataset) text = clock(inZone(at));
  else if ("moment" in dataset || shown !== "age") text = dateAndTime(inZone(at));
  if (time.textContent !== text) (time.firstChild ?? time).textContent = text;
  time.title = `${at.toDateString()} ${clock(at, { millis: true })} ${at.toTimeString().slice(9)}`;
}

/** inZone returns a date that reads in the viewer's zone as the given one reads in the chosen zone. */
export function inZone(at) {
  return shown === "utc" ? new Date(+at + at.getTimezoneOffset() * 60_000) : at;
}

/** dateAndTime formats a day and its time. */
export function dateAndTime(at) {
  const [, month, day] = at.toDateString().split(" ");
  return `${Number(day)} ${month} ${clock(at)}`;
}

function relative(at, seconds, span) {
  if (seconds < 5) return "now";
  return at > Date.now() ? `in ${span}` : `${span} ago`;
}
