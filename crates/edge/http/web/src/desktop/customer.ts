import { LitElement, css, html, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";

import type { Call, Candidate } from "../../sdk/hookswitch.js";
import { percent } from "../shared/format.js";
import { base } from "../shared/styles.js";
import { safe } from "../shared/telephony.js";
import { common } from "../shared/words/index.js";
import type { Desk } from "./desk.js";
import { words } from "./words/index.js";

/** Fields that are shown as something else. */
const NOT_SHOWN = new Set(["url", "agent"]);
/** Where it is attached which of several candidates it was. */
const CHOSEN = "customer.id";

/** Who it may be: the one record, several to choose from, nobody. */
@customElement("hs-customer")
export class Customer extends LitElement {
  static override styles = [
    base,
    css`
      li { display: grid; grid-template-columns: 1fr auto; gap: 0.1rem 0.6rem; padding: 0.45rem 0; border-top: 1px solid var(--line); align-items: center; }
      li:first-child { border-top: 0; }
      .fields { grid-column: 1 / -1; font-size: 0.88rem; color: var(--muted); }
      .fields span + span::before { content: "· "; }
      header { display: flex; align-items: center; gap: 0.5rem; margin-bottom: 0.2rem; }
    `,
  ];

  @property({ attribute: false }) accessor desk!: Desk;
  @property({ attribute: false }) accessor call!: Call;

  private choose(candidate: Candidate): void {
    const url = safe(candidate.fields?.url);
    if (url) this.desk.pops.open(this.call.id, url);
    void this.desk.attach(this.call, { [CHOSEN]: candidate.id });
  }

  protected override render(): unknown {
    const { match, candidates } = this.call.customer;
    const chosen = this.call.data[CHOSEN];
    return html`
      <header><h2>${words().customer}</h2><span class="pill" data-tone=${match === "one" ? "good" : match === "error" ? "bad" : "off"}>${common().matches[match]}</span></header>
      ${candidates.length || match === "pending" ? nothing : html`<p class="muted">${match === "error" ? words().nobodyCouldSay : words().nobodyKnown}</p>`}
      <ul>${candidates.map((candidate) => html`<li>
        <strong class="clip">${candidate.name ?? candidate.id}</strong>
        ${match === "many" ? html`<button type="button" aria-pressed=${candidate.id === chosen} @click=${() => this.choose(candidate)}>${words().thisOne}</button>` : nothing}
        <span class="fields">${match === "many" ? html`<span>${percent(candidate.score)} ${candidate.why} </span>` : nothing}${Object.entries(candidate.fields ?? {})
          .filter(([key, value]) => !NOT_SHOWN.has(key) && value)
          .map(([key, value]) => html`<span>${key}: ${value} </span>`)}</span>
      </li>`)}</ul>`;
  }
}
