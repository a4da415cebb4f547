import type { Call, Event, Events, Ledger, Offer } from "../../sdk/hookswitch.js";
import type { Store } from "../shared/store.js";
import { comesIn } from "../shared/telephony.js";

/** A call the agent had a part in. */
export interface Past {
  call: Call;
  /** None while it goes on with whom it was handed to. */
  ledger: Ledger | undefined;
  at: string;
}

/** A call that rang at the agent and was not taken. */
export interface Missed {
  call: Call;
  offer: Offer;
  at: string;
}

/** How far back in the journal is read, in events of everybody; and how many entries are kept. */
const REACH = 20_000n;
const KEPT = 50;
const MISSED = ["no_answer", "caller_left", "unreachable"];

/** What was: read from the journal at the start, then kept up by the events. Nothing of it is stored in the browser. */
export class History {
  past: readonly Past[] = [];
  missed: readonly Missed[] = [];
  loading = false;
  private of: string | null = null;

  private failed = false;

  constructor(private readonly store: Store) {
    store.on("resumed", () => this.failed && this.forget());
  }

  /** What was read may be old: it is read anew when it is next asked for. */
  forget(): void {
    this.of = null;
  }

  /** The call that was over for the agent last. */
  get last(): Past | undefined {
    return this.past[0];
  }

  /** Reads what the journal holds of an agent; again only when it is another agent. */
  async read(agent: string): Promise<void> {
    if (this.of === agent) return;
    this.of = agent;
    this.past = [];
    this.missed = [];
    this.loading = true;
    this.failed = false;
    const end = this.store.board.sequence;
    const from = BigInt(end) > REACH ? BigInt(end) - REACH : 0n;
    try {
      for (let after = String(from); ; ) {
        const query = new URLSearchParams({ after, types: "call.ended,call.transferred,call.offer_ended", agent });
        const page = await this.store.phone.request<Events>("GET", `/v1/events?${query}`);
        // What came by the stream meanwhile is there already.
        for (const event of page.events as unknown as Event[]) if (event.sequence <= end) this.take(event, agent);
        if (page.events.length === 0 || page.next >= end) break;
        after = page.next;
      }
    } catch {
      // The page works without; it is read again when the daemon is back.
      this.failed = true;
    }
    this.loading = false;
    this.store.changed();
  }

  take(event: Event, agent: string): void {
    if (event.type === "call.ended") {
      const { call, ledger } = event.data;
      const mine = ledger.handled_by.includes(agent) || (call.direction === "outbound" && call.legs.some((leg) => leg.agent === agent));
      if (mine && ledger.disposition !== "merged") this.add({ call, ledger, at: event.time });
    }
    if (event.type === "call.transferred" && event.data.from_agent === agent)
      this.add({ call: event.data.call, ledger: undefined, at: event.time });
    if (event.type === "call.offer_ended") {
      const { call, offer } = event.data;
      if (offer.agent === agent && comesIn(call) && MISSED.includes(offer.outcome ?? ""))
        this.missed = newest([{ call, offer, at: event.time }, ...this.missed]);
    }
  }

  /** A call stands there once, as it was told last, and at the time the agent's part was over. */
  private add(past: Past): void {
    const earlier = this.past.find(({ call }) => call.id === past.call.id);
    const others = this.past.filter((one) => one !== earlier);
    this.past = newest([{ ...past, at: earlier?.at ?? past.at }, ...others]);
  }
}

function newest<T extends { at: string; call: Call }>(entries: T[]): T[] {
  return entries.sort((a, b) => b.at.localeCompare(a.at)).slice(0, KEPT);
}
