// Words for people, and times.

export const AGENT_STATES = {
  logged_out: ["Logged out", "off"],
  not_ready: ["Not ready", "bad"],
  ready: ["Ready", "good"],
  reserved: ["Reserved", "ring"],
  talking: ["Talking", "busy"],
  holding: ["Holding", "busy"],
  wrap_up: ["Wrap-up", "busy"],
};

export const CALL_STATES = {
  started: ["New", "off"],
  queued: ["Waiting", "busy"],
  offered: ["Ringing", "ring"],
  connected: ["Talking", "good"],
  held: ["On hold", "busy"],
  ended: ["Ended", "off"],
};

export const REASONS = ["break", "lunch", "meeting", "training"];

const OUTCOMES = {
  accepted: "took it", no_answer: "did not answer", declined: "declined", unreachable: "could not be reached",
  withdrawn: "was taken back", caller_left: "caller hung up",
};

/** What an event says, in a line. */
export function sentence({ type, data, recovered }) {
  const line = sentenceOf(type, data);
  return recovered ? `${line} (seen afterwards)` : line;
}

function sentenceOf(type, data) {
  switch (type) {
    case "call.started": return data.call.direction === "inbound" ? "Call came in" : "Call began";
    case "call.identified": return `Customer: ${data.customer?.match ?? "looked up"}`;
    case "call.data": return `${data.by}: ${Object.entries(data.changed).map(([k, v]) => `${k} = ${v}`).join(", ")}`;
    case "call.queued": return `Waits in ${data.queue}, place ${data.position}`;
    case "call.offered": return `Rings at ${data.offer.agent}${data.offer.attempt > 1 ? `, attempt ${data.offer.attempt}` : ""}`;
    case "call.offer_ended": return `${data.offer.agent} ${OUTCOMES[data.offer.outcome] ?? data.offer.outcome}`;
    case "call.answered": return `Answered${data.agent ? ` by ${data.agent.name}` : ""}`;
    case "call.held": return "Put on hold";
    case "call.retrieved": return "Back from hold";
    case "call.party_joined": return `Joined: ${data.role}`;
    case "call.party_left": return `Left: ${data.role}`;
    case "call.transferred": return `Transferred${data.from_agent ? ` by ${data.from_agent}` : ""} to ${data.to_agent ?? data.to ?? "?"}`;
    case "call.conferenced": return `Conference of ${data.legs.length}`;
    case "call.ended": return `Ended: ${data.ledger.disposition}, by ${data.ledger.ended_by}`;
    case "screen.pop": return "Screen pop";
    case "screen.popped": return `Shown after ${data.ring_to_pop_ms} ms`;
    default: return type;
  }
}

/** A duration as `m:ss` or `h:mm:ss`. */
export function span(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

/** The time of day here, as `19:00:00`. */
export const clock = (time) =>
  new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

/** A caller as shown: the number, or that it is withheld. */
export function caller({ raw, e164, withheld }) {
  return e164 || raw || (withheld ? "Number withheld" : "Unknown number");
}
