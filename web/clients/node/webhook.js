/**
 * Verifies webhooks with the reference library. It reads a JSON list of {secret, headers, body} and prints a list of the payloads,
 * or {error} for those that the library refuses.
 */
"use strict";

const { Webhook } = require("standardwebhooks");

let text = "";
process.stdin.on("data", (part) => { text += part; });
process.stdin.on("end", () => {
  const results = JSON.parse(text).map(({ secret, headers, body }) => {
    try {
      return new Webhook(secret).verify(body, headers);
    } catch (error) {
      return { error: error.message };
    }
  });
  process.stdout.write(JSON.stringify(results));
});
