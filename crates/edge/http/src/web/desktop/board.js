// What is known of calls, agents, queues and links: a snapshot, and every event after it. Knows nothing of the page.

/** Ended calls that stay on the page, newest last. */
const REMEMBERED = 3;

export function newBoard() {
  return {
    /** What the snapshot already holds: events up to here are old news. */
    sequence: "",
    calls: new Map(),
    agents: new Map(),
    queues: new Map(),
    links: new Map(),
    /** By call: what happened, in order. */
    timelines: new Map(),
    /** By call: the offer that rings or rang last. */
    offers: new Map(),
    /** By call: the pop. */
    pops: new Map(),
    /** By call: the ledger, once it ended. */
    ledgers: new Map(),
    ended: [],
  };
}

/** Starts from a snapshot. What happened before on the calls that still live is kept. */
export function startFrom(board, snapshot) {
  board.sequence = snapshot.sequence;
  const byId = (items, key = "id") => new Map(items.map((item) => [item[key], item]));
  board.calls = byId(snapshot.calls);
  board.agents = byId(snapshot.agents);
  board.queues = byId(snapshot.queues);
  board.links = byId(snapshot.pbx, "pbx");
  board.ended = [];
  for (const map of [board.timelines, board.offers, board.pops, board.ledgers]) {
    for (const id of map.keys()) if (!board.calls.has(id)) map.delete(id);
  }
}

/** Takes one event. */
export function take(board, event) {
  const { type, data } = event;
  if (event.sequence <= board.sequence) return;
  if (data.call) {
    const { id } = data.call;
    board.calls.set(id, data.call);
    if (!board.timelines.has(id)) board.timelines.set(id, []);
    board.timelines.get(id).push(event);
    if (type.startsWith("call.offer")) board.offers.set(id, data.offer);
    if (data.pop) board.pops.set(id, data.pop);
    if (type === "call.ended") end(board, id, data.ledger);
  }
  if (data.agent?.id) board.agents.set(data.agent.id, data.agent);
  if (type === "queue.stats") board.queues.set(data.queue.id, data.queue);
  if (type === "pbx.link") board.links.set(data.pbx, data);
}

function end(board, id, ledger) {
  board.ledgers.set(id, ledger);
  board.ended.push(id);
  while (board.ended.length > REMEMBERED) forget(board, board.ended[0]);
}

/** Takes a call off the page. */
export function forget(board, id) {
  board.ended = board.ended.filter((other) => other !== id);
  for (const map of [board.calls, board.timelines, board.offers, board.pops, board.ledgers]) map.delete(id);
}

/** The calls an agent is or was part of, live ones first, newest first among each. */
export function callsOf(board, agent) {
  const part = (call) =>
    call.legs.some((leg) => leg.agent === agent) || board.offers.get(call.id)?.agent === agent
    || board.ledgers.get(call.id)?.handled_by.includes(agent);
  const over = (call) => (call.state === "ended" ? 1 : 0);
  return [...board.calls.values()]
    .filter(part)
    .sort((a, b) => over(a) - over(b) || b.started_at.localeCompare(a.started_at));
}
