import assert from "node:assert/strict";
import { test } from "node:test";
import { World } from "./fakes.js";
import { follow, open } from "./testpage.js";

/** disturb does something to the pages, their streams, or the server. */
async function disturb(world, pages, one, act) {
  if (act === 0 && pages.length > 1) {
    pages.splice(pages.indexOf(one), 1);
    if (world.random(2)) world.kill(one.page);
    else one.page.do(() => one.page.rollcall.close());
  } else if (act === 1) {
    one.page.sign(one.asleep ? "pageshow" : "pagehide", { persisted: true });
    one.asleep = !one.asleep;
  } else if (act === 2) one.page.frozen = !one.page.frozen;
  else if (act === 3) open(world).forEach((source) => source.lose(world.random(2) === 1));
  else if (act === 4) world.status = world.random(2) ? () => 200 : () => [0, 500, 503][world.random(3)];
  else await world.pass(world.random(6000));
}

/** calm ends what was disturbed, and gives the pages time. */
async function calm(world, pages) {
  world.status = () => 200;
  for (const one of pages) {
    one.page.frozen = false;
    if (one.asleep) one.page.sign("pageshow", { persisted: true });
  }
  for (let i = 0; i < 15; i++) await world.pass(5000);
}

test("whatever pages, leaders and the network do, each event comes once and in order", async () => {
  for (let seed = 1; seed <= Number(process.env.SEEDS ?? 60); seed++) {
    const world = new World(seed);
    const pages = []; // {page, channels, from}: what each must have heard
    const enter = () => pages.push({ page: follow(world, { channels: ["a", "b"] }), asleep: false });
    enter();
    await world.settle(); // so that the log begins when somebody listens
    for (let n = 0; n < 40; n++) {
      const one = pages[world.random(pages.length)];
      const act = world.random(14);
      if (act < 5) world.publish(["a", "b", "c"][world.random(3)], `${n}`);
      else if (act === 5 && pages.length < 6) enter();
      else if (act === 7) one.page.do(() => one.page.rollcall.add("c"));
      else if (act === 8) one.page.do(() => one.page.rollcall.remove("c"));
      else await disturb(world, pages, one, act === 6 ? 0 : act - 8);
      if (world.random(3) === 0) await world.settle();
    }
    await calm(world, pages);
    world.publish("a", "the last");
    await world.settle();
    assert.equal(open(world).length, 1, `seed ${seed}`);
    for (const { page } of pages) {
      for (const channel of page.rollcall.channels) {
        // From the event on that lastEvent told: all of them.
        const heard = page.heard.filter((text) => text.split(" ")[1] === channel);
        const first = heard.findLastIndex((text) => text.startsWith("lastEvent"));
        assert.ok(first === 0 || (first > 0 && channel === "c"), `seed ${seed}: ${heard}`); // "c" may have been removed and added
        const { payload } = JSON.parse(heard[first].slice("lastEvent c ".length));
        const told = world.events.findLastIndex((event) => event.channel === channel && event.payload === payload);
        const want = world.events.slice(told + 1).flatMap((event) => (event.channel === channel ? [`message ${channel} ${event.payload}`] : []));
        assert.deepEqual(heard.slice(first + 1), want, `seed ${seed}`);
      }
      const numbers = page.ids.filter((id) => !id.startsWith("c")).map((id) => Number(id.split("-")[1]));
      assert.deepEqual(numbers, [...new Set(numbers)].sort((x, y) => x - y), `seed ${seed}`);
    }
  }
});

test("whatever happens, each event of a pattern comes once, and those of a channel in order", async () => {
  const sets = [["a.*"], ["a.>", "a.x"], [">"], ["a.*", "b"], ["a.x", "b"]];
  for (let seed = 1; seed <= Number(process.env.SEEDS ?? 60); seed++) {
    const world = new World(seed);
    const pages = [];
    const enter = () => {
      const channels = sets[world.random(sets.length)];
      pages.push({ page: follow(world, { channels, from: "oldest" }), channels, asleep: false });
    };
    world.publish("a.x", "before");
    enter();
    for (let n = 0; n < 40; n++) {
      const one = pages[world.random(pages.length)];
      const act = world.random(13);
      if (act < 5) world.publish(["a.x", "a.y", "a.y.z", "b", "c"][world.random(5)], `${n}`);
      else if (act === 5 && pages.length < 6) enter();
      else if (act === 6) one.page.do(() => one.page.rollcall[world.random(2) ? "add" : "remove"](one.channels.includes("a.x") ? "a.x.y" : "a.x.*"));
      else await disturb(world, pages, one, act - 7);
      if (world.random(3) === 0) await world.settle();
    }
    await calm(world, pages);
    for (const channel of ["a.x", "b"]) world.publish(channel, "the last");
    await world.settle();
    for (const { page, channels } of pages) {
      const followed = world.matching(channels);
      for (const channel of followed) {
        const heard = page.heard.filter((text) => text.startsWith(`message ${channel} `));
        const want = world.events.flatMap((event) => (event.channel === channel ? [`message ${channel} ${event.payload}`] : []));
        assert.deepEqual(heard, want, `seed ${seed}: ${page.rollcall.channels}`);
      }
      assert.ok(page.heard.every((text) => followed.includes(text.split(" ")[1])), `seed ${seed}: ${page.heard}`);
    }
  }
});
