/**
 * Listens with one of the npm packages and prints what it hears, a line of JSON each:
 *
 *   node client.js <package> <url> <types, with commas> <silence in ms after which to reconnect, or 0>
 */
"use strict";

require("./listen.js");

const [name, url, types, silence] = process.argv.slice(2);

const open = {
  "eventsource": ({ EventSource }) => new EventSource(url),
  "launchdarkly-eventsource": ({ EventSource }) =>
    new EventSource(url, {
      maxBackoffMillis: 100, // at most, whatever the server asks for
      readTimeoutMillis: Number(silence) || undefined,
    }),
};

globalThis.listen(open[name](require(name)), types.split(","), (said) => {
  process.stdout.write(`${JSON.stringify(said)}\n`);
});
