// Three tabs of one agent: the pop of a call is won by one of them, and by nobody in another's name.

import { Hookswitch, admin, agent, assert, ready, until, up, url } from "./common.mjs";

const won = [];
const tabs = await Promise.all(
  ["one", "two", "three"].map(async (name) => {
    const tab = new Hookswitch({ url, token: agent, client: name, transport: "sse" });
    tab.onPop(async ({ pop, call, shown }) => {
      won.push({ name, url: pop.url, ani: call.ani.e164 });
      await shown();
    });
    const isUp = up(tab);
    await tab.connect();
    await isUp;
    return tab;
  }),
);
const watcher = new Hookswitch({ url, token: admin, transport: "sse" });
const isUp = up(watcher);
const popped = [];
watcher.on("screen.popped", (event) => popped.push(event.data));
watcher.onPop(() => assert.fail("a token without an agent won a pop"));
await watcher.connect();
await isUp;
ready();

await until(watcher, (event) => event?.type === "call.ended");
for (const client of [...tabs, watcher]) client.close();
assert.equal(won.length, 1, JSON.stringify(won));
assert.ok(won[0].url.startsWith("https://crm.example.com/leads/new?tel="), won[0].url);
assert.equal(popped.length, 1);
assert.equal(popped[0].client, won[0].name);
assert.ok(popped[0].ring_to_pop_ms >= 0);
