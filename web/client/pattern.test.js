import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "./fakes.js";
import { matches } from "./src/patterns.js";
import { follow, last, open } from "./testpage.js";

const gap = (channel, after, reason) => `gap ${channel} ${JSON.stringify({ after, reason })}`;

test("a pattern matches as the server matches", () => {
  for (const [pattern, yes, no] of [
    ["a.*", "a.b a.> a.*", "a a.b.c b.a"],
    ["a.>", "a.b a.b.c", "a b.a"],
    ["*.b", "a.b", "a.c b a.b.c"],
    [">", "a a.b", ""],
    ["*", "a", "a.b"],
    ["a.*.c", "a.b.c", "a.c a.b.d"],
  ]) {
    for (const name of yes.split(" ")) assert.ok(matches(pattern, name), `${pattern} ${name}`);
    for (const name of no.split(" ").filter(Boolean)) assert.ok(!matches(pattern, name), `${pattern} ${name}`);
  }
});

test("a page hears all channels that its patterns match, each event once", async () => {
  const world = new World();
  world.publish("orders.1", "old");
  const page = follow(world, { channels: ["orders.*", "orders.>", "orders.7"] });
  const of = { one: [], pattern: [] };
  page.do(() => page.rollcall.on({ channel: "orders.1", type: "message" }, ({ payload }) => of.one.push(payload)));
  page.do(() => page.rollcall.on({ channel: "orders.*", type: "message" }, ({ payload }) => of.pattern.push(payload)));
  await world.settle();
  assert.deepEqual(page.heard.splice(0).sort(), [`lastEvent orders.1 ${last("old")}`, `lastEvent orders.7 ${last()}`]);
  world.publish("orders.1", "1");
  world.publish("orders.7", "2");
  world.publish("orders.1.paid", "3");
  world.publish("orders", "nobody's");
  await world.settle();
  assert.deepEqual(page.heard, ["message orders.1 1", "message orders.7 2", "message orders.1.paid 3"]);
  assert.deepEqual(of, { one: ["1"], pattern: ["1", "2"] });
  assert.deepEqual(page.rollcall.channels, ["orders.*", "orders.>", "orders.7"]);
  assert.deepEqual([...page.rollcall.members("orders.*")], []);
});

test("pages with patterns share a stream, and each has the events of its own", async () => {
  const world = new World();
  const [all, some] = [follow(world, { channels: [">"] }), follow(world, { channels: ["a.*", "b"] })];
  await world.settle();
  for (const channel of ["a.x", "b", "c.y"]) world.publish(channel, channel);
  await world.settle();
  assert.equal(open(world).length, 1);
  assert.deepEqual(all.heard.filter((text) => text.startsWith("message")), ["message a.x a.x", "message b b", "message c.y c.y"]);
  assert.deepEqual(some.heard.filter((text) => text.startsWith("message")), ["message a.x a.x", "message b b"]);
  some.do(() => some.rollcall.remove("a.*"));
  world.publish("a.x", "2");
  world.publish("b", "3");
  await world.settle();
  assert.equal(some.heard.at(-1), "message b 3");
  assert.ok(!some.heard.includes("message a.x 2"));
  assert.equal(open(world).length, 2, "who has no pattern shares with the others of its kind");
});

test("a pattern that is added begins where the page says", async () => {
  for (const [from, want] of [
    ["", [`lastEvent a.x ${last("2")}`, `lastEvent a.y ${last("3")}`, "message a.x 5"]],
    ["oldest", ["message a.x 1", "message a.x 2", "message a.y 3", "message a.x 5"]],
    ["last", ["message a.x 2", "message a.y 3", "message a.x 5"]],
    ["now", ["message a.x 5"]],
    ["e1-1", ["message a.x 2", "message a.y 3", "message a.x 5"]],
  ]) {
    const world = new World();
    world.publish("a.x", "1");
    world.publish("a.x", "2");
    world.publish("a.y", "3");
    const page = follow(world, { channels: ["b"], from });
    await world.settle();
    page.heard.length = 0;
    page.do(() => page.rollcall.add("a.*"));
    await world.settle();
    world.publish("b", "4");
    world.publish("a.x", "5");
    await world.settle();
    assert.deepEqual(page.heard.filter((text) => text !== "message b 4"), want, from);
    assert.ok(page.heard.includes("message b 4"), from);
  }
});

test("a page that slept has what its patterns missed, and is told of holes", async () => {
  const world = new World();
  const [one, two] = [follow(world, { channels: ["a.*"] }), follow(world, { channels: ["a.*", "a.x"] })];
  await world.settle();
  world.publish("a.x", "1");
  await world.settle();
  two.sign("pagehide", { persisted: true });
  await world.settle();
  world.kept = 2;
  for (let n = 2; n < 6; n++) world.publish("a.y", `${n}`);
  world.publish("a.x", "6");
  await world.settle();
  two.sign("pageshow", { persisted: true });
  await world.settle();
  world.publish("a.z", "7");
  await world.settle();
  assert.deepEqual(one.heard, ["message a.x 1", ...[2, 3, 4, 5].map((n) => `message a.y ${n}`), "message a.x 6", "message a.z 7"]);
  assert.deepEqual(two.heard.slice(1), ["message a.x 1", gap("a.y", "e1-1", "evicted"), "message a.y 4", "message a.y 5", "message a.x 6", "message a.z 7"]);
});

test("a pattern is told once that the log began anew, and begins anew", async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const world = new World(seed);
    const channels = ["a.*", "b", "c.>"];
    const [one, two] = [follow(world, { channels }), follow(world, { channels })];
    await world.settle();
    world.publish("a.x", "1");
    await world.settle();
    if (seed % 2) two.sign("pagehide", { persisted: true });
    [world.epoch, world.events] = ["e2", []];
    world.publish("a.y", "new");
    open(world)[0].lose();
    await world.settle();
    await world.pass(3000);
    if (seed % 2) two.sign("pageshow", { persisted: true });
    await world.settle();
    world.publish("a.y", "newer");
    world.publish("c.z", "newest");
    await world.settle();
    for (const page of [one, two]) {
      const heard = page.heard.slice(page.heard.indexOf("message a.x 1") + 1);
      const want = [gap("a.*", "e1-1", "epoch"), gap("b", "e1-1", "epoch"), gap("c.>", "e1-1", "epoch"),
        `lastEvent b ${last()}`, `lastEvent a.y ${last("new")}`, "message a.y newer", "message c.z newest"];
      assert.deepEqual(heard.slice().sort(), want.sort(), `seed ${seed}, page ${page === one ? "one" : "two"}`);
      assert.ok(heard.indexOf(gap("a.*", "e1-1", "epoch")) < heard.indexOf(`lastEvent a.y ${last("new")}`), `${heard}`);
      assert.deepEqual(heard.slice(-2), ["message a.y newer", "message c.z newest"]);
    }
  }
});

test("a pattern that is refused is removed, and no other", async () => {
  const world = new World();
  world.status = ({ searchParams }) => (/secret/.test(searchParams.get("channels") ?? searchParams.get("channel")) ? 403 : 200);
  const page = follow(world, { channels: ["a.*", "secret.>"] });
  await world.settle();
  for (let i = 0; i < 3; i++) await world.pass(1000);
  world.publish("a.x", "1");
  await world.settle();
  assert.deepEqual(page.rollcall.channels, ["a.*"]);
  assert.deepEqual(page.errors.filter(({ channel }) => channel).map(({ channel, status }) => [channel, status]), [["secret.>", 403]]);
  assert.equal(page.heard.at(-1), "message a.x 1");
});

test("a read of a pattern that breaks off is repeated", async () => {
  const world = new World();
  world.publish("a.x", "1");
  const whole = world.bounded;
  let broken = 2;
  world.bounded = (params) => {
    const text = whole.call(world, params);
    return broken-- > 0 ? text.slice(0, text.indexOf("event: goodbye")) : text;
  };
  const page = follow(world, { channels: ["a.*"], from: "oldest" });
  await world.settle();
  for (let i = 0; i < 3; i++) await world.pass(3000);
  world.publish("a.x", "2");
  await world.settle();
  assert.deepEqual(page.heard, ["message a.x 1", "message a.x 2"]);
});

test("patterns do not go with the members of channels", async () => {
  const world = new World();
  assert.throws(() => follow(world, { channels: ["a.*"], presence: "channels" }), { name: "TypeError", message: /presence\/stream\?channels=a\.\*/ });
  const page = follow(world, { channels: ["a"], presence: "channels" });
  await world.settle();
  assert.throws(() => page.do(() => page.rollcall.add("a.>")), TypeError);
  const other = follow(world, { channels: ["a.>"] });
  await world.settle();
  assert.equal(open(world).length, 2);
  assert.deepEqual(open(world).map(({ url }) => url.searchParams.get("presence")).sort(), ["channels", null].sort());
  assert.equal(other.rollcall.state.state, "live");
});
