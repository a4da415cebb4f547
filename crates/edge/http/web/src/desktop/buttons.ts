import { type TemplateResult, html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";

import type { Call } from "../../sdk/hookswitch.js";
import { comesIn, legOf } from "../shared/telephony.js";
import type { Action, Desk, Destined } from "./desk.js";
import { words } from "./words/index.js";

/** What a button asks the page for, beside the verbs that need nothing more. */
export interface Asks {
  destination(call: Call, verb: Destined): void;
  keypad(call: Call): void;
}

/** How an action looks. The order is that on the screen. */
const LOOKS: Readonly<Record<Action, { key: string; style: string }>> = {
  answer: { key: "a", style: "good" },
  "consult/complete": { key: "o", style: "main" },
  "consult/conference": { key: "m", style: "" },
  "consult/cancel": { key: "x", style: "" },
  hold: { key: "h", style: "" },
  retrieve: { key: "h", style: "main" },
  transfer: { key: "t", style: "" },
  consult: { key: "c", style: "" },
  conference: { key: "j", style: "" },
  dtmf: { key: "k", style: "" },
  record: { key: "v", style: "" },
  hangup: { key: "e", style: "danger" },
};

const ORDER = Object.keys(LOOKS) as Action[];

/** The key of an action. */
export function keyOf(action: Action): string {
  return LOOKS[action].key;
}

/** What an action is called on this leg. */
export function labelOf(action: Action, call: Call, agent: string): string {
  if (action === "hangup" && legOf(call, agent)?.state === "ringing") return comesIn(call) ? words().decline : words().cancelDial;
  if (action === "record" && call.data.recording === "on") return words().stopRecording;
  return words().actions[action];
}

/** Does what a button or a key says. */
export function perform(action: Action, call: Call, desk: Desk, asks: Asks): void {
  switch (action) {
    case "transfer":
    case "consult":
    case "conference":
      asks.destination(call, action);
      break;
    case "dtmf":
      asks.keypad(call);
      break;
    case "record":
      void desk.ask(call, "record", { on: call.data.recording !== "on" });
      break;
    case "answer":
      desk.answer(call);
      break;
    case "hangup":
    case "hold":
    case "retrieve":
    case "consult/complete":
    case "consult/cancel":
    case "consult/conference":
      void desk.ask(call, action);
      break;
  }
}

/**
 * A row of buttons, one for each action of the leg (and to answer what rings in this browser), and nothing else. What belongs to a consultation stands with that,
 * and so do the keys.
 */
export function buttons(call: Call, desk: Desk, asks: Asks, consultation?: Call): TemplateResult {
  const legal = desk.actions(call);
  const shown = ORDER.filter((action) => legal.includes(action) && !(consultation && action.startsWith("consult/")));
  return html`<div class="row actions" role="group" aria-label=${words().whatNow}>
    ${repeat(shown, (action) => action, (action) => html`<button type="button" class=${LOOKS[action].style} data-action=${action}
      ?disabled=${!desk.may(call, action)} @click=${() => perform(action, call, desk, asks)}>
      ${labelOf(action, call, desk.agent ?? "")}${consultation ? nothing : html`<kbd>${LOOKS[action].key}</kbd>`}</button>`)}
  </div>`;
}
