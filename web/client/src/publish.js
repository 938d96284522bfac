import { backOff, pause } from "./times.js";

const PUBLISH_MS = 30_000; // how long an event that could not be published is tried again

/**
 * publishEvents publishes one event or a list of them, and returns their ids. It tries again until the signal, or closing without
 * one, aborts.
 */
export async function publishEvents(server, events, signal, closing) {
  const list = [events].flat().map(({ channel, type = "message", ...event }) => {
    return { channelName: channel, type, idempotencyKey: randomKey(), ...event };
  });
  const body = JSON.stringify({ events: list });
  const giveUpAt = Date.now() + PUBLISH_MS;
  for (let failures = 0; ; failures++) {
    try {
      const answer = await server.post("/publish", body, signal);
      const { events: published } = await answer.json();
      return published.map(({ id }) => id);
    } catch (error) {
      const ms = Math.max(error.wait ?? 0, backOff(failures));
      const isRefused = error.final || (error.status === 401 && failures > 0);
      if (signal?.aborted || isRefused || Date.now() + ms > giveUpAt) throw error;
      await pause(ms, signal ?? closing);
    }
  }
}

/** randomKey returns a key that nobody else has. */
export function randomKey() {
  return crypto.getRandomValues(new Uint32Array(4)).join("-"); // randomUUID is for secure contexts alone
}
