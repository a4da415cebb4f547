import { LitElement, css, html, render } from "lit";
import { customElement, property, query } from "lit/decorators.js";

import { base } from "./styles.js";
import { common } from "./words/index.js";

/**
 * A modal dialog: focus stays inside, Escape closes it, and afterwards focus is where it was. Content in the default
 * slot, buttons in the slot `actions`. Fires `close`.
 */
@customElement("hs-dialog")
export class Dialog extends LitElement {
  static override styles = [
    base,
    css`
      dialog {
        border: 1px solid var(--line); border-radius: 14px; background: var(--card); color: var(--ink); padding: 0;
        width: min(34rem, calc(100vw - 1.5rem)); max-height: min(44rem, calc(100dvh - 1.5rem)); box-shadow: var(--lifted);
      }
      dialog::backdrop { background: rgb(8 16 14 / 45%); }
      :host([wide]) dialog { width: min(60rem, calc(100vw - 1.5rem)); }
      .head { display: flex; align-items: center; padding: 0.8rem 0.7rem 0.2rem 1.1rem; }
      h2 { font-size: 1.05rem; color: var(--ink); }
      .content { padding: 0.5rem 1.1rem 1rem; }
      footer { display: flex; flex-wrap: wrap; justify-content: flex-end; gap: 0.5rem; padding: 0 1.1rem 1rem; }
    `,
  ];

  @property() accessor heading = "";
  @query("dialog") private accessor dialog!: HTMLDialogElement;

  /** Opens it; done when it is closed. */
  async show(): Promise<void> {
    await this.updateComplete;
    if (this.dialog.open) return;
    this.dialog.showModal();
    await new Promise((closed) => this.dialog.addEventListener("close", closed, { once: true }));
  }

  close(): void {
    this.dialog.close();
  }

  private readonly backdrop = (event: MouseEvent): void => {
    if (event.target === this.dialog) this.close();
  };

  protected override render(): unknown {
    return html`
      <dialog aria-labelledby="heading" @mousedown=${this.backdrop} @close=${() => this.dispatchEvent(new Event("close"))}>
        <div class="head">
          <h2 id="heading">${this.heading}</h2>
          <button class="quiet icon push" type="button" aria-label=${common().close} @click=${this.close}>✕</button>
        </div>
        <div class="content"><slot></slot></div>
        <footer><slot name="actions"></slot></footer>
      </dialog>
    `;
  }
}

/** Asks a yes-or-no question; `yes` names the deed. */
export async function confirm(question: string, yes: string = common().confirm, tone: "main" | "danger" = "main"): Promise<boolean> {
  const dialog = document.createElement("hs-dialog") as Dialog;
  dialog.heading = question;
  let answer = false;
  const choose = (chosen: boolean) => () => {
    answer = chosen;
    dialog.close();
  };
  document.body.append(dialog);
  render(
    html`<hs-choice slot="actions" .yes=${yes} .tone=${tone} @yes=${choose(true)} @no=${choose(false)}></hs-choice>`,
    dialog,
  );
  await dialog.show();
  dialog.remove();
  return answer;
}

/** The two buttons of {@link confirm}. */
@customElement("hs-choice")
export class Choice extends LitElement {
  static override styles = base;
  @property() accessor yes = "";
  @property() accessor tone = "main";

  protected override render(): unknown {
    const say = (what: string) => () => this.dispatchEvent(new Event(what));
    return html`<span class="row">
      <button type="button" @click=${say("no")}>${common().cancel}</button>
      <button type="button" class=${this.tone} autofocus @click=${say("yes")}>${this.yes}</button>
    </span>`;
  }
}
