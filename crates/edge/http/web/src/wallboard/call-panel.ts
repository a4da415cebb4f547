import { LitElement, css, html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";

import type { Begun, Call } from "../../sdk/hookswitch.js";
import { clock } from "../shared/format.js";
import { word } from "../shared/i18n.js";
import { Follow, type Store } from "../shared/store.js";
import { base } from "../shared/styles.js";
import { CALL_TONES, number, who } from "../shared/telephony.js";
import { type CallWhy, decisions, whyStyles } from "../shared/why/index.js";
import { common } from "../shared/words/index.js";
import { words } from "./words/index.js";

const MODES = ["listen", "whisper", "barge"] as const;
type Mode = (typeof MODES)[number];

/** One call: who, its legs, why it went this way, and joining it. Fires `told` with a message, a `CustomEvent<string>`. */
@customElement("hs-call-panel")
export class CallPanel extends LitElement {
  static override styles = [
    base,
    whyStyles,
    css`
      .stack { gap: 1.1rem; }
      p.muted { font-size: 0.88rem; }
      dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 0.5rem 1rem; }
      dt { font-size: 0.8rem; color: var(--muted); font-weight: 500; }
      dd { overflow-wrap: anywhere; }
      .join { display: grid; gap: 0.5rem; }
      .join label { max-width: 16rem; }
    `,
  ];

  @property({ attribute: false }) accessor store!: Store;
  @property() accessor call = "";
  @state() private accessor why: CallWhy | undefined;
  /** The call as it was last seen: it stays while one reads and it ends. */
  private last: Call | undefined;
  private asked = "";

  constructor() {
    super();
    new Follow(this, () => this.store);
  }

  protected override willUpdate(): void {
    const live = this.store.board.calls.get(this.call);
    if (live) this.last = live;
    else if (this.last?.id !== this.call) this.last = undefined;
    // Each offer is a decision: the reasons are read again when one came.
    const now = `${this.call} ${live?.state} ${this.store.board.offers.get(this.call)?.id}`;
    if (now === this.asked) return;
    this.asked = now;
    void this.read();
  }

  private async read(): Promise<void> {
    const call = this.call;
    const why = await this.store.attempt(this.store.phone.call(call).why() as Promise<CallWhy>);
    if (call === this.call && why) this.why = why;
  }

  private async supervise(mode: Mode): Promise<void> {
    const { agent: supervisor } = this.store;
    if (!supervisor) return;
    const chosen = this.renderRoot.querySelector<HTMLSelectElement>("#whose")?.value;
    const body = { mode, supervisor, ...(chosen && { agent: chosen }) };
    const begun = await this.store.attempt(this.store.phone.request<Begun>("POST", `/v1/calls/${encodeURIComponent(this.call)}/supervise`, body));
    if (begun) this.dispatchEvent(new CustomEvent("told", { detail: words().ringsAt(this.nameOf(supervisor)) }));
  }

  private nameOf(agent: string): string {
    return this.store.board.agents.get(agent)?.name ?? agent;
  }

  private join(call: Call): unknown {
    const talking = [...new Set(call.legs.filter((leg) => leg.role === "agent" && leg.agent && leg.state === "connected").map((leg) => leg.agent as string))];
    if (talking.length === 0 || !this.store.board.calls.has(call.id)) return nothing;
    const phones = [...this.store.board.agents.values()].sort((a, b) => a.name.localeCompare(b.name));
    const mine = this.store.agent ?? "";
    return html`<section class="join" aria-labelledby="join">
      <h2 id="join">${words().supervise}</h2>
      <div class="row">
        ${this.store.chooses ? html`<label>${words().myPhone}<select id="phone" @change=${(event: Event) => this.store.actFor((event.target as HTMLSelectElement).value || null)}>
          <option value="" ?selected=${mine === ""}>${words().choosePhone}</option>
          ${phones.map((agent) => html`<option value=${agent.id} ?selected=${agent.id === mine} ?disabled=${talking.includes(agent.id)}>${agent.name}</option>`)}
        </select></label>` : nothing}
        ${talking.length > 1 ? html`<label>${words().whoseTalk}<select id="whose">${talking.map((agent) => html`<option value=${agent}>${this.nameOf(agent)}</option>`)}</select></label>` : nothing}
      </div>
      <div class="row">${MODES.map((mode) => html`<button type="button" data-mode=${mode} ?disabled=${!mine} title=${words().modesWhy[mode]}
        @click=${() => this.supervise(mode)}>${words().modes[mode]}</button>`)}</div>
      <p class="muted">${MODES.map((mode) => `${words().modes[mode]}: ${words().modesWhy[mode]}`).join(" ")}</p>
    </section>`;
  }

  protected override render(): unknown {
    const call = this.last;
    if (!call) return html`<p class="muted">${words().callOver}</p>`;
    const fact = (name: string, value: string | null | undefined) => (value ? html`<div><dt>${name}</dt><dd>${value}</dd></div>` : nothing);
    const at = (time: string | null) => (time ? clock(time, true) : null);
    const data = Object.entries(call.data);
    const isLive = this.store.board.calls.has(call.id);
    return html`<div class="stack">
      <p class="row"><span class="pill dot" data-tone=${isLive ? CALL_TONES[call.state] : "off"}>${isLive ? word(common().callStates, call.state) : words().callOver}</span>
        <span class="muted mono">${call.id}</span></p>
      <dl>
        ${fact(words().caller, who(call) === number(call) ? number(call) : `${who(call)}, ${number(call)}`)} ${fact(words().dialled, call.dnis.raw)}
        ${fact(words().queue, call.queue)} ${fact(words().rule, call.rule)} ${fact(words().customer, word(common().matches, call.customer.match))}
        ${fact(words().started, at(call.started_at))} ${fact(words().queuedAt, at(call.queued_at))} ${fact(words().answeredAt, at(call.answered_at))}
        ${fact(words().priority, call.priority ? String(call.priority) : null)}
      </dl>
      ${this.join(call)}
      <section aria-labelledby="legs"><h2 id="legs">${words().legs}</h2>
        <ul>${call.legs.map((leg) => html`<li class="row" data-leg=${leg.role}><b>${word(common().roles, leg.role)}</b> <span>${leg.agent ? this.nameOf(leg.agent) : ""}</span>
          <span class="mono muted">${leg.address}</span> <span class="push">${word(words().legStates, leg.state)}</span></li>`)}</ul></section>
      ${data.length ? html`<section aria-labelledby="data"><h2 id="data">${words().ivr}</h2><dl>${data.map(([key, value]) => fact(key, value))}</dl></section>` : nothing}
      <section aria-labelledby="why"><h2 id="why">${words().why}</h2>${this.why ? decisions(this.why.decisions) : html`<p class="muted">${common().loading}</p>`}</section>
    </div>`;
  }
}
