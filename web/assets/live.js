/**
 * The stream of a live admin page: opens it, applies its patches, and shows its state.
 *
 *   body[data-live]         the page's path; its patches are streamed unless it is empty
 *   #live-state #live-label connecting, live, reconnecting, closed; #live-banner says what to do
 */
import { ROOT, byId } from "./dom.js";
import { apply } from "./patches.js";

const HIDDEN_MS = 60_000; // a page that is hidden for longer closes its stream
const LOST_MS = 1500; // a shorter loss shows no banner
const FIRST_RETRY_MS = 1000; // after the browser has given up
const LONGEST_RETRY_MS = 15_000;
const LABELS = {
  connecting: "Connecting…",
  live: "Live",
  reconnecting: "Reconnecting…",
  waiting: "Not live",
  closed: "Not live",
};

const here = location.href.split("#")[0];
const page = document.body.dataset.live;
const streamURL = `${ROOT}/admin/stream?page=${encodeURIComponent(page)}`;
let over = !page;
let source = null; // null during a pause, while hidden, and when over
let attempts = 0;
let retryTimer = 0;
let bannerTimer = 0;
let sleepTimer = 0;

/** connect opens the stream of a live page. */
export function connect(state = "connecting") {
  if (over) return;
  stop();
  show(state);
  source = new EventSource(streamURL);
  source.onopen = () => {
    state = "live";
    attempts = 0;
    show(state);
  };
  source.onerror = () => {
    if (state !== "waiting") show("reconnecting", LOST_MS, "Connection lost. Reconnecting…");
    if (source.readyState === EventSource.CLOSED) askWhy();
  };
  source.addEventListener("patch", ({ data }) => apply(JSON.parse(data)));
  source.addEventListener("expired", ({ data }) => expire(JSON.parse(data).reason));
}

/** sleepWhileHidden closes the stream of a page that stays hidden, and opens it again when it is visible. */
export function sleepWhileHidden() {
  addEventListener("pagehide", stop); // otherwise the page is not kept for the back button
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) connect();
  });
  document.addEventListener("visibilitychange", () => {
    clearTimeout(sleepTimer);
    if (document.hidden) sleepTimer = setTimeout(stop, HIDDEN_MS);
    else if (!source) connect();
  });
}

function stop() {
  clearTimeout(retryTimer);
  source?.close();
  source = null;
}

function show(state, delay = 0, ...words) {
  const indicator = byId("live-state");
  if (indicator.dataset.state === state) return;
  indicator.dataset.state = state;
  byId("live-label").textContent = LABELS[state];
  clearTimeout(bannerTimer);
  bannerTimer = setTimeout(() => {
    byId("live-banner").replaceChildren(...words);
    byId("live-banner").hidden = words.length === 0;
  }, delay);
}

/** askWhy asks the server why the EventSource gave up, which does not report it. */
async function askWhy() {
  const asked = source;
  const answer = await headOf(streamURL);
  if (source !== asked) return;
  stop();
  if (answer.status === 401 || answer.type === "opaqueredirect") return expire();
  if (answer.status === 403 || answer.status === 404) return close("This page is gone.", here, "Reload");
  const crowded = answer.status === 429;
  if (crowded) show("waiting", 0, "This page is not live: you have too many live pages open. Close some.");
  retryTimer = setTimeout(connect, nextPause(), crowded ? "waiting" : "reconnecting");
}

async function headOf(url) {
  try {
    return await fetch(url, { method: "HEAD", headers: { Accept: "text/event-stream" }, redirect: "manual" });
  } catch {
    return {};
  }
}

/** nextPause returns the wait before the next attempt in ms: it doubles, and is spread. */
function nextPause() {
  const ms = Math.min(LONGEST_RETRY_MS / 1.5, FIRST_RETRY_MS * 2 ** attempts);
  attempts++;
  return ms * (1 + Math.random() / 2);
}

function expire(why) {
  const words = why || "Your session has expired.";
  close(words, `${ROOT}/admin/login?next=${encodeURIComponent(here.slice(ROOT.length))}`, "Log in");
}

function close(words, href, label) {
  over = true;
  stop();
  show("closed", 0, `${words} `, Object.assign(document.createElement("a"), { href, textContent: label }));
}
