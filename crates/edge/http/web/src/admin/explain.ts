import { css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";

import { type Explanation, asks, routed, whyStyles } from "../shared/why/index.js";
import { Section } from "./section.js";
import { words } from "./words/index.js";

/** Routes an imaginary call: rules tried, agents in rank order, and for each other one the reason. */
@customElement("hs-explain")
export class Explain extends Section {
  static override styles = [
    ...Section.styles,
    whyStyles,
    css`
      .columns { display: grid; grid-template-columns: minmax(0, 22rem) minmax(0, 1fr); gap: 1.6rem; align-items: start; }
      .columns > section { margin-top: 0; }
      textarea { min-height: 3.4rem; font-family: var(--mono); font-size: 0.9rem; }
      @media (max-width: 56rem) { .columns { grid-template-columns: minmax(0, 1fr); } }
    `,
  ];

  @state() private accessor explanation: Explanation | undefined;
  @state() private accessor wrong = "";

  private readonly ask = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const text = (name: string) => String(form.get(name) ?? "").trim();
    this.wrong = "";
    const [data, customer] = [this.pairs(text("data")), this.pairs(text("customer"))];
    if (!data || !customer) return;
    const at = text("at") && new Date(text("at")).toISOString();
    const call = { dnis: text("dnis"), ani: text("ani"), data, customer, ...(at && { at }), ...(text("pbx") && { pbx: text("pbx") }), ...(text("trunk") && { trunk: text("trunk") }) };
    this.explanation = await this.store.attempt(this.store.phone.request<Explanation>("POST", "/v1/explain", call));
    await this.updateComplete;
    if (this.explanation) this.renderRoot.querySelector<HTMLElement>("#result")?.focus();
  };

  /** `key=value`, one a line. */
  private pairs(text: string): Record<string, string> | undefined {
    const pairs: Record<string, string> = {};
    for (const line of text.split("\n").map((one) => one.trim()).filter(Boolean)) {
      const at = line.indexOf("=");
      if (at < 1) {
        this.wrong = words().notPair(line);
        return undefined;
      }
      pairs[line.slice(0, at).trim()] = line.slice(at + 1).trim();
    }
    return pairs;
  }

  protected override render(): unknown {
    const { explanation } = this;
    const links = [...this.store.board.links.keys()].sort();
    return html`<div class="columns">
      <section aria-labelledby="call"><h2 id="call">${words().explain}</h2>
        <form @submit=${this.ask}>
          <p class="why">${words().explainWhy}</p>
          <label>${words().ani}<input name="ani" type="tel" autocomplete="off" placeholder=${words().aniHint}></label>
          <label>${words().dnis}<input name="dnis" required autocomplete="off"></label>
          <label>${words().at} (${words().atWhy})<input name="at" type="datetime-local"></label>
          <div class="row"><label>${words().pbx}<select name="pbx"><option value="">${words().anyPbx}</option>${links.map((name) => html`<option>${name}</option>`)}</select></label>
            <label>${words().trunk}<input name="trunk" autocomplete="off"></label></div>
          <label>${words().data}<textarea name="data" spellcheck="false" placeholder=${words().dataHint}></textarea></label>
          <label>${words().customer}<textarea name="customer" spellcheck="false" placeholder=${words().customerHint}></textarea></label>
          ${this.wrong ? html`<p role="alert" class="toned" data-tone="bad">${this.wrong}</p>` : nothing}
          <button class="main">${words().explain}</button>
        </form></section>
      ${explanation ? html`<div id="result" tabindex="-1" class="why">
        <section aria-labelledby="rules"><h2 id="rules">${words().rules}</h2><div class="why">${routed(explanation.routed)}</div></section>
        <section aria-labelledby="asked"><h2 id="asked">${words().asked}</h2>${explanation.queue ? html`<div class="why">${asks(explanation.queue)}</div>` : html`<p class="muted">${words().noQueue}</p>`}</section>
      </div>` : nothing}
    </div>`;
  }
}
