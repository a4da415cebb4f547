import { LitElement, css, html } from "lit";
import { customElement, property, state } from "lit/decorators.js";

import type { Call } from "../../sdk/hookswitch.js";
import { roving } from "../shared/keyboard.js";
import { base } from "../shared/styles.js";
import type { Desk } from "./desk.js";
import { words } from "./words/index.js";

const KEYS = [..."123456789*0#"];

/** Tones into a call: by button, or typed while one of them has the focus. */
@customElement("hs-keypad")
export class Keypad extends LitElement {
  static override styles = [
    base,
    css`
      .keys { display: grid; grid-template-columns: repeat(3, 3.2rem); gap: 0.35rem; width: fit-content; }
      button { min-height: 2.6rem; font-size: 1.1rem; font-variant-numeric: tabular-nums; }
      output { display: block; min-height: 1.5em; font-size: 1.05rem; letter-spacing: 0.12em; }
    `,
  ];

  @property({ attribute: false }) accessor desk!: Desk;
  @property({ attribute: false }) accessor call!: Call;
  @state() private accessor sent = "";

  override focus(): void {
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>('[tabindex="0"]')?.focus());
  }

  /** Pressed and not sent yet: who types fast is not held up, and nothing changes its order. */
  private pressed = "";
  private sending = false;

  private async press(digit: string): Promise<void> {
    this.sent = (this.sent + digit).slice(-24);
    this.pressed += digit;
    if (this.sending) return;
    this.sending = true;
    while (this.pressed) {
      const digits = this.pressed;
      this.pressed = "";
      await this.desk.tones(this.call, digits);
    }
    this.sending = false;
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    if (KEYS.includes(event.key) && !event.altKey && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      event.stopPropagation();
      void this.press(event.key);
    } else roving(event, "button");
  };

  protected override render(): unknown {
    return html`
      <output class="figure" aria-label=${words().tonesSent}>${this.sent}</output>
      <div class="keys" role="group" aria-label=${words().keypad} @keydown=${this.onKey}>
        ${KEYS.map((digit, index) => html`<button type="button" tabindex=${index === 0 ? 0 : -1} @click=${() => this.press(digit)}>${digit}</button>`)}
      </div>`;
  }
}
