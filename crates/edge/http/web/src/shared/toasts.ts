import { LitElement, css, html } from "lit";
import { customElement, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";

import { announce } from "./announce.js";
import { base } from "./styles.js";
import type { Tone } from "./telephony.js";
import { common } from "./words/index.js";

interface Toast {
  id: number;
  tone: Tone;
  title: string;
  detail: string;
}

const SHOWN_MS = 8_000;

/** Short messages at the edge of the page. What went wrong stays until it is dismissed. */
@customElement("hs-toasts")
export class Toasts extends LitElement {
  static override styles = [
    base,
    css`
      :host { position: fixed; inset: auto 0.8rem 0.8rem auto; width: min(24rem, calc(100vw - 1.6rem)); z-index: 10; }
      ul { display: grid; gap: 0.5rem; }
      li {
        background: var(--card); border: 1px solid var(--line); border-inline-start: 4px solid var(--tone); border-radius: 9px;
        box-shadow: var(--lifted); padding: 0.55rem 0.4rem 0.55rem 0.8rem; display: flex; gap: 0.5rem; align-items: start;
      }
      p { font-size: 0.92rem; }
      strong { display: block; }
    `,
  ];

  @state() private accessor toasts: readonly Toast[] = [];
  private next = 1;

  show(tone: Tone, title: string, detail = ""): void {
    const toast = { id: this.next++, tone, title, detail };
    this.toasts = [...this.toasts.slice(-3), toast];
    announce(`${title}. ${detail}`, tone === "bad");
    if (tone !== "bad") setTimeout(() => this.drop(toast.id), SHOWN_MS);
  }

  private drop(id: number): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }

  protected override render(): unknown {
    return html`<ul>
      ${repeat(this.toasts, (toast) => toast.id, (toast) => html`<li data-tone=${toast.tone}>
        <p><strong>${toast.title}</strong>${toast.detail}</p>
        <button class="quiet icon push" type="button" aria-label=${common().dismiss} @click=${() => this.drop(toast.id)}>✕</button>
      </li>`)}
    </ul>`;
  }
}
