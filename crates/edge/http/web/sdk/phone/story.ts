import type { Call, Event, Offer } from "../contract.js";
import type { Told } from "./told.js";

/** The calls of one agent as CRMs tell them: each begins once, and ends once. */
export class Story {
  private readonly known = new Set<string>();

  constructor(
    private readonly agent: string,
    private readonly tell: (told: Told) => void,
  ) {}

  /** Calls that were there before: they did not begin now. */
  begin(calls: Iterable<Call>): void {
    for (const call of calls) this.known.add(call.id);
  }

  take(event: Event): void {
    const { call, offer, agent } = event.data as { call?: Call; offer?: Offer; agent?: { id: string } | null };
    if (!call) return;
    const rings = event.type === "call.offered" && offer?.agent === this.agent;
    if (!this.known.has(call.id)) {
      if (!rings && !this.isIn(call)) return;
      this.known.add(call.id);
      // A conversation a supervisor listens to is not one of the supervisor's own.
      this.tell({ type: call.direction === "outbound" ? "outgoing" : "incoming", call });
    }
    switch (event.type) {
      case "call.answered":
        if (agent?.id === this.agent || (call.direction === "outbound" && this.isIn(call))) this.tell({ type: "answered", call });
        break;
      case "call.held":
        this.tell({ type: "held", call });
        break;
      case "call.retrieved":
        this.tell({ type: "retrieved", call });
        break;
      case "call.transferred":
        if (event.data.from_agent === this.agent) this.tell({ type: "transferred", call });
        break;
      case "call.offer_ended":
        // Of a call one makes oneself it is not the end: that follows.
        if (call.direction !== "outbound" && offer?.agent === this.agent && offer.outcome !== "accepted" && !this.isIn(call)) {
          this.known.delete(call.id);
          this.tell({ type: "missed", call });
        }
        break;
      case "call.ended":
        this.known.delete(call.id);
        this.tell({ type: "ended", call, ledger: event.data.ledger });
        break;
    }
  }

  private isIn(call: Call): boolean {
    return call.legs.some((leg) => leg.agent === this.agent && leg.role !== "supervisor" && leg.state !== "left");
  }
}
