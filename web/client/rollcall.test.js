import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { World } from "./fakes.js";
import { EventStream, Rollcall } from "./src/index.js";
import { follow, last, open } from "./testpage.js";

test("the types name what the classes have", () => {
  const types = readFileSync(new URL("rollcall.d.ts", import.meta.url), "utf8");
  const own = { Rollcall: [], EventStream: ["lastId"] }; // properties that the prototype does not have
  for (const [name, of] of Object.entries({ Rollcall, EventStream })) {
    const body = types.slice(types.indexOf(`export class ${name} {`)).split("\n}")[0];
    const named = [...body.matchAll(/^ {2}(?:readonly )?([a-zA-Z]+)[(:<]/gm)].map((match) => match[1]);
    const has = Object.getOwnPropertyNames(of.prototype).filter((method) => method !== "handleEvent");
    assert.deepEqual([...new Set(named)].sort(), [...has, ...own[name]].sort());
  }
});

test("a page hears its channels, each handler what it asked for", async () => {
  const world = new World();
  world.publish("a", "old");
  const page = follow(world, { channels: ["a", "b"], clientId: "ada", info: { n: 1 } });
  const said = { b: [], foo: [], stopped: [], failed: 0 };
  page.do(() => {
    page.rollcall.on({ channel: "b", type: "message" }, ({ payload }) => said.b.push(payload));
    page.rollcall.on("foo", ({ payload }) => said.foo.push(payload));
    const stop = new AbortController();
    const off = page.rollcall.on("message", ({ payload }) => (said.stopped.push(payload), off()));
    page.rollcall.on("message", ({ payload }) => (said.stopped.push(payload), stop.abort()), { signal: stop.signal });
  });
  await world.settle();
  world.publish("a", "1");
  world.publish("b", "2", "foo");
  world.publish("c", "nobody's");
  world.publish("b", "3");
  await world.settle();
  assert.deepEqual(page.heard, [`lastEvent a ${last("old")}`, `lastEvent b ${last()}`, "message a 1", "foo b 2", "message b 3"]);
  assert.deepEqual(said, { b: ["3"], foo: ["2"], stopped: ["1", "1"], failed: 0 });
  assert.deepEqual(Object.fromEntries(world.sources[0].url.searchParams), { channels: "a,b", clientId: "ada", info: '{"n":1}' });
  assert.deepEqual(page.rollcall.state, { state: "live" });
  assert.equal(page.rollcall.clientId, "ada");
});

test("a handler that throws does not keep others from theirs", async (t) => {
  const world = new World();
  const page = follow(world, { channels: ["a"] });
  const reported = [];
  t.mock.method(console, "error", (error) => reported.push(error.message));
  page.do(() => page.rollcall.on("message", () => { throw new Error("mine"); }));
  const heard = [];
  page.do(() => page.rollcall.on("message", ({ payload }) => heard.push(payload)));
  await world.settle();
  world.publish("a", "1");
  world.publish("a", "2");
  await world.settle();
  assert.deepEqual([heard, reported], [["1", "2"], ["mine", "mine"]]);
});

test("channels come and go", async () => {
  const world = new World();
  const one = follow(world, { channels: ["a"] });
  const two = follow(world, { channels: ["a"] });
  await world.settle();
  for (let n = 1; n <= 5; n++) world.publish("b", `old ${n}`);
  one.do(() => one.rollcall.add("b"));
  world.publish("a", "1");
  await world.settle();
  world.publish("b", "2");
  await world.settle();
  assert.deepEqual(one.heard.slice().sort(), [`lastEvent a ${last()}`, "message a 1", `lastEvent b ${last("old 5")}`, "message b 2"].sort());
  assert.equal(one.heard.at(-1), "message b 2");
  two.do(() => two.rollcall.remove("a"));
  one.do(() => one.rollcall.remove("a"));
  await world.settle();
  assert.deepEqual(open(world).map(({ channels }) => channels), [["b"]]);
  world.publish("a", "3");
  one.do(() => one.rollcall.remove("b"));
  await world.settle();
  assert.equal(open(world).length, 0);
  assert.equal(one.rollcall.state.state, "idle");
  two.do(() => two.rollcall.add("a"));
  await world.settle();
  world.publish("a", "4");
  await world.settle();
  assert.deepEqual(two.heard.slice(-2), [`lastEvent a ${last("3")}`, "message a 4"]);
});

test("a channel that is refused is refused to the pages that want it, and to no others", async () => {
  const world = new World();
  world.status = ({ searchParams }) => (/secret/.test(searchParams.get("channels") ?? searchParams.get("channel")) ? 403 : 200);
  const bad = follow(world, { channels: ["a", "secret"] });
  const good = follow(world, { channels: ["a"] });
  await world.settle();
  const sleeper = follow(world, { channels: ["a"] });
  await world.settle();
  good.do(() => good.rollcall.add("secret"));
  for (let i = 0; i < 3; i++) await world.pass(1000);
  world.publish("a", "1");
  await world.settle();
  assert.deepEqual(open(world).map(({ channels }) => channels), [["a"]]);
  for (const page of [bad, good]) {
    assert.deepEqual(page.rollcall.channels, ["a"]);
    assert.deepEqual(page.errors.filter(({ channel }) => channel).map(({ channel, status }) => [channel, status]), [["secret", 403]]);
  }
  for (const page of [bad, good, sleeper]) assert.equal(page.heard.at(-1), "message a 1");
  assert.deepEqual(sleeper.errors, []);
});

test("what is no longer kept, or was in another log, is told as a gap", async () => {
  const world = new World();
  const [one, two] = [follow(world, { channels: ["a"] }), follow(world, { channels: ["a"] })];
  await world.settle();
  world.publish("a", "1");
  await world.settle();
  two.sign("pagehide", { persisted: true });
  await world.settle();
  world.kept = 2;
  for (let n = 2; n < 7; n++) world.publish("a", `${n}`);
  await world.settle();
  two.sign("pageshow", { persisted: true });
  await world.settle();
  const gap = (after, reason) => `gap a ${JSON.stringify({ after, reason })}`;
  assert.deepEqual(one.heard.slice(1), ["1", "2", "3", "4", "5", "6"].map((n) => `message a ${n}`));
  assert.deepEqual(two.heard.slice(1), ["message a 1", gap("e1-1", "evicted"), "message a 5", "message a 6"]);

  two.sign("pagehide", { persisted: true });
  [world.epoch, world.events] = ["e2", []];
  world.publish("a", "new");
  open(world)[0].lose();
  await world.settle();
  await world.pass(3000);
  two.sign("pageshow", { persisted: true });
  await world.settle();
  world.publish("a", "newer");
  await world.settle();
  for (const page of [one, two]) assert.deepEqual(page.heard.slice(-3), [gap("e1-6", "epoch"), `lastEvent a ${last("new")}`, "message a newer"]);
});

test("a page that comes back while another log is told of hears of it once", async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const world = new World(seed);
    const channels = ["a", "b", "c"];
    const [one, two] = [follow(world, { channels }), follow(world, { channels })];
    await world.settle();
    world.publish("a", "1");
    await world.settle();
    two.sign("pagehide", { persisted: true });
    await world.settle();
    [world.epoch, world.events] = ["e2", []];
    const off = one.do(() => one.rollcall.on("gap", () => (off(), two.sign("pageshow", { persisted: true }))));
    open(world)[0].lose();
    await world.settle();
    await world.pass(3000);
    world.publish("b", "new");
    await world.settle();
    for (const page of [one, two]) {
      for (const channel of channels) {
        const heard = page.heard.filter((text) => text.split(" ")[1] === channel).slice(channel === "a" ? 2 : 1);
        const want = [`gap ${channel} {"after":"e1-1","reason":"epoch"}`, `lastEvent ${channel} ${last()}`];
        assert.deepEqual(heard, channel === "b" ? [...want, "message b new"] : want, `seed ${seed}, page ${page === one ? "one" : "two"}`);
      }
      assert.deepEqual(page.errors.filter(({ code }) => code === "behind"), []);
    }
  }
});

test("every page knows who is there", async () => {
  const world = new World();
  world.members = [{ clientId: "ada", info: { n: 1 } }];
  const one = follow(world, { channels: ["a"], presence: ["channels", "online"] });
  await world.settle();
  assert.equal(world.sources[0].url.searchParams.get("presence"), "channels,online");
  const two = follow(world, { channels: ["a"], presence: "channels" });
  const blind = follow(world, { channels: ["a"] });
  await world.settle();
  world.sources[0].own("presence", "a", { action: "join", member: { clientId: "bob", info: null } });
  world.sources[0].own("online-presence", undefined, ["ada", "bob"]);
  await world.settle();
  const late = follow(world, { channels: ["a"], presence: "channels" });
  await world.settle();
  for (const page of [one, two, late]) assert.deepEqual([...page.rollcall.members("a")], [["ada", { n: 1 }], ["bob", null]]);
  for (const page of [one, two]) assert.deepEqual(page.rollcall.online, ["ada", "bob"]);
  assert.equal(late.heard.filter((text) => text.startsWith("presence a") && text.includes("snapshot")).length, 1);
  assert.ok(!blind.heard.some((text) => text.startsWith("presence")));
  assert.deepEqual([...one.rollcall.members("b")], []);
  assert.equal(open(world).length, 1);
});

test("a channel that is removed while its past can't be read holds up no other", async () => {
  const world = new World();
  const other = follow(world, { channels: ["a", "b", "c"] });
  await world.settle();
  world.status = ({ pathname, searchParams }) => (pathname === "/lastEvent" && searchParams.get("channel") === "b" ? 503 : 200);
  const page = follow(world, { channels: ["a", "b"] });
  await world.settle();
  page.do(() => page.rollcall.remove("b"));
  page.do(() => page.rollcall.add("c"));
  const { length } = page.errors;
  for (let n = 0; n < 3; n++) await world.pass(2000);
  world.publish("a", "1");
  world.publish("c", "2");
  await world.settle();
  assert.deepEqual(page.heard, [`lastEvent a ${last()}`, `lastEvent c ${last()}`, "message a 1", "message c 2"]);
  assert.equal(page.errors.length, length);
  assert.equal(open(world)[0].owner, other);
});

test("a page whose channels have ended waits for others, and a new page has what there was", async () => {
  const world = new World();
  const page = follow(world, { channels: ["answer.1"] });
  await world.settle();
  const end = (channel) => {
    world.publish(channel, `the end of ${channel}`);
    for (const source of open(world)) source.own("goodbye", undefined, { code: "complete", reason: "All have ended.", reconnect: false });
  };
  end("answer.1");
  await world.settle();
  assert.deepEqual(page.rollcall.state, { state: "idle", code: "complete", reason: "All have ended." });
  for (const event of ["visibilitychange", "online"]) page.sign(event);
  await world.pass(60_000);
  assert.equal(open(world).length, 0);

  const late = follow(world, { channels: ["answer.1"] });
  await world.settle();
  assert.deepEqual(late.heard, [`lastEvent answer.1 ${last("the end of answer.1")}`]);
  assert.equal(page.heard.filter((text) => text.startsWith("message")).length, 1);

  page.do(() => page.rollcall.add("answer.2"));
  await world.settle();
  world.publish("answer.2", "more");
  await world.settle();
  assert.equal(page.rollcall.state.state, "live");
  assert.equal(page.heard.at(-1), "message answer.2 more");
  assert.deepEqual(page.rollcall.channels, ["answer.1", "answer.2"]);
});
