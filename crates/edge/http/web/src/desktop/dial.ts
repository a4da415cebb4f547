import { LitElement, css, html } from "lit";
import { customElement, property, query } from "lit/decorators.js";

import { base } from "../shared/styles.js";
import type { Desk } from "./desk.js";
import { words } from "./words/index.js";

/** The number field: whatever a page or a mail holds can be pasted; the daemon reads it. */
@customElement("hs-dial")
export class Dial extends LitElement {
  static override styles = [
    base,
    css`
      form { display: grid; grid-template-columns: 1fr auto; gap: 0.4rem; align-items: end; }
      input { font-variant-numeric: tabular-nums; }
    `,
  ];

  @property({ attribute: false }) accessor desk!: Desk;
  @query("input") private accessor input!: HTMLInputElement;

  override focus(): void {
    this.input.focus();
    this.input.select();
  }

  private readonly submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const to = this.input.value.trim();
    if (to && (await this.desk.dial(to))) this.input.value = "";
  };

  protected override render(): unknown {
    return html`<section class="card" aria-label=${words().dial}>
      <form @submit=${this.submit}>
        <label>${words().number}<input type="tel" name="number" autocomplete="off" spellcheck="false" placeholder="+49 30 …"></label>
        <button class="main">${words().dial}<kbd>d</kbd></button>
      </form>
    </section>`;
  }
}
