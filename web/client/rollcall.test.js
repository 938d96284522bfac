import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { World } from "./fakes.js";
import { EventStream, Rollcall } from "./src/index.js";
import { claimsOf } from "./src/server.js";
import { follow, jwt, last, open } from "./testpage.js";

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

test("pages share a stream of all their channels", async () => {
  const world = new World();
  world.publish("a", "before");
  const one = follow(world, { channels: ["a"] });
  await world.settle();
  world.publish("a", "1");
  const two = follow(world, { channels: ["a"] });
  const three = follow(world, { channels: ["a", "b"] });
  await world.settle();
  world.publish("a", "2");
  world.publish("b", "3");
  await world.settle();
  assert.equal(open(world).length, 1);
  assert.deepEqual(one.heard, [`lastEvent a ${last("before")}`, "message a 1", "message a 2"]);
  assert.deepEqual(two.heard, [`lastEvent a ${last("1")}`, "message a 2"]);
  assert.deepEqual(three.heard, [`lastEvent a ${last("1")}`, `lastEvent b ${last()}`, "message a 2", "message b 3"]);
  for (const page of [one, two, three]) {
    assert.equal(page.rollcall.state.state, "live");
    assert.equal(page.rollcall.clientId, "given");
  }
});

test("pages of others do not share", async () => {
  const world = new World();
  for (const options of [{ clientId: "ada" }, { clientId: "bob" }, { token: () => jwt({ sub: "eve" }) }, { share: false }]) follow(world, { channels: ["a"], ...options });
  follow(world, { channels: ["a"], clientId: "ada" }, "https://events.example/behind/");
  await world.settle();
  assert.equal(open(world).length, 5);
  assert.equal(open(world).filter(({ url }) => url.pathname === "/behind/subscribe").length, 1);
});

test("without locks each page has its own stream", async () => {
  const world = new World();
  globalThis.navigator = {};
  const pages = [follow(world, { channels: ["a"] }), follow(world, { channels: ["a"] })];
  await world.settle();
  world.publish("a", "1");
  await world.settle();
  assert.equal(open(world).length, 2);
  for (const page of pages) assert.deepEqual(page.heard, [`lastEvent a ${last()}`, "message a 1"]);
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

/** wantOnce checks that a page heard the events of its channels after a position once each, in order. */
function wantOnce(world, page, channels, from = 0) {
  const want = world.events.flatMap(({ channel, type }, i) => (channels.includes(channel) && type === "message" && i >= from ? [`${channel} ${world.position(i + 1)}`] : []));
  assert.deepEqual(page.ids, want);
}

test("another page takes over from a leader that is closed, crashes or sleeps", async () => {
  for (const how of ["close", "crash", "pagehide", "freeze", "silence"]) {
    const world = new World();
    const pages = Array.from({ length: 4 }, () => follow(world, { channels: ["a", "b"] }));
    await world.settle();
    const leader = pages.find((page) => page === open(world)[0].owner);
    world.publish("a", "1");
    if (how === "close") leader.do(() => leader.rollcall.close());
    else if (how === "crash") world.kill(leader);
    else if (how === "silence") leader.frozen = true;
    else leader.sign(how);
    for (let n = 2; n < 6; n++) world.publish(n % 2 ? "a" : "b", `${n}`);
    await world.settle();
    if (how === "silence") {
      await world.pass(5000); // they ask
      await world.pass(5000); // and take over
      world.publish("b", "6");
      await world.settle();
      leader.frozen = false;
      await world.settle();
    }
    world.publish("a", "7");
    await world.settle();
    const left = how === "silence" ? pages : pages.filter((page) => page !== leader);
    for (const page of left) wantOnce(world, page, ["a", "b"]);
    assert.equal(open(world).length, 1, how);
    assert.notEqual(open(world)[0].owner, leader);
    if (how === "pagehide" || how === "freeze") {
      leader.sign(how === "freeze" ? "resume" : "pageshow", { persisted: true });
      await world.settle();
      wantOnce(world, leader, ["a", "b"]);
      assert.equal(open(world).length, 1, how);
    }
  }
});

test("a stream that is refused is asked for again, later each time", async () => {
  const world = new World();
  world.status = () => 503;
  const page = follow(world, { channels: ["a"] });
  await world.settle();
  assert.equal(page.rollcall.state.state, "waiting");
  assert.equal(page.rollcall.state.reason, "It is 503.");
  assert.deepEqual(page.errors.map(({ status, code }) => [status, code]), [[503, "code_503"]]);
  const waits = [];
  for (let n = 0; n < 6; n++) {
    waits.push(page.rollcall.state.retryAt - Date.now());
    await world.pass(page.rollcall.state.retryAt - Date.now() + 1);
  }
  assert.ok(waits[0] <= 1000 && waits[5] > 14_000, `${waits}`);
  world.status = () => 200;
  page.sign("online"); // at once
  await world.settle();
  world.publish("a", "1");
  await world.settle();
  assert.deepEqual(page.heard, [`lastEvent a ${last()}`, "message a 1"]);

  open(world)[0].lose();
  await world.settle();
  assert.equal(page.rollcall.state.state, "waiting");
  world.publish("a", "2");
  page.sign("visibilitychange"); // looked at again, at once
  await world.settle();
  assert.equal(page.heard.at(-1), "message a 2");
  open(world)[0].lose();
  await world.settle();
  const streams = world.sources.length;
  await world.pass(3000); // the browser's own return
  assert.equal(world.sources.length, streams);
  assert.equal(page.rollcall.state.state, "live");

  world.status = () => 0;
  open(world)[0].lose();
  await world.settle();
  await world.pass(3000);
  assert.equal(page.rollcall.state.code, "network"); // it failed: from here on the waits are ours
  world.status = () => 200;
  await world.pass(1000);
  assert.equal(page.rollcall.state.state, "live");
  wantOnce(world, page, ["a"]);
});

test("a silent stream is opened anew when the page is looked at", async () => {
  const world = new World();
  const [one, two] = [follow(world, { channels: ["a"] }), follow(world, { channels: ["a"] })];
  await world.settle();
  two.sign("visibilitychange");
  await world.settle();
  assert.equal(world.sources.length, 1);
  await world.pass(31_000);
  two.sign("visibilitychange");
  await world.settle();
  assert.equal(world.sources.length, 2);
  assert.equal(open(world)[0].owner, one);
  assert.deepEqual(one.heard, [`lastEvent a ${last()}`]);
});

test("each connection has a new token, and so has one before the token's end", async () => {
  const world = new World();
  let n = 0;
  const page = follow(world, { channels: ["a"], token: async () => jwt({ sub: "ada", exp: Date.now() / 1000 + 100, n: ++n }) });
  world.status = ({ searchParams }) => (claimsOf(searchParams.get("access_token")).n < 3 ? 401 : 200);
  await world.settle();
  assert.equal(page.errors[0].status, 401);
  await world.pass(1000);
  assert.equal(page.rollcall.state.state, "live");
  world.publish("a", "1");
  await world.settle();
  const used = claimsOf(open(world)[0].url.searchParams.get("access_token"));
  await world.pass(91_000);
  assert.ok(claimsOf(open(world)[0].url.searchParams.get("access_token")).n > used.n);
  open(world)[0].own("goodbye", undefined, { code: "expired", reason: "The credentials have expired.", reconnect: false });
  world.publish("a", "2");
  await world.settle();
  await world.pass(1000);
  assert.equal(page.rollcall.state.state, "live");
  wantOnce(world, page, ["a"]);
});

test("a token that can't be had is asked for again", async () => {
  const world = new World();
  let n = 0;
  const page = follow(world, { channels: ["a"], token: () => { if (++n < 3) throw new Error("no session"); } });
  for (let i = 0; i < 3; i++) await world.pass(2000);
  assert.deepEqual(page.errors.map(({ code, message }) => [code, message]), Array(2).fill(["token", "There is no token: no session"]));
  assert.equal(page.rollcall.state.state, "live");
});

test("pages go over to another stream with another's token", async () => {
  const world = new World();
  let sub = "ada";
  const page = follow(world, { channels: ["a"], token: () => jwt({ sub }) });
  follow(world, { channels: ["a"], token: () => jwt({ sub: "ada" }) });
  await world.settle();
  sub = "bob";
  world.sources[0].lose(true);
  for (let i = 0; i < 3; i++) await world.pass(1000);
  assert.equal(open(world).length, 2);
  assert.deepEqual(open(world).map(({ url }) => claimsOf(url.searchParams.get("access_token")).sub).sort(), ["ada", "bob"]);
  assert.equal(page.rollcall.state.state, "live");
});

test("who is sent away stays away, on all pages", async () => {
  for (const how of ["goodbye", "204"]) {
    const world = new World();
    const pages = [follow(world, { channels: ["a"] }), follow(world, { channels: ["a"] })];
    await world.settle();
    if (how === "goodbye") {
      open(world)[0].own("goodbye", undefined, { code: "kicked", reason: "The operator ended the stream.", reconnect: false });
    } else {
      world.status = () => 204;
      open(world)[0].lose(true);
    }
    await world.settle();
    await world.pass(60_000);
    assert.equal(open(world).length, 0);
    for (const page of pages) {
      assert.equal(page.rollcall.state.state, "closed");
      assert.equal(page.rollcall.state.code, "kicked");
      page.do(() => page.rollcall.add("b"));
      page.sign("pageshow", { persisted: true });
    }
    await world.pass(60_000);
    assert.equal(open(world).length, 0);
  }
});

test("a goodbye that is no end says why, and the browser comes back", async () => {
  const world = new World();
  const page = follow(world, { channels: ["a"] });
  await world.settle();
  const source = open(world)[0];
  source.own("goodbye", undefined, { code: "draining", reason: "The server is shutting down.", reconnect: true });
  await world.settle();
  source.lose();
  await world.settle();
  assert.deepEqual(page.rollcall.state, { state: "waiting", code: "draining", reason: "The server is shutting down." });
  assert.ok(page.heard.includes('goodbye {"code":"draining","reason":"The server is shutting down.","reconnect":true}'));
  await world.pass(3000);
  assert.deepEqual([open(world), page.rollcall.state], [[source], { state: "live" }]);
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

test("only the page with the stream tells the server that it leaves", async () => {
  for (const [leave, options, want] of [["pagehide", {}, ""], ["pagehide", { leave: "now" }, "&now=1"], ["leave", {}, "&now=1"], ["close", { leave: "now" }, ""]]) {
    const world = new World();
    const pages = [follow(world, { channels: ["a"], ...options }), follow(world, { channels: ["a"], ...options })];
    await world.settle();
    const go = async (page) => {
      if (leave === "pagehide") page.sign("pagehide");
      else page.do(() => page.rollcall[leave]());
      await world.settle();
    };
    const leader = open(world)[0].owner;
    await go(pages.find((page) => page !== leader));
    assert.deepEqual(world.beacons, []);
    const third = follow(world, { channels: ["a"], ...options });
    await world.settle();
    await go(leader);
    assert.equal(world.beacons.length, 1);
    assert.match(world.beacons[0], /\/presence\/connections\/(c0\.\d+)\/leave\?secret=secret-of-\1$/); // others are there still
    await go(third);
    assert.equal(world.beacons.length, 2);
    assert.match(world.beacons[1], new RegExp(`/connections/(c[.\\d]+)/leave\\?secret=secret-of-\\1${want}$`));
  }
});

test("the stream's secret stays with the page that has the stream", async () => {
  const world = new World();
  const pages = [follow(world, { channels: ["a"] }), follow(world, { channels: ["a"] })];
  const seen = [];
  pages.forEach((page) => page.do(() => page.rollcall.on("registered", (event) => seen.push(event))));
  await world.settle();
  world.sources[0].lose();
  await world.settle();
  assert.ok(seen.length > 0);
  for (const { payload } of seen) assert.deepEqual(Object.keys(payload), ["clientId", "connectionId", "resumed"]);
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
