import assert from "node:assert/strict";
import { test } from "node:test";
import { reaches } from "./src/positions.js";
import { Roll } from "./src/roll.js";
import { claimsOf } from "./src/server.js";
import { backOff } from "./src/times.js";
import { jwt } from "./testpage.js";

test("positions are compared by their numbers, within an epoch", () => {
  for (const [a, b, want] of [["e1-10", "e1-9", true], ["e1-9", "e1-10", false], ["e1-9", "e1-9", true], ["e2-9", "e1-1", false], ["a-b-11", "a-b-2", true], ["", "e1-0", false]]) {
    assert.equal(reaches(a, b), want, `${a} and ${b}`);
  }
});

test("the waits double up to half a minute and are spread", () => {
  for (const [n, most] of [[0, 1000], [1, 2000], [4, 16_000], [5, 30_000], [1000, 30_000]]) {
    for (let i = 0; i < 100; i++) {
      const ms = backOff(n);
      assert.ok(ms >= most / 2 && ms <= most, `${ms} of ${most}`);
    }
  }
});

test("claims of a token are read, of anything else there are none", () => {
  assert.deepEqual(claimsOf(jwt({ sub: "Zoë", exp: 7 })), { sub: "Zoë", exp: 7 });
  for (const token of [undefined, "", "opaque", "a.b", "a.!.c"]) assert.deepEqual(claimsOf(token), {});
});

test("a roster follows a snapshot and what comes after", () => {
  const roll = new Roll();
  const tell = (payload) => roll.apply({ type: "presence", channel: "a", payload });
  tell({ action: "snapshot", members: [{ clientId: "ada", info: null }, { clientId: "bob", info: { n: 1 } }] });
  tell({ action: "leave", member: { clientId: "ada", info: null } });
  tell({ action: "join", member: { clientId: "eve", info: null } });
  tell({ action: "update", member: { clientId: "bob", info: { n: 2 } } });
  assert.deepEqual([...roll.members("a")], [["bob", { n: 2 }], ["eve", null]]);
});
