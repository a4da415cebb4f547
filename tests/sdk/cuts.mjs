// Behind a wire that breaks after every few hundred bytes the client tells every event once, in order.

import net from "node:net";

import { Hookswitch, admin, assert, everything, ready, until, url } from "./common.mjs";

const target = new URL(url);
let cuts = 0;
const wire = net.createServer((near) => {
  const far = net.connect(Number(target.port), target.hostname);
  let left = 700 + 400 * (cuts % 7);
  near.pipe(far);
  far.on("data", (bytes) => {
    // Cut in the middle of what came, not between two events.
    near.write(bytes.subarray(0, left));
    left -= bytes.length;
    if (left > 0) return;
    cuts += 1;
    near.destroy();
    far.destroy();
  });
  for (const socket of [near, far]) {
    socket.on("error", () => {});
    socket.on("close", () => { near.destroy(); far.destroy(); });
  }
});
await new Promise((done) => wire.listen(0, "127.0.0.1", done));

const direct = new Hookswitch({ url, token: admin });
const { sequence } = await direct.request("GET", "/v1/snapshot");
const client = new Hookswitch({ url: `http://127.0.0.1:${wire.address().port}`, token: admin, transport: "sse", after: sequence });
const told = [];
let ended = 0;
client.on("event", (event) => {
  told.push(event.sequence);
  ended += event.type === "call.ended" ? 1 : 0;
});
client.on("gap", () => assert.fail("a gap"));
// The first requests of a life may meet a cut as well: those are the page's to try again.
for (;;) {
  try {
    await client.connect();
    break;
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
  }
}
ready();

await until(client, () => ended === 3);
client.close();
wire.close();
const all = (await everything()).map((event) => event.sequence).filter((seq) => seq > sequence && seq <= told.at(-1));
assert.deepEqual(told, all);
assert.ok(cuts > 5, `only ${cuts} cuts`);
process.exit(0);
