// The board is what /v1/snapshot says at the same sequence: compared at each event at which a snapshot could be had.

import { Hookswitch, admin, assert, ready, sorted, state, until, up, url } from "./common.mjs";

const client = new Hookswitch({ url, token: admin, transport: "sse" });
const boards = new Map();
const snapshots = [];
client.on("change", (board) => boards.set(board.sequence, state(board)));
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
  const links = sorted(snapshot.pbx, "pbx").map(({ pbx, state }) => ({ pbx, state }));
  const theirs = JSON.stringify({ calls: sorted(snapshot.calls, "id"), agents: sorted(snapshot.agents, "id"), links });
  assert.equal(mine, theirs, `at ${snapshot.sequence}`);
  compared += 1;
}
assert.ok(compared > 0, "no snapshot was at the sequence of an event");
assert.equal(client.board.ended.at(-1).ledger.disposition, "answered");
assert.equal(client.calls.size, 0);
client.close();
