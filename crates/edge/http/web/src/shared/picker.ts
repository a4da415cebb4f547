import { LitElement, type TemplateResult, css, html, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import { repeat } from "lit/directives/repeat.js";

import { base } from "./styles.js";
import { common } from "./words/index.js";

/** One line of a {@link Picker}. */
export interface Choice {
  /** What is picked. */
  id: string;
  /** What it is found by, beside its id. */
  name: string;
  group?: string;
  /** Shown; may not be picked now. */
  disabled?: boolean;
  /** What stands in the line. */
  content: TemplateResult | string;
}

/**
 * A field over a list (the combobox pattern of ARIA): write to filter, arrow keys to move, Enter to pick. With `free`
 * what was written is a choice of its own (a number). Fires `pick` with the id, a `CustomEvent<string>`.
 */
@customElement("hs-picker")
export class Picker extends LitElement {
  static override styles = [
    base,
    css`
      :host { display: grid; gap: 0.5rem; }
      ul { display: grid; gap: 1px; max-height: var(--list-height, 18rem); overflow-y: auto; border: 1px solid var(--line); border-radius: 8px; padding: 3px; }
      li[role="presentation"] { padding: 0.4rem 0.6rem 0.1rem; font-size: 0.8rem; font-weight: 600; color: var(--muted); }
      li[role="option"] { padding: 0.38rem 0.6rem; border-radius: 6px; cursor: pointer; display: flex; gap: 0.6rem; align-items: center;
        /* Hundreds of them: those out of sight are neither laid out nor painted. */
        content-visibility: auto; contain-intrinsic-block-size: auto 2.3rem; }
      li[aria-selected="true"] { background: var(--sunk); outline: 2px solid var(--accent); outline-offset: -2px; }
      li[aria-disabled="true"] { color: var(--muted); cursor: default; }
      li:hover:not([aria-disabled="true"]) { background: var(--sunk); }
    `,
  ];

  @property({ attribute: false }) accessor choices: readonly Choice[] = [];
  @property() accessor label = "";
  @property() accessor placeholder = "";
  /** Turns what was written into a choice; undefined: it is none. */
  @property({ attribute: false }) accessor free: ((text: string) => Choice | undefined) | undefined;
  @state() private accessor text = "";
  @state() private accessor at = 0;
  @query("input") private accessor input!: HTMLInputElement;

  override focus(): void {
    void this.updateComplete.then(() => this.input.focus());
  }

  clear(): void {
    this.text = "";
    this.at = 0;
  }

  /** What stands in the list now. */
  private get shown(): Choice[] {
    const words = this.text.toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.choices.filter((choice) => {
      const hay = `${choice.id} ${choice.name}`.toLowerCase();
      return words.every((word) => hay.includes(word));
    });
    const own = this.text.trim() && this.free?.(this.text.trim());
    return own ? [...found, own] : found;
  }

  private pick(choice: Choice | undefined): void {
    if (!choice || choice.disabled) return;
    this.dispatchEvent(new CustomEvent("pick", { detail: choice.id }));
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    const shown = this.shown;
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
    const step = steps[event.key];
    if (step !== undefined && shown.length) {
      event.preventDefault();
      const next = Math.abs(step) === 1 ? (this.at + step + shown.length) % shown.length : this.at + step;
      this.at = Math.max(0, Math.min(shown.length - 1, next));
      void this.updateComplete.then(() => this.renderRoot.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" }));
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.pick(shown[this.at]);
    }
  };

  protected override render(): unknown {
    const shown = this.shown;
    const at = Math.min(this.at, Math.max(0, shown.length - 1));
    let group = "";
    const heading = (choice: Choice) => {
      if (!choice.group || choice.group === group) return nothing;
      group = choice.group;
      return html`<li role="presentation">${group}</li>`;
    };
    return html`
      <label>${this.label}
        <input role="combobox" aria-expanded="true" aria-controls="list" aria-autocomplete="list" autocomplete="off" spellcheck="false"
          aria-activedescendant=${shown.length ? `option-${at}` : nothing} placeholder=${this.placeholder}
          .value=${live(this.text)} @keydown=${this.onKey}
          @input=${(event: InputEvent) => { this.text = (event.target as HTMLInputElement).value; this.at = 0; }}>
      </label>
      <ul id="list" role="listbox" aria-label=${this.label}>
        ${shown.length === 0 ? html`<li role="presentation">${common().nothingFound}</li>` : nothing}
        ${repeat(shown, (choice) => choice.id, (choice, index) => html`${heading(choice)}
          <li role="option" id=${`option-${index}`} data-id=${choice.id} aria-selected=${index === at} aria-disabled=${choice.disabled ? "true" : "false"}
            @click=${() => this.pick(choice)}>${choice.content}</li>`)}
      </ul>
    `;
  }
}
