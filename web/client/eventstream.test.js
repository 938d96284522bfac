import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "./fakes.js";
import { EventStream, payloadOf } from "./src/index.js";

const ADDRESS = "https://events.example/subscribe?channels=a";

/** watch opens a page with a stream, and keeps its events and states. */
function watch(world, options = {}) {
  const page = world.page(() => {});
  Object.assign(page, { events: [], states: [] });
  page.stream = page.do(() => new EventStream({
    address: (lastId) => (lastId === "" ? ADDRESS : `${ADDRESS}&lastEventId=${lastId}`),
    types: ["message"],
    onEvent: (event) => page.events.push(event),
    onState: (state) => page.states.push(state),
    ...options,
  }));
  page.do(() => page.stream.open());
  page.state = () => page.states.at(-1);
  page.payloads = () => page.events.map(({ data }) => payloadOf(data));
  return page;
}

const latest = (world) => world.sources.at(-1);

test("a stream brings the types that were named, at once and later", async () => {
  const world = new World();
  const page = watch(world);
  await world.settle();
  assert.deepEqual(page.states, [{ state: "connecting" }, { state: "live" }]);
  world.publish("a", "1");
  world.publish("a", "unheard", "note");
  await world.settle();
  page.do(() => page.stream.listen("note"));
  world.publish("a", "2", "note");
  await world.settle();
  assert.deepEqual(page.events.map(({ type, id }) => [type, id]), [["message", "e1-1"], ["note", "e1-3"]]);
  assert.equal(page.stream.lastId, "e1-3");
});

test("published events of the types open and error are events", async () => {
  const world = new World();
  const page = watch(world, { types: ["open", "error"] });
  await world.settle();
  world.publish("a", "1", "error");
  world.publish("a", "2", "open");
  await world.settle();
  assert.deepEqual(page.events.map(({ type }) => type), ["error", "open"]);
  assert.equal(page.state().state, "live");
  assert.equal(world.sources.length, 1);
});

test("a stream resumes after the last id, or begins anew", async () => {
  const world = new World();
  const page = watch(world);
  await world.settle();
  world.publish("a", "1");
  await world.settle();
  page.do(() => page.stream.close());
  assert.deepEqual(page.state(), { state: "closed" });
  world.publish("a", "2");
  page.do(() => page.stream.open({ resume: true }));
  await world.settle();
  assert.equal(latest(world).url.searchParams.get("lastEventId"), "e1-1");
  assert.deepEqual(page.events.map(({ id }) => id), ["e1-1", "e1-2"]);
  page.do(() => page.stream.open());
  await world.settle();
  assert.equal(latest(world).url.searchParams.get("lastEventId"), null);
});

test("a refusal that waiting can't mend closes the stream with the server's message", async () => {
  for (const status of [400, 401, 403, 404]) {
    const world = new World();
    world.status = () => status;
    const page = watch(world);
    await world.settle();
    assert.deepEqual(page.state(), { state: "closed", code: `code_${status}`, reason: `It is ${status}.`, status });
    await world.pass(60_000);
    assert.equal(world.sources.length, 1);
  }
});

test("the question why a stream was lost takes no events from a device", async () => {
  for (const query of ["channels=a&deviceId=phone&ack=1", "channels=a&deviceId=a%20b"]) {
    const world = new World();
    const page = watch(world, { address: () => `https://example.org/events?${query}` });
    await world.settle();
    world.asked.length = 0;
    latest(world).lose(true);
    await world.settle();
    assert.equal(world.asked.length, 1);
    assert.doesNotMatch(world.asked[0], /deviceId|ack/);
    assert.match(String(latest(world).url), /deviceId=/);
    page.do(() => page.stream.close());
  }
});

test("a stream that is told to stay away by 204 stays away", async () => {
  const world = new World();
  world.status = () => 204;
  const page = watch(world);
  await world.settle();
  assert.equal(page.state().state, "closed");
  assert.equal(page.state().code, "kicked");
});

test("after any other refusal the stream is opened again, later each time, where it was", async () => {
  for (const status of [429, 500, 503, 0]) {
    const world = new World();
    const page = watch(world);
    await world.settle();
    world.publish("a", "1");
    await world.settle();
    world.status = () => status;
    latest(world).lose(true);
    const waits = [];
    for (let n = 0; n < 6; n++) {
      await world.settle();
      assert.equal(page.state().state, "waiting", `${status}`);
      const wait = page.state().retryAt - Date.now();
      waits.push(wait);
      await world.pass(wait + 1);
    }
    assert.ok(waits[0] <= 1000 && waits[5] > 14_000, `${status}: ${waits}`);
    world.status = () => 200;
    await world.pass(30_000);
    assert.equal(page.state().state, "live");
    assert.equal(latest(world).url.searchParams.get("lastEventId"), "e1-1");
  }
});

test("an address that can't be had is asked for again", async () => {
  const world = new World();
  let failures = 2;
  const address = async () => {
    failures--;
    if (failures >= 0) throw { code: "token", message: "There is no token." };
    return ADDRESS;
  };
  const page = watch(world, { address });
  await world.settle();
  assert.equal(page.state().code, "token");
  for (let n = 0; n < 3; n++) await world.pass(2000);
  assert.equal(page.state().state, "live");
});

test("a goodbye tells why, and whether the stream comes back", async () => {
  const world = new World();
  const page = watch(world);
  await world.settle();
  const first = latest(world);
  first.own("goodbye", undefined, { code: "draining", reason: "The server stops.", reconnect: true });
  await world.settle();
  assert.equal(page.state().state, "live");
  first.lose();
  await world.settle();
  assert.deepEqual(page.state(), { state: "waiting", code: "draining", reason: "The server stops." });
  await world.pass(3000); // the browser's own return
  assert.deepEqual([page.state(), world.sources.length], [{ state: "live" }, 1]);

  first.own("goodbye", undefined, { code: "kicked", reason: "Go away.", reconnect: false });
  await world.settle();
  assert.deepEqual(page.state(), { state: "closed", code: "kicked", reason: "Go away." });
  await world.pass(60_000);
  assert.equal(first.readyState, 2);
  assert.equal(world.sources.length, 1);
});

test("a stream that is closed while its address is asked for is not opened", async () => {
  const world = new World();
  const page = watch(world, { address: async () => ADDRESS });
  page.do(() => page.stream.close());
  await world.settle();
  assert.equal(world.sources.length, 0);
  assert.deepEqual(page.state(), { state: "closed" });
});
