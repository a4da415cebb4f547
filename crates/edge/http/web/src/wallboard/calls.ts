import { LitElement, css, html } from "lit";
import { customElement, property } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";

import type { Call } from "../../sdk/hookswitch.js";
import { word } from "../shared/i18n.js";
import "../shared/since.js";
import { Follow, type Store } from "../shared/store.js";
import { base } from "../shared/styles.js";
import { CALL_TONES, number, who } from "../shared/telephony.js";
import { common } from "../shared/words/index.js";
import { waits } from "./floor.js";
import { words } from "./words/index.js";

/** Live calls, those that wait first, longest first. Fires `choose` with the call, a `CustomEvent<string>`. */
@customElement("hs-calls")
export class Calls extends LitElement {
  static override styles = [
    base,
    css`
      h2 { margin-bottom: 0.5rem; }
      button.line {
        display: grid; grid-template-columns: 6.2rem 1fr auto; gap: 0 0.7rem; align-items: baseline; width: 100%; text-align: start;
        border: 0; border-bottom: 1px solid var(--line); border-radius: 0; padding: 0.35rem 0.4rem; font-weight: 450;
      }
      li:last-child button.line { border-bottom: 0; }
      .frame { padding: 0.2rem 0.4rem; }
      .line b { font-weight: 600; }
      .toned { font-size: 0.88rem; font-weight: 600; }
      .more { font-size: 0.85rem; color: var(--muted); }
      .about { min-width: 0; display: grid; }
      p { padding: 0.5rem; }
      @media (max-width: 34rem) { button.line { grid-template-columns: 1fr auto; } .line .toned { grid-column: 1 / -1; } }
    `,
  ];

  @property({ attribute: false }) accessor store!: Store;
  @property() accessor queue = "";

  constructor() {
    super();
    new Follow(this, () => this.store);
  }

  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>("button")?.focus();
  }

  private get shown(): Call[] {
    const fits = (call: Call) => !this.queue || call.queue === this.queue;
    const begun = (call: Call) => call.queued_at ?? call.started_at;
    return [...this.store.board.calls.values()]
      .filter(fits)
      .sort((a, b) => Number(waits(b)) - Number(waits(a)) || begun(a).localeCompare(begun(b)));
  }

  private line(call: Call): unknown {
    const offer = this.store.board.offers.get(call.id);
    const agents = call.legs.filter((leg) => leg.agent && leg.state !== "left").map((leg) => leg.agent as string);
    const rings = call.state === "offered" && offer ? [offer.agent] : [];
    const names = [...new Set([...agents, ...rings])].map((id) => this.store.board.agents.get(id)?.name ?? id);
    const name = who(call);
    const more = [name === number(call) ? "" : number(call), call.queue ?? word(common().directions, call.direction), names.join(", ")].filter(Boolean);
    const since = waits(call) ? call.queued_at : (call.answered_at ?? call.started_at);
    return html`<li data-call=${call.id} data-state=${call.state}><button type="button" class="line" data-tone=${CALL_TONES[call.state]}
        @click=${() => this.dispatchEvent(new CustomEvent("choose", { detail: call.id }))}>
      <span class="toned dot">${word(common().callStates, call.state)}</span>
      <span class="about"><b class="clip">${name}</b><span class="more clip">${more.join(" · ")}</span></span>
      <hs-since .since=${since}></hs-since>
    </button></li>`;
  }

  protected override render(): unknown {
    const calls = this.shown;
    return html`<section aria-labelledby="heading">
      <h2 id="heading">${words().calls}${this.queue ? ` · ${this.queue}` : ""}</h2>
      <div class="card frame">
        ${calls.length ? html`<ul>${repeat(calls, (call) => call.id, (call) => this.line(call))}</ul>` : html`<p class="muted">${words().noCalls}</p>`}
      </div>
    </section>`;
  }
}
