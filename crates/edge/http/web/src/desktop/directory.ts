import { LitElement, html } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";

import type { Agent, Call, Queue } from "../../sdk/hookswitch.js";
import "../shared/dialog.js";
import type { Dialog } from "../shared/dialog.js";
import { word } from "../shared/i18n.js";
import "../shared/picker.js";
import type { Choice, Picker } from "../shared/picker.js";
import "../shared/since.js";
import { Follow, type Store } from "../shared/store.js";
import { base } from "../shared/styles.js";
import { AGENT_TONES, who } from "../shared/telephony.js";
import { common } from "../shared/words/index.js";
import type { Desk, Destined } from "./desk.js";
import { words } from "./words/index.js";

/** What can be dialled, whatever it is written like. */
const NUMBER = /^[+(]?[\d*#][\d\s()*#/.-]*$/;

/** Agents and queues with their states, and any number: where a call can be sent. */
@customElement("hs-directory")
export class Directory extends LitElement {
  static override styles = base;
  @property({ attribute: false }) accessor store!: Store;
  @property({ attribute: false }) accessor desk!: Desk;
  @state() private accessor purpose: { call: Call; verb: Destined } | undefined;
  @query("hs-dialog") private accessor dialog!: Dialog;
  @query("hs-picker") private accessor picker!: Picker | null;

  constructor() {
    super();
    new Follow(this, () => this.store);
  }

  /** Asks where to, and does it. */
  async choose(call: Call, verb: Destined): Promise<void> {
    this.purpose = { call, verb };
    await this.updateComplete;
    const closed = this.dialog.show();
    this.picker?.clear();
    this.picker?.focus();
    await closed;
    this.purpose = undefined;
  }

  private readonly picked = async (event: CustomEvent<string>): Promise<void> => {
    if (!this.purpose) return;
    const { call, verb } = this.purpose;
    this.dialog.close();
    // Somebody is brought into a conference by being consulted first.
    await this.desk.ask(call, verb === "transfer" ? "transfer" : "consult", { to: event.detail });
  };

  private choices(): Choice[] {
    const { agents, queues } = this.store.board;
    const others = [...agents.values()].filter((agent) => agent.id !== this.desk.agent);
    const free = (agent: Agent) => (agent.state === "ready" ? 0 : 1);
    others.sort((a, b) => free(a) - free(b) || a.name.localeCompare(b.name));
    return [...others.map(ofAgent), ...[...queues.values()].map(ofQueue)];
  }

  protected override render(): unknown {
    const { purpose } = this;
    return html`<hs-dialog .heading=${purpose ? words().purposes[purpose.verb](who(purpose.call)) : ""}>
      ${purpose ? html`<hs-picker .label=${words().where} .placeholder=${words().whereHint} .choices=${this.choices()} .free=${ofNumber} @pick=${this.picked}></hs-picker>` : ""}
    </hs-dialog>`;
  }
}

/** An agent in a list: who is not free cannot be picked, and why is shown. */
export function ofAgent(agent: Agent): Choice {
  const content = html`<span class="dot clip" data-tone=${AGENT_TONES[agent.state]}>${agent.name}</span>
    <span class="muted push">${word(common().agentStates, agent.state)} <hs-since .since=${agent.since}></hs-since></span>`;
  return { id: agent.id, name: agent.name, group: words().agents, disabled: agent.state !== "ready", content };
}

function ofQueue(queue: Queue): Choice {
  const content = html`<span class="clip">${queue.id}</span>
    <span class="muted push">${words().queueNow(queue.ready, queue.waiting)}</span>`;
  return { id: queue.id, name: queue.id, group: words().queues, content };
}

function ofNumber(text: string): Choice | undefined {
  if (!NUMBER.test(text) || text.length < 2) return undefined;
  return { id: text, name: text, group: words().number, content: html`<span class="figure">${text}</span>` };
}
