import type { Agent, Call, Event, Ledger, Link, Offer, Pop, Queue, Snapshot } from "./contract.js";

/** What is known of calls, agents, queues and links: a snapshot, and every event after it. */
export class Board {
  /** What the board is true at. */
  sequence = "";
  /** Live calls by id. */
  readonly calls = new Map<string, Call>();
  readonly agents = new Map<string, Agent>();
  readonly queues = new Map<string, Queue>();
  /** PBX links by name. */
  readonly links = new Map<string, Link>();
  /** By call: the offer that rings or rang last. */
  readonly offers = new Map<string, Offer>();
  /** By call: the pop that came last. */
  readonly pops = new Map<string, Pop>();
  /** The calls that ended last, newest last. */
  readonly ended: { call: Call; ledger: Ledger }[] = [];

  /** By call: the agent who handed it on. What comes of that leg is told to those who are still in the call. */
  private readonly handedOn = new Map<string, string>();

  constructor(
    /** How many ended calls are remembered. */
    private readonly remembered = 20,
  ) {}

  /** Starts from a snapshot. */
  replace(snapshot: Snapshot): void {
    this.sequence = snapshot.sequence;
    refill(this.calls, snapshot.calls, (call) => call.id);
    refill(this.agents, snapshot.agents, (agent) => agent.id);
    refill(this.queues, snapshot.queues, (queue) => queue.id);
    refill(this.links, snapshot.pbx, (link) => link.pbx);
    this.handedOn.clear();
    for (const map of [this.offers, this.pops]) {
      for (const id of map.keys()) if (!this.calls.has(id)) map.delete(id);
    }
  }

  /** Takes one event. What the snapshot held already is old news; false then. */
  take(event: Event): boolean {
    if (event.sequence <= this.sequence) return false;
    this.sequence = event.sequence;
    const data = event.data as Record<string, unknown> & { call?: Call; agent?: Agent; offer?: Offer; pop?: Pop };
    if (data.call) {
      const { id } = data.call;
      if (data.call.ended_at === null) this.calls.set(id, data.call);
      if (data.offer) this.offers.set(id, data.offer);
      if (data.pop) this.pops.set(id, data.pop);
      if (event.type === "call.transferred" && event.data.from_agent) this.handedOn.set(id, event.data.from_agent);
      else this.handedOn.delete(id);
      if (event.type === "call.ended") this.end(data.call, data.ledger as Ledger);
    }
    if (data.agent && typeof data.agent === "object") this.agents.set(data.agent.id, data.agent);
    if (event.type === "queue.stats" || event.type === "queue.alert") this.queues.set((data.queue as Queue).id, data.queue as Queue);
    if (event.type === "pbx.link") this.links.set(data.pbx as string, data as unknown as Link);
    return true;
  }

  /** The live calls in which an agent has a leg or an offer, oldest first. */
  callsOf(agent: string): Call[] {
    const mine = (call: Call) =>
      this.handedOn.get(call.id) !== agent &&
      (call.legs.some((leg) => leg.agent === agent && leg.state !== "left") ||
        (call.state === "offered" && this.offers.get(call.id)?.agent === agent));
    return [...this.calls.values()].filter(mine).sort((a, b) => a.started_at.localeCompare(b.started_at));
  }

  private end(call: Call, ledger: Ledger): void {
    this.calls.delete(call.id);
    this.offers.delete(call.id);
    this.pops.delete(call.id);
    this.ended.push({ call, ledger });
    if (this.ended.length > this.remembered) this.ended.shift();
  }
}

function refill<T>(map: Map<string, T>, items: readonly T[], key: (item: T) => string): void {
  map.clear();
  for (const item of items) map.set(key(item), item);
}
