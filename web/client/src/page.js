const PAGE_EVENTS = {
  window: ["pagehide", "pageshow", "online"],
  document: ["freeze", "resume", "visibilitychange"],
};

/** listenToPage calls the handler with the events of the page's life until the signal aborts. */
export function listenToPage(handler, signal) {
  for (const [target, types] of Object.entries(PAGE_EVENTS)) {
    for (const type of types) globalThis[target]?.addEventListener(type, handler, { signal });
  }
}

export function isHidden() {
  return globalThis.document?.visibilityState === "hidden";
}
