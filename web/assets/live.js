/**
 * The stream of a live admin page: opens it, applies its patches, and shows its state.
 *
 *   body[data-live]         the page's path; its patches are streamed unless it is empty
 *   #live-state #live-label connecting, live, reconnecting, stale, closed; #live-banner says what to do
 *   body[data-stale]        nothing has come for longer than two beats of the server
 */
import { ROOT, byId } from "./dom.js";
import { apply } from "./patches.js";

const HIDDEN_MS = 60_000; // a page that is hidden for longer closes its stream
const LOST_MS = 1500; // a shorter loss shows no banner
const FIRST_RETRY_MS = 1000; // after the browser has given up
const LONGEST_RETRY_MS = 15_000;
const SLACK_MS = 1000; // of a beat that is late
const LABELS = {
  connecting: "Connecting…",
  live: "Live",
  reconnecting: "Reconnecting…",
  stale: "Stale",
  waiting: "Not live",
  closed: "Not live",
};

let here = location.href.split("#")[0];
let page = document.body.dataset.live;
let over = !page;
let source = null; // null during a pause, while hidden, and when over
let attempts = 0;
let retryTimer = 0;
let bannerTimer = 0;
let sleepTimer = 0;
let heardAt = 0; // when the last event came
let beatMS = Infinity; // the longest silence of a working stream; Infinity until the server says it

/** connect opens the stream of a live page. */
export function connect(state = "connecting") {
  if (over) return;
  stop();
  show(state);
  source = new EventSource(streamURL());
  source.onopen = () => {
    attempts = 0;
    if ("stale" in document.body.dataset) return; // until something comes
    state = "live";
    show(state);
  };
  source.onerror = () => {
    if (state !== "waiting") show("reconnecting", LOST_MS, "Connection lost. Reconnecting…");
    if (source.readyState === EventSource.CLOSED) askWhy();
  };
  source.addEventListener("patch", ({ data }) => {
    heard();
    apply(JSON.parse(data));
  });
  source.addEventListener("beat", ({ data }) => {
    beatMS = JSON.parse(data).every;
    heard();
  });
  source.addEventListener("expired", ({ data }) => expire(JSON.parse(data).reason));
}

/** follow has the page follow another one, which it shows by now. */
export function follow(path) {
  if (over || path === page) return;
  page = path;
  here = location.href.split("#")[0];
  connect();
}

const streamURL = () => `${ROOT}/admin/stream?page=${encodeURIComponent(page)}`;

/** heard notes that something has come: the stream works. */
function heard() {
  heardAt = Date.now();
  delete document.body.dataset.stale;
  show("live");
}

/**
 * watchForSilence marks a page to which nothing comes any more: no error tells of a server that hangs, of a network
 * that is gone, or of a laptop that slept. It opens another stream from time to time, until something comes.
 */
export function watchForSilence() {
  let triedAt = 0;
  setInterval(() => {
    const silence = Date.now() - heardAt;
    if (over || !source || silence < 2 * beatMS + SLACK_MS) return;
    document.body.dataset.stale = "";
    if (byId("live-state").dataset.state === "live") show("stale");
    const { state } = byId("live-state").dataset; // it may be known to be lost
    byId("live-label").textContent = `${state === "stale" ? "Stale" : "Lost"} · ${Math.floor(silence / 1000)} s`;
    if (source.readyState === EventSource.CLOSED || Date.now() - triedAt < 2 * beatMS) return;
    triedAt = Date.now();
    connect(state);
  }, 500);
}

/** sleepWhileHidden closes the stream of a page that stays hidden, and opens it again when it is visible. */
export function sleepWhileHidden() {
  addEventListener("pagehide", stop); // otherwise the page is not kept for the back button
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) wake();
  });
  document.addEventListener("visibilitychange", () => {
    clearTimeout(sleepTimer);
    if (document.hidden) sleepTimer = setTimeout(stop, HIDDEN_MS);
    else if (!source) wake();
  });
}

/** wake opens the stream again after a rest, in which nothing was expected. */
function wake() {
  heardAt = Date.now();
  connect();
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
  const answer = await headOf(streamURL());
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
  const words = why || "You were logged out: the session timed out, or the server was restarted.";
  close(words, `${ROOT}/admin/login?next=${encodeURIComponent(here.slice(ROOT.length))}`, "Log in");
}

function close(words, href, label) {
  over = true;
  stop();
  show("closed", 0, `${words} `, Object.assign(document.createElement("a"), { href, textContent: label }));
}
