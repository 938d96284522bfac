// What the tests of Rollcall share.
import assert from "node:assert/strict";
import { Rollcall } from "./src/index.js";

const ADDRESS = "https://events.example";

/** follow opens a page that keeps what it hears as "type channel payload". */
export function follow(world, options = {}, url = ADDRESS) {
  const page = world.page(() => new Rollcall(url, options));
  Object.assign(page, { heard: [], ids: [], states: [], errors: [] });
  page.do(() => {
    page.rollcall.on({}, ({ type, channel, payload, id }) => {
      if (type === "registered") return;
      page.heard.push([type, channel, typeof payload === "string" ? payload : JSON.stringify(payload)].filter(Boolean).join(" "));
      if (type === "message") page.ids.push(`${channel} ${id}`);
    });
    page.rollcall.onState((state) => page.states.push(state));
    page.rollcall.onError((error) => page.errors.push(error));
  });
  return page;
}


/** open returns the streams that are not closed. */
export const open = (world) => world.sources.filter(({ readyState }) => readyState !== 2);

export const jwt = (claims) => `x.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.x`;

/** last is the payload of a lastEvent. */
export const last = (payload) => JSON.stringify(payload === undefined ? {} : { type: "message", payload });

/** wantOnce checks that a page heard the events of its channels after a position once each, in order. */
export function wantOnce(world, page, channels, from = 0) {
  const want = world.events.flatMap(({ channel, type }, i) => (channels.includes(channel) && type === "message" && i >= from ? [`${channel} ${world.position(i + 1)}`] : []));
  assert.deepEqual(page.ids, want);
}
