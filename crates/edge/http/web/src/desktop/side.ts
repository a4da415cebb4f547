import { LitElement, type TemplateResult, css, html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";

import type { Call } from "../../sdk/hookswitch.js";
import { duration, moment } from "../shared/format.js";
import { word } from "../shared/i18n.js";
import { roving } from "../shared/keyboard.js";
import "../shared/since.js";
import { base } from "../shared/styles.js";
import { Follow, type Store } from "../shared/store.js";
import { AGENT_TONES, number, who } from "../shared/telephony.js";
import { common } from "../shared/words/index.js";
import type { Desk } from "./desk.js";
import { words } from "./words/index.js";

const TABS = ["people", "past", "missed"] as const;
type Tab = (typeof TABS)[number];

/** Colleagues and queues, calls that were, calls that were missed. */
@customElement("hs-side")
export class Side extends LitElement {
  static override styles = [
    base,
    css`
      .card { padding: 0.45rem 0 0.5rem; }
      [role="tablist"] { display: flex; gap: 0.15rem; padding: 0 0.6rem 0.4rem; border-bottom: 1px solid var(--line); }
      [role="tab"] { border: 0; min-height: 2rem; padding: 0.1rem 0.65rem; background: none; font-weight: 500; color: var(--muted); }
      [role="tab"][aria-selected="true"] { background: var(--sunk); color: var(--ink); }
      ul { max-height: 26rem; overflow-y: auto; padding: 0.3rem 0.6rem 0; }
      li { display: grid; grid-template-columns: 1fr auto; gap: 0 0.6rem; padding: 0.32rem 0.35rem; align-items: center; border-radius: 6px; }
      /* Hundreds of colleagues: those out of sight are neither laid out nor painted. */
      li[data-agent] { content-visibility: auto; contain-intrinsic-block-size: auto 3.5rem; }
      li:hover { background: var(--sunk); }
      li .muted { font-size: 0.86rem; }
      li.heading { font-size: 0.82rem; font-weight: 600; color: var(--muted); background: none; padding-top: 0.5rem; }
      li button { min-height: 1.9rem; padding: 0 0.6rem; grid-row: span 2; font-size: 0.88rem; }
      .empty { padding: 0.8rem 1rem; }
      .count { font-size: 0.78rem; }
    `,
  ];

  @property({ attribute: false }) accessor store!: Store;
  @property({ attribute: false }) accessor desk!: Desk;
  @state() private accessor tab: Tab = "people";
  /** Missed calls the agent has seen. */
  @state() private accessor seen = "";

  constructor() {
    super();
    new Follow(this, () => this.store, true);
  }

  /** Shows a tab, with the focus on it. */
  show(tab: Tab): void {
    this.open(tab);
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>('[aria-selected="true"]')?.focus());
  }

  private open(tab: Tab): void {
    this.tab = tab;
    if (tab === "missed") this.seen = this.desk.history.missed[0]?.at ?? "";
  }

  protected override render(): unknown {
    const { missed } = this.desk.history;
    const fresh = missed.filter(({ at }) => at > this.seen).length;
    const panels: Record<Tab, () => unknown> = { people: () => this.people(), past: () => this.past(), missed: () => this.missedCalls() };
    return html`<section class="card" aria-label=${words().side}>
      <div role="tablist" aria-label=${words().side} @keydown=${(event: KeyboardEvent) => roving(event, '[role="tab"]')}>
        ${TABS.map((tab) => html`<button type="button" role="tab" id=${`tab-${tab}`} aria-controls="panel" aria-selected=${tab === this.tab} tabindex=${tab === this.tab ? 0 : -1}
          @click=${() => this.open(tab)} @focus=${() => this.open(tab)}>${words().tabs[tab]}${tab === "missed" && fresh && this.tab !== "missed" ? html`<span class="count pill" data-tone="bad">${fresh}</span>` : nothing}</button>`)}
      </div>
      <div id="panel" role="tabpanel" aria-labelledby=${`tab-${this.tab}`}>${panels[this.tab]()}</div>
    </section>`;
  }

  private people(): TemplateResult {
    const { agents, queues } = this.store.board;
    const others = [...agents.values()].filter((agent) => agent.id !== this.desk.agent).sort((a, b) => a.name.localeCompare(b.name));
    const idle = this.desk.calls.length === 0;
    // While nobody can be called from it, the list itself is what the keyboard scrolls.
    return html`<ul tabindex="0" aria-label=${words().tabs.people}>
      <li class="heading">${words().queues}</li>
      ${repeat([...queues.values()], ({ id }) => id, (queue) => html`<li><span class="clip">${queue.id}</span><span class="muted figure">${words().queueNow(queue.ready, queue.waiting)}</span></li>`)}
      <li class="heading">${words().agents}</li>
      ${repeat(others, ({ id }) => id, (agent) => html`<li data-agent=${agent.id}>
        <span class="dot clip" data-tone=${AGENT_TONES[agent.state]}>${agent.name}</span>
        ${idle ? html`<button type="button" class="quiet" aria-label=${words().callWho(agent.name)} ?disabled=${agent.state !== "ready"} @click=${() => this.desk.dial(agent.id)}>${words().dial}</button>` : nothing}
        <span class="muted">${word(common().agentStates, agent.state)}${agent.reason && agent.state === "not_ready" ? ` · ${word(common().reasons, agent.reason)}` : ""} <hs-since .since=${agent.since}></hs-since></span>
      </li>`)}
    </ul>`;
  }

  private past(): TemplateResult {
    const { past, loading } = this.desk.history;
    if (past.length === 0) return html`<p class="muted empty">${loading ? common().loading : words().nothingPast}</p>`;
    return html`<ul>${repeat(past, ({ call }) => call.id, ({ call, ledger, at }) => html`<li>
      <span class="clip">${who(call)}</span>${this.again(call)}
      <span class="muted">${moment(at)} · ${word(common().directions, call.direction)} · ${ledger ? `${duration(ledger.talk_ms + ledger.hold_ms)} · ` : ""}${call.data["wrap_up.disposition"] || (ledger ? word(common().dispositions, ledger.disposition) : words().handedOn)}</span>
    </li>`)}</ul>`;
  }

  private missedCalls(): TemplateResult {
    const { missed, loading } = this.desk.history;
    if (missed.length === 0) return html`<p class="muted empty">${loading ? common().loading : words().nothingMissed}</p>`;
    return html`<ul>${repeat(missed, ({ offer }) => offer.id, ({ call, offer, at }) => html`<li>
      <span class="clip">${who(call)}</span>${this.again(call)}
      <span class="muted">${moment(at)} · ${call.queue ?? word(common().directions, call.direction)} · ${word(words().outcomes, offer.outcome ?? "")}</span>
    </li>`)}</ul>`;
  }

  /** Calls the number again, where there is one. */
  private again(call: Call): unknown {
    const dialled = call.direction === "outbound" ? (call.dnis.e164 ?? call.dnis.raw) : call.ani.withheld ? "" : (call.ani.e164 ?? call.ani.raw);
    if (!dialled) return nothing;
    return html`<button type="button" class="quiet" aria-label=${words().callWho(who(call))} title=${number(call)} @click=${() => this.desk.dial(dialled)}>${words().dial}</button>`;
  }
}
