import { html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";

import type { Tokens } from "../../sdk/hookswitch.js";
import { count, moment } from "../shared/format.js";
import { word } from "../shared/i18n.js";
import { common } from "../shared/words/index.js";
import { Section, codes } from "./section.js";
import { words } from "./words/index.js";

/** Who may ask the daemon, and when each did last. Tokens are made on the command line and stand in the configuration. */
@customElement("hs-tokens")
export class TokensShown extends Section {
  @state() private accessor tokens: Tokens["items"] | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.read();
  }

  private async read(): Promise<void> {
    const list = await this.store.attempt(this.store.phone.request<Tokens>("GET", "/v1/tokens"));
    this.tokens = list?.items ?? this.tokens ?? [];
  }

  private list(tokens: Tokens["items"]): unknown {
    const mine = this.store.session?.name;
    return html`<div class="card frame"><table>
      <thead><tr><th scope="col">${words().name}</th><th scope="col">${words().role}</th><th scope="col">${words().agent}</th>
        <th scope="col">${words().lastUsed}</th><th scope="col" class="number">${words().requests}</th></tr></thead>
      <tbody>${tokens.map((one) => html`<tr data-token=${one.name}><td><b>${one.name}</b>
        ${one.name === mine ? html`<span class="pill" data-tone="good">${words().yours}</span>` : nothing}
        ${one.in_url ? html`<span class="pill" data-tone="off">${words().inUrl}</span>` : nothing}</td>
        <td>${word(words().roles, one.role)}</td><td>${one.agent ?? ""}</td>
        <td>${one.last_used_at ? moment(one.last_used_at) : html`<span class="muted">${words().neverUsed}</span>`}</td><td class="number">${count(one.requests)}</td></tr>`)}</tbody>
    </table></div>`;
  }

  protected override render(): unknown {
    const code = (text: string) => html`<code>${text}</code>`;
    return html`<section aria-labelledby="tokens"><div class="row"><h2 id="tokens">${words().sections.tokens}</h2><button type="button" class="push" @click=${() => this.read()}>${words().reload}</button></div>
      ${this.tokens ? this.list(this.tokens) : html`<p class="muted">${common().loading}</p>`}<p class="why">${codes(words().tokens, code)}</p></section>`;
  }
}
