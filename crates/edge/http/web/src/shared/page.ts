import { LitElement, type TemplateResult, css, html, nothing } from "lit";
import { query, state } from "lit/decorators.js";
import { keyed } from "lit/directives/keyed.js";

import type { Session } from "../../sdk/hookswitch.js";
import "./dialog.js";
import type { Dialog } from "./dialog.js";
import { duration } from "./format.js";
import { LOCALES, LOCALE_NAMES, type Locale, locale, onLocale, setLocale } from "./i18n.js";
import { type Shortcut, Shortcuts, letters, setLetters } from "./keyboard.js";
import { offerToken } from "./relay.js";
import { Follow, Store } from "./store.js";
import { base } from "./styles.js";
import type { Tone } from "./telephony.js";
import { type Theme, setTheme, theme } from "./theme.js";
import { takeToken } from "./token.js";
import "./toasts.js";
import type { Toasts } from "./toasts.js";
import { common } from "./words/index.js";
import icon from "./icon.svg";

/**
 * What every page is: signs in, follows the daemon, has a bar with the connection, settings and keyboard help, and
 * shows messages. A page says its name and draws its content:
 *
 * ```ts
 * @customElement("hs-wallboard")
 * class Wallboard extends Page {
 *   protected heading = () => words().title;
 *   protected content = () => html`…${this.store.board.queues.size}…`;
 * }
 * ```
 */
export abstract class Page extends LitElement {
  static override styles = [
    base,
    css`
      :host { min-height: 100vh; display: flex; flex-direction: column; }
      .bar {
        display: flex; flex-wrap: wrap; align-items: center; gap: 0.35rem 0.75rem; padding: 0.45rem 1rem; background: var(--card);
        border-bottom: 1px solid var(--line); position: sticky; top: 0; z-index: 2;
      }
      h1 { font-size: 1rem; font-weight: 600; display: flex; align-items: center; gap: 0.55rem; }
      h1 img { display: block; }
      h1 span { color: var(--muted); font-weight: 500; }
      main { flex: 1; padding: 1rem; width: 100%; }
      .narrow { max-width: 26rem; margin: 12vh auto 0; padding: 1.3rem 1.4rem; }
      .narrow h2 { font-size: 1.2rem; color: var(--ink); }
      dl.keys { margin-top: 0.7rem; display: grid; grid-template-columns: auto 1fr; gap: 0.4rem 0.9rem; align-items: center; }
      dl.keys dt { justify-self: end; }
      dl.keys dd { margin: 0; }
      @media (max-width: 34rem) {
        .bar { padding: 0.4rem 0.7rem; }
        main { padding: 0.7rem; }
        h1 b { display: none; }
      }
      @media (forced-colors: active) { .bar { border-bottom-color: CanvasText; } }
    `,
  ];

  readonly store = new Store();
  @state() private accessor settingsOpen = false;
  @query("#help") private accessor help!: Dialog;
  @query("#settings") private accessor settings!: Dialog;
  @query("hs-toasts") private accessor toasts!: Toasts;
  private offLocale: (() => void) | undefined;
  private offRelay: (() => void) | undefined;

  constructor() {
    super();
    new Follow(this, () => this.store);
    new Shortcuts(this, () => (this.store.ready ? [...this.shortcuts(), this.helpShortcut] : []));
    this.store.on("resumed", ({ afterMs, whole }) => {
      const after = duration(afterMs);
      this.toast(whole ? "good" : "busy", whole ? common().resumed(after) : common().resumedWithGap(after));
    });
    this.store.on("refused", ({ detail, hint }) => this.toast("bad", common().refused, [detail || common().away, hint].filter(Boolean).join(" ")));
  }

  /** The page's name, beside the product's. */
  protected abstract heading(): string;
  /** What is shown to who is signed in; drawn when the board changes. */
  protected abstract content(): TemplateResult;
  /** The keys of the page, those that do something now. */
  protected shortcuts(): readonly Shortcut[] {
    return [];
  }
  /** What stands in the bar beside the connection. */
  protected extra(): TemplateResult | typeof nothing {
    return nothing;
  }
  /** Settings of this page beside language and appearance. */
  protected moreSettings(): TemplateResult | typeof nothing {
    return nothing;
  }
  /** Whether the page is for this token. */
  protected opensTo(_session: Session): boolean {
    return true;
  }

  toast(tone: Tone, title: string, detail = ""): void {
    this.toasts.show(tone, title, detail);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.offLocale = onLocale(() => this.requestUpdate());
    this.store.start();
    // Who is refused or has signed out has nothing to hand on.
    this.offRelay = offerToken(() => (this.store.ready ? takeToken() : null));
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.offLocale?.();
    this.offRelay?.();
  }

  private get helpShortcut(): Shortcut {
    return { key: "?", label: common().help, run: () => void this.help.show() };
  }

  protected override render(): unknown {
    // In another language everything is drawn anew.
    return keyed(locale(), html`
      <header class="bar">
        <h1><img src=${icon} alt="" width="22" height="22"><b>${common().product}</b> <span>${this.heading()}</span></h1>
        ${this.connection()}
        ${this.store.ready ? this.extra() : nothing}
        <span class="push row">
          ${this.store.ready ? html`<button class="quiet icon" type="button" aria-label=${common().help} title="${common().help} (?)" @click=${() => this.help.show()}>?</button>` : nothing}
          <button class="quiet" type="button" aria-haspopup="dialog" @click=${this.openSettings}>${common().settings}</button>
          ${this.store.ready ? html`<button class="quiet" type="button" @click=${() => this.store.signOut()}>${common().signOut}</button>` : nothing}
        </span>
      </header>
      <main id="content" tabindex="-1">${this.main()}</main>
      <hs-toasts></hs-toasts>
      ${this.helpDialog()} ${this.settingsDialog()}
    `);
  }

  private main(): unknown {
    const { connection, session } = this.store;
    if (connection === "signed-out") return this.signInForm();
    if (!session) return html`<p class="card narrow muted" role="status">${common().connection[connection]} …</p>`;
    if (!this.opensTo(session)) return html`<p class="card narrow" role="alert">${common().mayNot}</p>`;
    return this.content();
  }

  private connection(): unknown {
    const { connection, degraded, ready } = this.store;
    const links = ready && this.store.session?.role !== "agent" ? [...this.store.board.links.values()] : [];
    const down = links.filter((link) => link.state === "down").map((link) => link.pbx);
    const [tone, text]: [Tone, string] =
      connection !== "live" ? [connection === "cut" ? "bad" : "off", common().connection[connection]]
      : degraded ? ["busy", common().degraded]
      : down.length ? ["bad", common().linkDown(down.join(", "))]
      : ["good", common().connection.live];
    return html`<span id="connection" class="pill dot" role="status" data-tone=${tone} data-connection=${connection}>${text}</span>`;
  }

  private signInForm(): unknown {
    const submit = (event: SubmitEvent) => {
      event.preventDefault();
      const field = (event.target as HTMLFormElement).elements.namedItem("token") as HTMLInputElement;
      this.store.signIn(field.value.trim());
    };
    return html`<form class="card narrow stack" @submit=${submit}>
      <h2>${common().signIn}</h2>
      <p class="muted" role=${this.store.why ? "alert" : nothing}>${this.store.why || common().signInWhy}</p>
      <label>${common().token}<input name="token" type="password" autocomplete="off" spellcheck="false" required autofocus></label>
      <button class="main">${common().signIn}</button>
    </form>`;
  }

  private readonly openSettings = async (): Promise<void> => {
    this.settingsOpen = true;
    await this.settings.show();
    this.settingsOpen = false;
  };

  private settingsDialog(): unknown {
    const chosen = (event: Event) => (event.target as HTMLSelectElement).value;
    return html`<hs-dialog id="settings" .heading=${common().settings}>
      ${this.settingsOpen ? html`<div class="stack">
        <label>${common().language}
          <select @change=${(event: Event) => { this.settings.close(); setLocale(chosen(event) as Locale); }}>
            ${LOCALES.map((one) => html`<option value=${one} lang=${one} ?selected=${one === locale()}>${LOCALE_NAMES[one]}</option>`)}
          </select>
        </label>
        <label>${common().theme}
          <select @change=${(event: Event) => setTheme(chosen(event) as Theme)}>
            ${(["auto", "light", "dark"] as const).map((one) => html`<option value=${one} ?selected=${one === theme()}>${common().themes[one]}</option>`)}
          </select>
        </label>
        <label class="inline"><input type="checkbox" .checked=${letters()} @change=${(event: Event) => setLetters((event.target as HTMLInputElement).checked)}>
          <span>${common().letters} <span class="muted">${common().lettersWhy}</span></span></label>
        ${this.moreSettings()}
      </div>` : nothing}
    </hs-dialog>`;
  }

  private helpDialog(): unknown {
    const keys = this.store.ready ? [...this.shortcuts(), this.helpShortcut] : [];
    return html`<hs-dialog id="help" .heading=${common().help}>
      <p class="muted">${common().helpWhy}</p>
      <dl class="keys">${keys.map(({ key, label }) => html`<dt><kbd>${key}</kbd></dt><dd>${label}</dd>`)}</dl>
    </hs-dialog>`;
  }
}
