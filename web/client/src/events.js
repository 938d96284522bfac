/** OWN_TYPES are the types of the server's own events. */
export const OWN_TYPES = ["registered", "lastEvent", "gap", "goodbye", "presence", "online-presence"];

/**
 * payloadOf returns the payload in an event's data, or undefined if the data is not JSON. The server's own events
 * have theirs as a string of JSON. Data without a payload is the payload itself.
 */
export function payloadOf(data) {
  try {
    const value = JSON.parse(data);
    if (value === null || typeof value !== "object" || !("payload" in value)) return value;
    return typeof value.payload === "string" ? JSON.parse(value.payload) : value.payload;
  } catch {
    return undefined;
  }
}

/** parseEvent returns an event of /subscribe in the form that handlers receive. */
export function parseEvent({ type, id, data }) {
  const { channelName, payload, ...rest } = JSON.parse(data);
  const value = OWN_TYPES.includes(type) ? JSON.parse(payload) : payload;
  return { channel: channelName, ...rest, type, payload: value, id };
}

/** parseStream returns the events of a stream of /subscribe that has ended, in the form of an EventSource. */
export function parseStream(text) {
  const events = [];
  for (const block of text.split("\n\n")) {
    const event = {};
    for (const line of block.split("\n")) {
      const colon = line.indexOf(": ");
      if (colon > 0) event[line.slice(0, colon)] = line.slice(colon + 2);
    }
    if (event.event) events.push({ type: event.event, id: event.id, data: event.data });
  }
  return events;
}
