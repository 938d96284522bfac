import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "./fakes.js";
import { claimsOf } from "./src/server.js";
import { follow, jwt, open, wantOnce } from "./testpage.js";

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
