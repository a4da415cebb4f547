/**
 * What the browser's telephone is, and what is to be done next: a pure function of what is known. No browser and no
 * library here, so that every case is a row of a table in a test (`tests/browser/softphone-states.mjs`).
 */

/** Whether the microphone can be used, and if not, why. */
export type Microphone = "unknown" | "ready" | "refused" | "missing" | "insecure";

/** The line to the PBX. */
export type Link =
  | { is: "closed" }
  | { is: "opening" }
  | { is: "registered" }
  /** The PBX does not know the phone or its password. */
  | { is: "denied"; status: number }
  /** It could not be reached, or was lost: so often in a row, and when it is tried again. */
  | { is: "lost"; times: number; again: number };

export interface Known {
  /** The agent wants this browser to be a telephone. */
  wished: boolean;
  /** This tab is the one that is the telephone: `asking`, until the browser has said. */
  tab: "asking" | "ours" | "elsewhere";
  microphone: Microphone;
  /** Known from the configuration, or typed. */
  password: boolean;
  link: Link;
}

/** What is told to the agent. */
export type State = "off" | "elsewhere" | "insecure" | "refused" | "missing" | "password" | "denied" | "connecting" | "registered" | "gone";

/** What is to be done. `rest`: nothing but to be away from the PBX; `wait`: nothing. */
export type Step = "rest" | "claim" | "microphone" | "open" | "wait";

export const UNKNOWN: Known = { wished: false, tab: "asking", microphone: "unknown", password: false, link: { is: "closed" } };

/** What keeps the phone away from the PBX, most important first; an agent without a microphone takes no calls. */
function obstacle(known: Known): State | undefined {
  if (!known.wished) return "off";
  if (known.microphone === "insecure") return "insecure";
  if (known.tab === "elsewhere") return "elsewhere";
  if (known.microphone === "refused" || known.microphone === "missing") return known.microphone;
  if (!known.password) return "password";
  return undefined;
}

export function state(known: Known): State {
  const why = obstacle(known);
  if (why) return why;
  switch (known.link.is) {
    case "registered":
      return "registered";
    case "denied":
      return "denied";
    case "lost":
      return "gone";
    case "closed":
    case "opening":
      return "connecting";
  }
}

export function step(known: Known, now: number): Step {
  if (!known.wished || known.microphone === "insecure") return "rest";
  if (known.tab === "asking") return "claim";
  if (obstacle(known)) return "rest";
  if (known.microphone === "unknown") return "microphone";
  switch (known.link.is) {
    case "closed":
      return "open";
    case "lost":
      return now >= known.link.again ? "open" : "wait";
    case "opening":
    case "registered":
    case "denied":
      return "wait";
  }
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/** After a loss: doubled each time up to half a minute, and never in step with all others (`dice` is from 0 to 1). */
export function lost(before: Link, now: number, dice: number): Link {
  const times = before.is === "lost" ? before.times + 1 : 1;
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** (times - 1), LONGEST_PAUSE_MS);
  return { is: "lost", times, again: now + pause * (0.5 + dice / 2) };
}

/** What became of a REGISTER that was refused: a password to mend, or a trouble of the PBX that may pass. */
export function refused(before: Link, status: number, now: number, dice: number): Link {
  return [401, 403, 404, 407].includes(status) ? { is: "denied", status } : lost(before, now, dice);
}
