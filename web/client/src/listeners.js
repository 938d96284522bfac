/** Listeners are the handlers of one kind of notification. */
export class Listeners {
  #handlers = new Set();

  /** add returns a function that removes the handler; the signal removes it, too. */
  add(handler, { signal } = {}) {
    const remove = () => this.#handlers.delete(handler);
    if (!signal?.aborted) this.#handlers.add(handler);
    signal?.addEventListener("abort", remove);
    return remove;
  }

  /** call reports a handler that throws, and calls the others. */
  call(value) {
    for (const handler of [...this.#handlers]) {
      try {
        handler(value);
      } catch (error) {
        const report = globalThis.reportError ?? console.error;
        report(error);
      }
    }
  }
}
