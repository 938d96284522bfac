/**
 * An event of a feed, opened: beside the feed, or in its row on a narrow screen. Without this script the links lead to
 * the event's page, which has the same.
 *
 *   .event-open, summary of an .event-item   open its event; the feed is held meanwhile
 *   [data-close], Escape                     close it, and the feed goes on
 */
import { dressed } from "./ages.js";
import { hold } from "./feed.js";

const wide = matchMedia("(min-width: 64rem)");
let opened = null; // {row, side, wasHeld}

/** openOnClick opens the events that are clicked on. */
export function openOnClick() {
  addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) closeEvent();
    const row = rowOf(event);
    if (!row) return;
    event.preventDefault();
    if (opened?.row === row) closeEvent();
    else openEvent(row);
  });
}

/** rowOf returns the row whose event a click opens, if it does. */
function rowOf({ target, ctrlKey, metaKey, shiftKey, button }) {
  if (ctrlKey || metaKey || shiftKey || button) return null;
  const row = target.closest(".event-item");
  if (!row?.querySelector(".event-open") || target.closest(".event-side")) return null;
  const summary = target.closest("summary");
  const opens = target.closest(".event-open, .event-pos") || (summary && !summary.parentElement.open);
  return opens ? row : null;
}

/** openEvent shows a row's event. */
export async function openEvent(row) {
  const wasHeld = opened?.wasHeld ?? hold(true);
  leave();
  const side = Object.assign(document.createElement("aside"), { className: "event-side", ariaLabel: "Event" });
  opened = { row, side, wasHeld };
  row.classList.add("is-opened");
  const panel = await panelAt(row.querySelector(".event-open").href);
  if (opened?.side !== side) return;
  if (!panel) {
    closeEvent();
    location.assign(row.querySelector(".event-open").href);
    return;
  }
  panel.querySelector("[data-close]").hidden = false;
  side.append(dressed(document.adoptNode(panel)));
  if (wide.matches) document.body.append(side);
  else row.append(side);
  side.querySelector("#event-title").focus({ preventScroll: true });
}

/** closeEvent closes the event that is open, and reports whether there was one. */
export function closeEvent() {
  if (!opened) return false;
  const { row, wasHeld } = opened;
  leave();
  opened = null;
  hold(wasHeld);
  row.querySelector(".event-open")?.focus({ preventScroll: true });
  return true;
}

function leave() {
  opened?.side.remove();
  opened?.row.classList.remove("is-opened");
}

/** panelAt returns what an event's page shows of it. */
async function panelAt(url) {
  try {
    const answer = await fetch(url);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html"); // nothing runs in it
    return page.querySelector("#event-panel");
  } catch {
    return null;
  }
}
