import type { Call, Ledger, Pop } from "../contract.js";

/** What the element tells its page, adapters, and the window it is framed by. */
export type Told =
  | { type: "ready"; agent: string | null; name: string }
  | { type: "away" }
  | { type: "signed-out"; detail: string }
  | { type: "clicked"; number: string }
  | { type: "refused"; detail: string }
  | { type: "incoming" | "outgoing" | "answered" | "held" | "retrieved" | "transferred" | "missed"; call: Call }
  | { type: "ended"; call: Call; ledger: Ledger }
  | { type: "pop"; pop: Pop; call: Call };
