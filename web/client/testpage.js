// What the tests of Rollcall share.
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
