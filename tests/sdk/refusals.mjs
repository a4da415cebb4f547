// What is not allowed is told as it is: a wrong token ends the stream for good, a verb that is not legal now names those
// that are.

import { Hookswitch, Refused, admin, agent, assert, ready, until, up, url } from "./common.mjs";

await assert.rejects(new Hookswitch({ url, token: "guessed" }).connect(), (error) => error instanceof Refused && error.status === 401);

const client = new Hookswitch({ url, token: agent, transport: "sse" });
const isUp = up(client);
await client.connect();
await isUp;
assert.equal(client.session.agent, agent);
let refused;
client.on("call.answered", ({ data }) => {
  const call = client.call(data.call.id);
  refused = call.retrieve().then(() => undefined, (error) => error);
  void refused.then(() => call.hangup());
});
ready();

await until(client, (event) => event?.type === "call.ended");
const error = await refused;
assert.ok(error instanceof Refused, "retrieving a call that is not held was taken");
assert.equal(error.status, 409);
assert.ok(error.problem.allowed.includes("hold"), JSON.stringify(error.problem));
await assert.rejects(client.state("ready", undefined, "bob"), (error) => error instanceof Refused && error.status === 403);
await assert.rejects(new Hookswitch({ url, token: admin }).state("ready"), /name an agent/);
client.close();
