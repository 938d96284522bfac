/** Listeners are handlers of one kind of news. */
export class Listeners {
  #handlers = new Set();

  /** add returns the function that removes the handler again; the signal does so, too. */
  add(handler, { signal } = {}) {
    const remove = () => this.#handlers.delete(handler);
    if (!signal?.aborted) this.#handlers.add(handler);
    signal?.addEventListener("abort", remove);
    return remove;
  }

  /** call reports a handler that throws, and goes on with the others. */
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
