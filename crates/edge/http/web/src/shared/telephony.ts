// How states look and people are named: the same on every page.

import type { Agent, Call, Leg } from "../../sdk/hookswitch.js";
import { common } from "./words/index.js";

/** The colour family of a state: `data-tone` of `styles.ts`. */
export type Tone = "good" | "busy" | "bad" | "ring" | "off";

export const AGENT_TONES: Readonly<Record<Agent["state"], Tone>> = {
  logged_out: "off",
  not_ready: "bad",
  ready: "good",
  reserved: "ring",
  talking: "busy",
  holding: "busy",
  wrap_up: "busy",
};

export const CALL_TONES: Readonly<Record<Call["state"], Tone>> = {
  started: "off",
  queued: "busy",
  offered: "ring",
  connected: "good",
  held: "busy",
  ended: "off",
};

/** The number of the other side: the caller's, of an outbound call the one that was dialled. */
export function number(call: Call): string {
  if (call.direction === "outbound") return call.dnis.e164 ?? call.dnis.raw;
  const { e164, raw, withheld } = call.ani;
  return e164 || raw || (withheld ? common().withheld : common().unknownNumber);
}

/** Who it is, as well as it is known: the one customer's name, the name the PBX shows, else the number. */
export function who(call: Call): string {
  const { match, candidates } = call.customer;
  const known = match === "one" ? candidates[0]?.name : null;
  return known || (call.direction === "outbound" ? null : call.ani.name) || number(call);
}

/** Whether a call comes to the agent unasked: everything but what the agent dialled. A call-back is dialled for a queue. */
export function comesIn(call: Call): boolean {
  return call.direction !== "outbound" || "callback" in call.data;
}

/** The leg of an agent, while the agent is in the call. */
export function legOf(call: Call, agent: string): Leg | undefined {
  return call.legs.find((leg) => leg.agent === agent && leg.state !== "left");
}

/** An address a page may open: never `javascript:` or `data:`. */
export function safe(url: string | null | undefined): URL | undefined {
  if (!url) return undefined;
  try {
    const parsed = new URL(url, location.href);
    return ["http:", "https:"].includes(parsed.protocol) ? parsed : undefined;
  } catch {
    return undefined;
  }
}
