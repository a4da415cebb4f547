// The network between page and daemon goes away in the middle of a call, and comes back: the page says both, shows what
// happened meanwhile, and the stream it read is whole.

import net from "node:net";

import { assert, ask, button, card, desktop, inChromium, live, play, profile, state, url } from "./common.mjs";

/** A wire that can be pulled out and put in again. */
function wire(target) {
  const ends = new Set();
  let whole = true;
  const server = net.createServer((near) => {
    if (!whole) return near.destroy();
    const far = net.connect(Number(target.port), target.hostname);
    for (const end of [near, far]) {
      ends.add(end);
      end.on("error", () => {});
      end.on("close", () => {
        ends.delete(end);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  return {
    listen: () => new Promise((done) => server.listen(0, "127.0.0.1", () => done(server.address().port))),
    cut() {
      whole = false;
      for (const end of ends) end.destroy();
    },
    mend: () => (whole = true),
  };
}

await inChromium(async (browser) => {
  const wires = wire(new URL(url));
  const context = await profile(browser);
  // Every event the page reads, as it comes over the WebSocket.
  const read = [];
  const tab = await desktop(context, { base: `http://127.0.0.1:${await wires.listen()}` });
  tab.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => read.push(JSON.parse(payload))));
  await tab.reload();
  await live(tab);
  await state(tab, "Ready");
  await play("C dials Q2; G rings; see offered G");
  await button(tab, "answer").click();
  await play("see answered G");
  await button(tab, "hold").waitFor();

  wires.cut();
  await tab.locator('#connection[data-connection="cut"]').waitFor();
  // Meanwhile the customer is held, retrieved, and gives a ticket; the page shows what it knew.
  await play("G asks hold; see held; G asks retrieve; see retrieved; G asks hold; see held; G notes ticket=4711; see data");
  await button(tab, "hold").waitFor();
  wires.mend();
  await live(tab);
  await tab.locator("hs-toasts", { hasText: "No event was missed" }).waitFor();
  await button(tab, "retrieve").waitFor();
  await card(tab).locator('hs-data input[aria-label="ticket"]').waitFor();
  assert.equal(await card(tab).locator('hs-data input[aria-label="ticket"]').inputValue(), "4711");
  await button(tab, "retrieve").click();
  await play("see retrieved; C hangs up; G is cut off; see ended");
  await tab.locator("hs-wrap-up.over").waitFor();

  // What the page read is what the daemon told this agent, each once and in order.
  const token = "gina-desktop";
  const events = read.filter((event) => !event.type.startsWith("stream."));
  const hello = read.find((event) => event.type === "stream.hello").data.sequence;
  const answer = await fetch(`${url}/v1/events?after=${hello}`, { headers: { Authorization: `Bearer ${token}` } });
  const all = (await answer.json()).events.map((event) => event.sequence);
  const told = events.map((event) => event.sequence);
  assert.deepEqual(told, all.slice(0, told.length));
  assert.ok(events.some((event) => event.type === "call.ended"));
  assert.equal(read.filter((event) => event.type === "stream.gap").length, 0);
  assert.equal((await ask("GET", "/v1/agents/gina")).state, "wrap_up");
  assert.deepEqual(tab.complaints.filter((one) => !one.includes("WebSocket")), []);
});
