import { LitElement, css, html, nothing } from "lit";
import { customElement, property, query } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";

import type { Call } from "../../sdk/hookswitch.js";
import { base } from "../shared/styles.js";
import type { Desk } from "./desk.js";
import { words } from "./words/index.js";

/** Keys that have a place of their own on the page. */
const ELSEWHERE = /^(wrap_up\.|recording$|callback$)/;
/** What the caller chose in a menu. */
const MENU = /^ivr[._]/;

/** The attached data of a call: each value can be changed where it stands, and travels with the call. */
@customElement("hs-data")
export class Data extends LitElement {
  static override styles = [
    base,
    css`
      dl { display: grid; grid-template-columns: minmax(5rem, max-content) 1fr; gap: 0.2rem 0.7rem; align-items: center; }
      dt { color: var(--muted); font-size: 0.88rem; overflow-wrap: anywhere; max-width: 11rem; }
      dd { margin: 0; min-width: 0; }
      dd input { border-color: transparent; background: none; padding: 0.1rem 0.4rem; min-height: 1.8rem; }
      dd input:hover, dd input:focus { border-color: var(--edge); background: var(--card); }
      form { display: grid; grid-template-columns: 1fr 1.4fr auto; gap: 0.35rem; margin-top: 0.4rem; }
      form input { min-height: 1.9rem; }
      form button { min-height: 1.9rem; }
      .path { display: flex; flex-wrap: wrap; gap: 0.3rem; margin-bottom: 0.3rem; }
    `,
  ];

  @property({ attribute: false }) accessor desk!: Desk;
  @property({ attribute: false }) accessor call!: Call;
  @query("form") private accessor form!: HTMLFormElement;

  private readonly add = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const given = new FormData(this.form);
    const [key, value] = [String(given.get("key")).trim(), String(given.get("value"))];
    if (!key || !(await this.desk.attach(this.call, { [key]: value }))) return;
    this.form.reset();
    this.form.querySelector("input")?.focus();
  };

  private change(key: string, input: HTMLInputElement): void {
    if (input.value !== this.call.data[key]) void this.desk.attach(this.call, { [key]: input.value });
  }

  protected override render(): unknown {
    const entries = Object.entries(this.call.data).filter(([key]) => !ELSEWHERE.test(key));
    const menu = entries.filter(([key, value]) => MENU.test(key) && value);
    const rest = entries.filter(([key, value]) => !MENU.test(key) && value);
    return html`
      <h2>${words().data}</h2>
      ${menu.length ? html`<p class="path" aria-label=${words().menu}>${menu.map(([key, value]) => html`<span class="pill">${key.replace(MENU, "")}: ${value}</span>`)}</p>` : nothing}
      <dl>${repeat(rest, ([key]) => key, ([key, value]) => html`<dt>${key}</dt>
        <dd><input aria-label=${key} .value=${value} @change=${(event: Event) => this.change(key, event.target as HTMLInputElement)}></dd>`)}</dl>
      <form @submit=${this.add}>
        <input name="key" aria-label=${words().dataKey} placeholder=${words().dataKey} maxlength="64" autocomplete="off">
        <input name="value" aria-label=${words().dataValue} placeholder=${words().dataValue} maxlength="1000" autocomplete="off">
        <button>${words().attach}</button>
      </form>`;
  }
}
