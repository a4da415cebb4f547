// The board is what /v1/snapshot says at the same sequence: compared at each event at which a snapshot could be had.

import { Hookswitch, admin, assert, ready, state, until, up, url } from "./common.mjs";

const client = new Hookswitch({ url, token: admin, transport: "sse" });
const boards = new Map();
const snapshots = [];
client.on("change", ({ sequence, calls, agents, links }) =>
  boards.set(sequence, state(calls.values(), agents.values(), links.values())));
client.on("event", async () => snapshots.push(client.request("GET", "/v1/snapshot")));
const isUp = up(client);
await client.connect();
await isUp;
ready();

await until(client, (event) => event?.type === "call.ended");
let compared = 0;
for (const snapshot of await Promise.all(snapshots)) {
  const mine = boards.get(snapshot.sequence);
  if (mine === undefined) continue; // true at a sequence that is no event
  assert.equal(mine, state(snapshot.calls, snapshot.agents, snapshot.pbx), `at ${snapshot.sequence}`);
  compared += 1;
}
assert.ok(compared > 0, "no snapshot was at the sequence of an event");
assert.equal(client.board.ended.at(-1).ledger.disposition, "answered");
assert.equal(client.calls.size, 0);
client.close();
