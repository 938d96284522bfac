import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "./fakes.js";
import { follow, jwt, last, open } from "./testpage.js";

test("a page begins where it asks to", async () => {
  const begins = {
    oldest: ["message a 1", "message a 2", "message a 3", "message a 4", "message a 5"],
    last: ["message a 5"],
    now: [],
    "e1-3": ["message a 3", "message a 4", "message a 5"],
    "e0-9": ["gap a {\"after\":\"e0-9\",\"reason\":\"epoch\"}", `lastEvent a ${last("5")}`],
    "": [`lastEvent a ${last("5")}`],
  };
  for (const isFirst of [true, false]) {
    for (const [from, want] of Object.entries(begins)) {
      const world = new World();
      world.publish("b", "other");
      for (let n = 1; n <= 5; n++) world.publish("a", `${n}`);
      if (!isFirst) {
        follow(world, { channels: ["b", "a"] }); // leads
        await world.settle();
      }
      const page = follow(world, { channels: ["a"], from: from || undefined });
      await world.settle();
      world.publish("a", "live");
      await world.settle();
      assert.deepEqual(page.heard, [...want, "message a live"], `from ${from}, first: ${isFirst}`);
    }
  }
});

test("what had expired before the oldest event is no gap, and a channel whose log is lost begins anew", async () => {
  const world = new World();
  for (let n = 1; n <= 9; n++) world.publish("a", `${n}`);
  world.kept = 4;
  const page = follow(world, { channels: ["a"], from: "oldest" });
  await world.settle();
  assert.deepEqual(page.heard, ["message a 6", "message a 7", "message a 8", "message a 9"]);
  world.epoch = "e2";
  world.events.length = 0;
  world.publish("a", "new");
  open(world)[0].lose();
  await world.settle();
  await world.pass(3000);
  assert.deepEqual(page.heard.slice(4), [`gap a {"after":"e1-9","reason":"epoch"}`, `lastEvent a ${last("new")}`]);
});

test("info that is set reaches the server once, from whichever page, and the next stream", async () => {
  const world = new World();
  const pages = [1, 2].map(() => follow(world, { channels: ["a"], info: { n: 0 } }));
  await world.settle();
  const told = () => world.written.splice(0).map(([method, path, body, headers]) => [method, path.split("/").at(-1), body, headers["Stream-Secret"]]);
  for (const [i, page] of pages.entries()) {
    page.do(() => page.rollcall.setInfo({ n: i + 1 }));
    await world.settle();
    const [[method, what, info, secret], ...more] = told();
    assert.deepEqual([method, what, info, more], ["PUT", "info", { n: i + 1 }, []]);
    assert.match(secret, /^secret-of-/);
  }
  // The browser reconnects with the address that it has, and so with what was said at first.
  open(world)[0].lose();
  await world.settle();
  await world.pass(3000);
  assert.deepEqual(told().map(([, , info]) => info), [{ n: 2 }]);
  // Another page takes over.
  world.kill(pages.find((page) => page === open(world)[0].owner));
  await world.settle();
  assert.equal(open(world)[0].url.searchParams.get("info"), '{"n":2}');
  assert.deepEqual(told(), []);
});

test("info that is refused is an error, and what may pass is tried again", async () => {
  const world = new World();
  const page = follow(world, { channels: ["a"] });
  await world.settle();
  let status = 503;
  world.status = ({ pathname }) => (pathname.endsWith("/info") ? status : 200);
  page.do(() => page.rollcall.setInfo({ n: 1 }));
  await world.settle();
  status = 200;
  await world.pass(1000);
  assert.deepEqual(world.written.map(([, , body]) => body), [{ n: 1 }]);
  status = 403;
  page.do(() => page.rollcall.setInfo({ n: 2 }));
  await world.settle();
  assert.deepEqual(page.errors.map(({ code }) => code), ["code_403"]);
});

test("a page publishes, again with the same key while that may help", async () => {
  const world = new World();
  const page = follow(world, { channels: ["a"], token: () => jwt({ sub: "ada" }) });
  await world.settle();
  const ids = page.do(() => page.rollcall.publish({ channel: "a", payload: { n: 1 } }));
  await world.settle();
  assert.deepEqual(await ids, ["e1-1"]);
  const keys = [];
  let failures = 3;
  world.status = ({ pathname }) => (pathname === "/publish" && failures-- > 0 ? [503, 429, 0][failures % 3] : 200);
  const fetch = globalThis.fetch;
  globalThis.fetch = (url, init) => {
    if (init.method === "POST") keys.push(JSON.parse(init.body).events.map(({ idempotencyKey }) => idempotencyKey));
    return fetch(url, init);
  };
  const batch = page.do(() => page.rollcall.publish([{ channel: "a", type: "note", payload: null }, { channel: "b", payload: 2, idempotencyKey: "k" }]));
  for (let i = 0; i < 4; i++) await world.pass(5000);
  assert.deepEqual(await batch, ["e1-2", "e1-3"]);
  assert.equal(keys.length, 4);
  assert.equal(new Set(keys.map((pair) => pair.join())).size, 1);
  assert.equal(keys[0][1], "k");
  assert.match(world.asked.at(-1), /\/publish\?access_token=x\./);
  for (const [status, attempts] of [[409, 1], [403, 1], [401, 2]]) {
    keys.length = 0;
    world.status = ({ pathname }) => (pathname === "/publish" ? status : 200);
    const refused = page.do(() => page.rollcall.publish({ channel: "a", payload: 1 }).catch((error) => error));
    for (let i = 0; i < 4; i++) await world.pass(5000);
    assert.deepEqual([(await refused).status, keys.length], [status, attempts]);
  }
  // It gives up, at the latest when it is told to.
  world.status = ({ pathname }) => (pathname === "/publish" ? 503 : 200);
  const stop = new AbortController();
  const stopped = page.do(() => page.rollcall.publish({ channel: "a", payload: 1 }, { signal: stop.signal }).catch((error) => error));
  await world.settle();
  stop.abort();
  await world.settle();
  assert.ok(await stopped);
  const late = page.do(() => page.rollcall.publish({ channel: "a", payload: 1 }).catch((error) => error));
  for (let i = 0; i < 10; i++) await world.pass(10_000);
  assert.equal((await late).status, 503);
  assert.deepEqual(page.heard, ["lastEvent a {}", `message a {"n":1}`]); // it did not ask for notes
});
