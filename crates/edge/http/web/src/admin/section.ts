import { LitElement, css } from "lit";
import { property } from "lit/decorators.js";

import { Follow, type Store } from "../shared/store.js";
import { base } from "../shared/styles.js";

/** One section of the administrator's page. Fires `told` with a message, a `CustomEvent<string>`. */
export abstract class Section extends LitElement {
  static override styles = [
    base,
    css`
      section + section { margin-top: 1.4rem; }
      section > h2 { margin-bottom: 0.45rem; font-size: 0.95rem; color: var(--ink); }
      p.why { color: var(--muted); font-size: 0.9rem; max-width: 60rem; }
      .frame { padding: 0.2rem 0.4rem; overflow-x: auto; }
      .frame > p { padding: 0.5rem; }
      td { vertical-align: baseline; }
      td.number, td.place { white-space: nowrap; overflow-wrap: normal; }
      section > .row { margin-bottom: 0.45rem; }
      section > .row h2 { font-size: 0.95rem; color: var(--ink); }
      td .muted, td.muted { font-size: 0.9rem; }
      code { font-family: var(--mono); font-size: 0.92em; background: var(--sunk); border-radius: 4px; padding: 0.05em 0.35em; overflow-wrap: anywhere; }
      form { display: grid; gap: 0.7rem; }
      form .row { align-items: end; }
      form .row > label { flex: 1 1 12rem; }
    `,
  ];

  @property({ attribute: false }) accessor store!: Store;

  constructor() {
    super();
    new Follow(this, () => this.store);
  }

  private readonly reach = (): void => {
    // What can be scrolled is reached by keyboard; what cannot is no stop on the way.
    for (const frame of this.renderRoot.querySelectorAll(".frame")) {
      if (frame.scrollWidth > frame.clientWidth) frame.setAttribute("tabindex", "0");
      else frame.removeAttribute("tabindex");
    }
  };

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("resize", this.reach);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("resize", this.reach);
  }

  protected override updated(): void {
    this.reach();
  }

  protected tell(what: string): void {
    this.dispatchEvent(new CustomEvent("told", { detail: what }));
  }
}

/** Text in which `words between backticks` are code. */
export function codes(text: string, code: (text: string) => unknown): unknown[] {
  return text.split("`").map((part, index) => (index % 2 ? code(part) : part));
}
