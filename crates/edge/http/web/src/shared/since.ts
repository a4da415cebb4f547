import { LitElement, html } from "lit";
import { customElement, property } from "lit/decorators.js";

import { everySecond, now } from "./clock.js";
import { duration } from "./format.js";

/** A time that counts by itself: up from `since`, or down to `until`. */
@customElement("hs-since")
export class Since extends LitElement {
  @property() accessor since: string | null = null;
  @property() accessor until: string | null = null;
  private off: (() => void) | undefined;

  /** Text of the page: it takes colour and size from where it stands. */
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.off = everySecond(() => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.off?.();
  }

  protected override render(): unknown {
    const ms = this.until ? Date.parse(this.until) - now() : this.since ? now() - Date.parse(this.since) : 0;
    // A screen reader is not told each second.
    return html`<span class="figure" role="timer" aria-live="off">${duration(ms)}</span>`;
  }
}
