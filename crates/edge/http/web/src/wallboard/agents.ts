import { LitElement, css, html, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";

import type { Agent, Call } from "../../sdk/hookswitch.js";
import { word } from "../shared/i18n.js";
import "../shared/since.js";
import { Follow, type Store } from "../shared/store.js";
import { base } from "../shared/styles.js";
import { AGENT_TONES, who } from "../shared/telephony.js";
import { common } from "../shared/words/index.js";
import { AGENT_ORDER } from "./floor.js";
import { words } from "./words/index.js";

const ORDERS = ["state", "name", "since"] as const;
type Order = (typeof ORDERS)[number];

/** One tile an agent: state, for how long, with whom. Fires `choose` with the agent, a `CustomEvent<string>`. */
@customElement("hs-agents")
export class Agents extends LitElement {
  static override styles = [
    base,
    css`
      header { margin-bottom: 0.5rem; }
      header input { width: 13rem; }
      .counts { gap: 0.25rem 0.9rem; font-size: 0.9rem; }
      ul.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); gap: 0.4rem; }
      button.tile, div.tile {
        display: grid; grid-template-columns: 1fr auto; gap: 0 0.6rem; width: 100%; text-align: start; padding: 0.4rem 0.7rem 0.45rem;
        border-color: var(--line); border-inline-start: 4px solid var(--tone); font-weight: 450; align-items: baseline;
      }
      div.tile { background: var(--card); border: 1px solid var(--line); border-inline-start: 5px solid var(--tone); border-radius: 7px; }
      :host([plain]) ul.tiles { grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 0.5rem; }
      :host([plain]) .tile b, :host([plain]) .tile hs-since { font-size: 1.35rem; }
      :host([plain]) .tile .toned { font-size: 1.15rem; }
      .tile b { font-weight: 600; }
      .tile .toned { font-size: 0.9rem; font-weight: 600; }
      .tile hs-since { font-size: 1.05rem; font-weight: 600; text-align: end; }
      .tile .with { grid-column: 1 / -1; font-size: 0.85rem; color: var(--muted); min-height: 1.25em; }
      @media (max-width: 34rem) { header input { width: 100%; } ul.tiles { grid-template-columns: 1fr; } }
    `,
  ];

  @property({ attribute: false }) accessor store!: Store;
  /** Only agents of this queue; empty: all. */
  @property() accessor queue = "";
  /** For the wall: no names of callers, nothing to press. */
  @property({ type: Boolean, reflect: true }) accessor plain = false;
  @state() private accessor text = "";
  @state() private accessor order: Order = "state";
  @query("input") private accessor input!: HTMLInputElement | null;

  constructor() {
    super();
    new Follow(this, () => this.store);
  }

  override focus(): void {
    (this.input ?? this.renderRoot.querySelector<HTMLElement>("button"))?.focus();
  }

  private get shown(): Agent[] {
    const wanted = this.text.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (agent: Agent) => {
      const hay = [agent.id, agent.name, word(common().agentStates, agent.state), agent.reason ?? "", ...Object.keys(agent.skills), ...agent.queues].join(" ").toLowerCase();
      return (!this.queue || agent.queues.includes(this.queue)) && wanted.every((one) => hay.includes(one));
    };
    const byName = (a: Agent, b: Agent) => a.name.localeCompare(b.name);
    const place = (agent: Agent) => AGENT_ORDER.indexOf(agent.state);
    const orders: Record<Order, (a: Agent, b: Agent) => number> = {
      state: (a, b) => place(a) - place(b) || byName(a, b),
      name: byName,
      since: (a, b) => a.since.localeCompare(b.since),
    };
    return [...this.store.board.agents.values()].filter(fits).sort(orders[this.order]);
  }

  private tile(agent: Agent): unknown {
    const calls = agent.calls.map((id) => this.store.board.calls.get(id)).filter((call): call is Call => call !== undefined);
    const beside = calls.map((call) => [this.plain ? "" : who(call), call.queue ?? ""].filter(Boolean).join(" · ")).join(", ");
    const reason = agent.reason ? word(common().reasons, agent.reason) : agent.next ? `→ ${word(common().agentStates, agent.next.state)}` : "";
    const content = html`<b class="clip">${agent.name}</b><hs-since .since=${agent.since}></hs-since>
      <span class="toned dot">${word(common().agentStates, agent.state)}</span><span></span>
      <span class="with clip">${beside || reason}</span>`;
    const tone = AGENT_TONES[agent.state];
    if (this.plain) return html`<li data-agent=${agent.id} data-state=${agent.state}><div class="tile" data-tone=${tone}>${content}</div></li>`;
    return html`<li data-agent=${agent.id} data-state=${agent.state}><button type="button" class="tile" data-tone=${tone}
      @click=${() => this.dispatchEvent(new CustomEvent("choose", { detail: agent.id }))}>${content}</button></li>`;
  }

  protected override render(): unknown {
    const agents = this.shown;
    const counted = AGENT_ORDER.map((one) => [one, agents.filter((agent) => agent.state === one).length] as const).filter(([, count]) => count > 0);
    return html`<section aria-labelledby="heading">
      <header class="row">
        <h2 id="heading">${words().agents}${this.queue ? ` · ${this.queue}` : ""}</h2>
        <p class="row counts">${counted.map(([one, count]) => html`<span class="dot toned" data-tone=${AGENT_TONES[one]}>${words().inState(count, word(common().agentStates, one))}</span>`)}</p>
        ${this.plain ? nothing : html`<span class="row push">
          <input type="search" aria-label=${words().filter} placeholder=${words().filterHint} spellcheck="false" @input=${(event: InputEvent) => (this.text = (event.target as HTMLInputElement).value)}>
          <select class="small" aria-label=${words().sortBy} @change=${(event: Event) => (this.order = (event.target as HTMLSelectElement).value as Order)}>
            ${ORDERS.map((one) => html`<option value=${one} ?selected=${one === this.order}>${words().orders[one]}</option>`)}
          </select></span>`}
      </header>
      ${agents.length ? nothing : html`<p class="muted">${words().noAgents}</p>`}
      <ul class="tiles">${repeat(agents, (agent) => agent.id, (agent) => this.tile(agent))}</ul>
    </section>`;
  }
}
