export { Rollcall } from "./rollcall.js";
export { EventStream } from "./eventstream.js";
export { errorOf } from "./errors.js";
export { payloadOf } from "./events.js";
