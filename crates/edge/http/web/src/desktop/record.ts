import { LitElement, css, html } from "lit";
import { customElement, property } from "lit/decorators.js";

import { base } from "../shared/styles.js";
import type { Desk } from "./desk.js";
import { words } from "./words/index.js";

/** The customer's record beside the calls, for those who wish it so. A CRM that may not be framed says so in the frame. */
@customElement("hs-record")
export class RecordFrame extends LitElement {
  static override styles = [
    base,
    css`
      :host { min-height: 24rem; }
      .card { height: 100%; min-height: inherit; padding: 0; display: flex; flex-direction: column; overflow: hidden; }
      header { display: flex; align-items: center; gap: 0.5rem; padding: 0.35rem 0.5rem 0.35rem 0.9rem; border-bottom: 1px solid var(--line); }
      iframe { flex: 1; border: 0; background: #fff; min-height: 22rem; }
    `,
  ];

  @property({ attribute: false }) accessor desk!: Desk;
  @property({ attribute: false }) accessor url!: URL;

  protected override render(): unknown {
    const { url } = this;
    // A page of our own origin must not reach this page's token; a CRM needs its own origin for its own cookies.
    const sandbox = `allow-scripts allow-forms allow-popups${url.origin === location.origin ? "" : " allow-same-origin"}`;
    return html`<section class="card" aria-labelledby="record">
      <header><h2 id="record">${words().record}</h2><span class="muted clip">${url.host}</span>
        <a class="button push" href=${url.href} target="hookswitch-record" rel="noreferrer">${words().inTab}</a>
        <button type="button" class="quiet icon" aria-label=${words().closeRecord} @click=${() => this.desk.pops.closeFrame()}>✕</button></header>
      <iframe title=${words().record} sandbox=${sandbox} referrerpolicy="no-referrer" src=${url.href}></iframe>
    </section>`;
  }
}
