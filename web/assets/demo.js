/**
 * What the demo pages share: the state in the top bar, the server's refusals, times of day, and
 * what a tab remembers.
 */
import { errorOf } from "../rollcall.js";
import { ROOT, byId, visible } from "./dom.js";
import { fillSlots, quoted, wireCopyButtons } from "./curl.js";

/** LABELS are the states of an EventStream in words. */
export const LABELS = { connecting: "Connecting", live: "Live", waiting: "Reconnecting", closed: "Not connected" };

/** showState shows the state of the page's stream in the top bar, and why it was refused if it was. */
export function showState({ state, reason = "", code = "" }, label = LABELS[state]) {
  byId("state").dataset.state = state;
  byId("state-label").textContent = label;
  byId("state-detail").textContent = state === "waiting" ? visible(reason).replace(/\.$/, "") : "";
  if (state === "live") refused(null);
  if (state === "closed" && reason) refused({ code, message: reason });
}

/** refused shows an error of errorOf above the page's main part; null takes it away. */
export function refused(error) {
  const callout = byId("refused");
  callout.hidden = error === null;
  callout.textContent = error === null ? "" : sentence(error);
}

/** sentence is an error in words, with what it means for a page that presents no credentials. */
export function sentence({ code, message }) {
  const text = visible(String(message)).replace(/^./u, (first) => first.toUpperCase()).replace(/[^.]$/, "$&.");
  const bare = code === "unauthorized" || code === "forbidden";
  return bare ? `${text} The demo pages send none: they need an open server.` : text;
}

/** post sends JSON and returns the answer's; it throws an Error with the server's code and message. */
export async function post(address, body) {
  let response;
  try {
    response = await fetch(`${ROOT}${address}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(15_000),
    });
  } catch {
    throw Object.assign(new Error("The server can’t be reached."), { code: "unreachable" });
  }
  if (response.ok) return response.json();
  const error = await errorOf(response);
  throw Object.assign(new Error(error.message), error);
}

/** remembered and remember keep a text for as long as the tab lasts; without storage, for the page. */
export function remembered(name) {
  try {
    return sessionStorage.getItem(`rollcall.demo.${name}`) ?? "";
  } catch {
    return "";
  }
}

export function remember(name, text) {
  try {
    sessionStorage.setItem(`rollcall.demo.${name}`, text);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

/** setQuery writes values into the page's address, so that it can be shared and reloaded. */
export function setQuery(values) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(values)) query.set(name, value);
  history.replaceState(null, "", `?${query}`);
}

const hours = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

/** shortTime is a time of day as the viewer writes it. */
export function shortTime(date) {
  return Number.isNaN(date.getTime()) ? "" : hours.format(date);
}

/** startTerminal makes the curl lines those of this server, to be copied. */
export function startTerminal() {
  fillSlots({ base: quoted(ROOT) });
  wireCopyButtons();
}
