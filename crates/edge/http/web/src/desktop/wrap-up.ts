import { LitElement, css, html, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";

import type { Call } from "../../sdk/hookswitch.js";
import { announce } from "../shared/announce.js";
import { base } from "../shared/styles.js";
import type { Desk } from "./desk.js";
import { words } from "./words/index.js";

const KEPT = "hookswitch.dispositions";
const SUGGESTED = ["resolved", "follow-up", "sold", "wrong number"];
const REMEMBERED = 6;

/** Notes at any time of a call; at its end a disposition, which ends the wrap-up. */
@customElement("hs-wrap-up")
export class WrapUp extends LitElement {
  static override styles = [
    base,
    css`
      form { display: grid; gap: 0.5rem; }
      .chips { display: flex; flex-wrap: wrap; gap: 0.35rem; }
      .chips button { min-height: 1.8rem; padding: 0.1rem 0.7rem; border-radius: 999px; font-weight: 500; font-size: 0.9rem; }
    `,
  ];

  @property({ attribute: false }) accessor desk!: Desk;
  @property({ attribute: false }) accessor call!: Call;
  /** The call is over: the disposition is asked for. */
  @property({ type: Boolean }) accessor over = false;
  @state() private accessor saved = false;
  @query("textarea") private accessor notes!: HTMLTextAreaElement;
  @query("input") private accessor disposition!: HTMLInputElement | null;

  override focus(): void {
    void this.updateComplete.then(() => (this.disposition ?? this.notes).focus());
  }

  private readonly saveNotes = async (): Promise<void> => {
    const notes = this.notes.value;
    if (notes === (this.call.data["wrap_up.notes"] ?? "")) return;
    if (!(await this.desk.note(this.call, { notes }))) return;
    this.saved = true;
    announce(words().saved);
  };

  private readonly finish = async (event: Event): Promise<void> => {
    event.preventDefault();
    const disposition = this.disposition?.value.trim();
    if (!disposition) return this.saveNotes();
    remember(disposition);
    await this.desk.note(this.call, { disposition, notes: this.notes.value });
  };

  private choose(disposition: string): void {
    if (!this.disposition) return;
    this.disposition.value = disposition;
    this.disposition.focus();
  }

  protected override render(): unknown {
    return html`<form @submit=${this.finish}>
      ${this.over ? html`
        <label>${words().disposition}<input name="disposition" autocomplete="off" maxlength="128" .value=${this.call.data["wrap_up.disposition"] ?? ""}></label>
        <div class="chips" role="group" aria-label=${words().dispositions}>${dispositions().map((one) => html`<button type="button" @click=${() => this.choose(one)}>${one}</button>`)}</div>` : nothing}
      <label>${words().notes}<textarea name="notes" maxlength="4000" rows="3" .value=${this.call.data["wrap_up.notes"] ?? ""}
        @input=${() => (this.saved = false)} @change=${this.saveNotes}></textarea></label>
      <span class="row"><span class="muted">${this.saved ? words().saved : ""}</span>
        ${this.over ? html`<button class="main push">${words().finish}</button>` : nothing}</span>
    </form>`;
  }
}

function remembered(): string[] {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "[]") as string[];
  } catch {
    return [];
  }
}

/** What this agent chose lately, then what is usual. */
function dispositions(): string[] {
  return [...new Set([...remembered(), ...SUGGESTED])].slice(0, REMEMBERED);
}

function remember(disposition: string): void {
  localStorage.setItem(KEPT, JSON.stringify([...new Set([disposition, ...remembered()])].slice(0, REMEMBERED)));
}
