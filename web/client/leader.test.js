import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "./fakes.js";
import { follow, jwt, last, open, wantOnce } from "./testpage.js";

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
