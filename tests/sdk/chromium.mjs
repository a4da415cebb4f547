// In a page: the library is loaded from the daemon and reads by WebSocket; the page goes away and comes back by cursor.

import { createRequire } from "node:module";

import { admin, assert, everything, peers, ready, url } from "./common.mjs";

const { chromium } = createRequire(`${peers}/`)("playwright-core");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  const page = await browser.newPage();
  const told = [];
  let over;
  const ended = new Promise((done) => (over = done));
  let cursor = "";
  await page.exposeFunction("tell", (event) => {
    told.push(event.sequence);
    cursor = event.sequence;
    if (event.type === "call.ended") over();
  });
  const follow = async (after) => {
    await page.goto(`${url}/desktop/`);
    return page.evaluate(async ([token, after]) => {
      const { Hookswitch } = await import("/sdk/hookswitch.js");
      const client = new Hookswitch({ url: location.origin, token, transport: "websocket", ...(after && { after }) });
      client.on("event", (event) => window.tell({ sequence: event.sequence, type: event.type }));
      const isUp = new Promise((done) => client.on("link", (state) => state === "up" && done()));
      await client.connect();
      await isUp;
      return client.cursor;
    }, [admin, after]);
  };
  const start = await follow("");
  ready();
  await ended;
  // A reload in the middle of nothing: the cursor of the first life is where the second goes on.
  assert.equal(await follow(cursor), cursor);
  const all = (await everything()).map((event) => event.sequence).filter((seq) => seq > start && seq <= cursor);
  assert.deepEqual(told, all);
  assert.ok(all.length > 5, `only ${all.length} events`);
} finally {
  await browser.close();
}
