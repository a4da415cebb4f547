import { LitElement, css, html, nothing } from "lit";
import { customElement, property, query } from "lit/decorators.js";

import type { Agent } from "../../sdk/hookswitch.js";
import { count, percent } from "../shared/format.js";
import { word } from "../shared/i18n.js";
import "../shared/since.js";
import { Follow } from "../shared/store.js";
import { base } from "../shared/styles.js";
import { AGENT_TONES } from "../shared/telephony.js";
import { common } from "../shared/words/index.js";
import type { Desk } from "./desk.js";
import { words } from "./words/index.js";

/** Reasons to pause for; any other that the daemon tells is shown as it is. */
const REASONS = ["break", "lunch", "meeting", "training"];

/** The agent's own state, and the buttons that ask for another. */
@customElement("hs-me")
export class Me extends LitElement {
  static override styles = [
    base,
    css`
      .state { display: flex; align-items: baseline; gap: 0.6rem; font-size: 1.35rem; font-weight: 600; color: var(--tone); margin-top: 0.1rem; }
      .state hs-since { margin-inline-start: auto; font-weight: 500; color: var(--ink); }
      .choices { display: grid; grid-template-columns: 1fr 1fr; gap: 0.4rem; margin-top: 0.7rem; }
      .pause { grid-column: 1 / -1; display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 0.4rem; }
      .pause select { width: 100%; }
      .devices { margin-top: 0.7rem; padding-top: 0.6rem; border-top: 1px solid var(--line); font-size: 0.86rem; display: grid; gap: 0.2rem; }
      p { font-size: 0.9rem; }
      .today { margin-top: 0.7rem; }
    `,
  ];

  @property({ attribute: false }) accessor desk!: Desk;
  @property({ attribute: false }) accessor agent: Agent | undefined;
  @query("select") private accessor reason!: HTMLSelectElement | null;

  constructor() {
    super();
    new Follow(this, () => this.desk?.store);
  }

  /** Asks for a pause with the reason that is chosen. */
  pause(): void {
    void this.desk.state("not_ready", this.reason?.value ?? REASONS[0]);
  }

  /** What the day was like so far. */
  private today(): unknown {
    const today = this.desk.today;
    if (!today) return nothing;
    return html`<p class="muted today">${words().today(count(today.handled), percent(today.occupancy))}</p>`;
  }

  protected override render(): unknown {
    const { agent, desk } = this;
    if (!agent) return html`<section class="card"><p class="muted">${words().noAgent}</p></section>`;
    const busy = ["reserved", "talking", "holding"].includes(agent.state);
    const pressed = (state: string) => (agent.next?.state ?? (busy ? "" : agent.state)) === state;
    return html`<section class="card" aria-labelledby="name" data-tone=${AGENT_TONES[agent.state]}>
      <h2 id="name">${agent.name}</h2>
      <p class="state dot"><span id="state">${word(common().agentStates, agent.state)}</span><hs-since .since=${agent.since}></hs-since></p>
      ${agent.reason ? html`<p class="muted">${word(common().reasons, agent.reason)}</p>` : nothing}
      ${agent.next ? html`<p>${words().then(word(common().agentStates, agent.next.state))}${agent.next.reason ? ` · ${word(common().reasons, agent.next.reason)}` : ""}</p>` : nothing}
      <div class="choices" role="group" aria-label=${words().myState}>
        <button type="button" id="ready" aria-pressed=${pressed("ready")} @click=${() => desk.state("ready")}>${common().agentStates.ready}<kbd>r</kbd></button>
        <button type="button" id="logged_out" aria-pressed=${pressed("logged_out")} @click=${() => desk.state("logged_out")}>${words().logOut}</button>
        <span class="pause">
          <button type="button" id="not_ready" aria-pressed=${pressed("not_ready")} @click=${this.pause}>${words().pause}<kbd>n</kbd></button>
          <select aria-label=${words().reason} class="small" @change=${() => agent.state === "not_ready" && this.pause()}>
            ${REASONS.map((one) => html`<option value=${one} ?selected=${one === agent.reason}>${word(common().reasons, one)}</option>`)}
          </select>
        </span>
      </div>
      ${this.today()}
      <ul class="devices" aria-label=${words().devices}>
        ${agent.devices.map(({ address, state }) => html`<li class="row"><span class="mono">${address}</span><span class="muted push">${word(common().deviceStates, desk.softphone?.shows(address, state) ?? state)}</span></li>`)}
      </ul>
    </section>`;
  }
}
