// What the scripts share. Each is given the daemon by its environment and says `ready` when it has subscribed.

import assert from "node:assert/strict";

export const { URL: url, ADMIN: admin, AGENT: agent, LIBRARY: library, PEERS: peers } = process.env;
export const { Hookswitch, Refused } = await import(library);

export const ready = () => console.log("ready");

/** Resolves when `happened` answers true; it is asked again at every event. */
export const until = (client, happened) =>
  new Promise((done) => {
    if (happened()) return done();
    const off = client.on("event", (event) => {
      if (!happened(event)) return;
      off();
      done();
    });
  });

/** Resolves when the stream is up. */
export const up = (client) =>
  new Promise((done) => {
    const off = client.on("link", (state) => {
      if (state !== "up") return;
      off();
      done();
    });
  });

/** Everything the daemon told since it began, by the third way of reading. */
export async function everything() {
  const all = [];
  for (let after = "0"; ; ) {
    const page = await new Hookswitch({ url, token: admin }).request("GET", `/v1/events?after=${after}`);
    if (page.events.length === 0) return all;
    all.push(...page.events);
    after = page.next;
  }
}

/** The state a client or a snapshot holds. A device that changes is no event: it is seen with the agent's next one. */
export const state = (calls, agents, links) =>
  JSON.stringify({
    calls: sorted(calls, "id"),
    agents: sorted(agents, "id").map(({ id, state, reason, since }) => ({ id, state, reason, since })),
    links: sorted(links, "pbx").map(({ pbx, state }) => ({ pbx, state })),
  });

const sorted = (items, key) => [...items].sort((a, b) => (a[key] < b[key] ? -1 : 1));

export { assert };
