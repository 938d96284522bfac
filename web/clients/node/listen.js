/**
 * listen reports what an EventSource hears, for any implementation of that interface, in a browser and in Node:
 * {type, id, data} for each event and {ended} when it has given up for good, with the status of the answer where the
 * implementation tells it.
 */
globalThis.listen = (source, types, report) => {
  for (const type of types) {
    source.addEventListener(type, (event) => report({ type: event.type, id: event.lastEventId, data: event.data }));
  }
  source.addEventListener("error", (event) => {
    // One of the implementations changes its state only after it has told of the error.
    queueMicrotask(() => {
      if (source.readyState === 2) report({ ended: String(event.status ?? event.code ?? "") });
    });
  });
};
