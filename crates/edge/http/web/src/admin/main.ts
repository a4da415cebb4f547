import { css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";

import type { Session } from "../../sdk/hookswitch.js";
import type { Shortcut } from "../shared/keyboard.js";
import { Page } from "../shared/page.js";
import "./configuration.js";
import "./contacts.js";
import "./explain.js";
import "./overview.js";
import "./tokens.js";
import "./webhooks.js";
import "./what-if.js";
import { words } from "./words/index.js";

const SECTIONS = ["overview", "configuration", "explain", "what-if", "webhooks", "contacts", "tokens"] as const;
type SectionName = (typeof SECTIONS)[number];

/** Links, configuration, explanations, webhooks, contacts, tokens: what an administrator looks at and changes. */
@customElement("hs-admin")
export class Admin extends Page {
  static override styles = [
    ...Page.styles,
    css`
      main { max-width: 96rem; margin-inline: auto; }
      nav { display: flex; flex-wrap: wrap; gap: 0.1rem 0.2rem; margin-bottom: 1.1rem; border-bottom: 1px solid var(--line); }
      nav a { color: var(--muted); text-decoration: none; font-weight: 500; padding: 0.35rem 0.8rem; border-bottom: 2px solid transparent; margin-bottom: -1px; border-radius: 6px 6px 0 0; }
      nav a:hover { color: var(--ink); background: var(--sunk); }
      nav a[aria-current] { color: var(--ink); border-color: var(--accent); }
    `,
  ];

  @state() private accessor section: SectionName = named();
  private readonly turn = (): void => void (this.section = named());

  protected override heading = (): string => words().heading;
  protected override opensTo = ({ role }: Session): boolean => role === "admin";

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("hashchange", this.turn);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("hashchange", this.turn);
  }

  protected override shortcuts(): readonly Shortcut[] {
    return SECTIONS.map((name, index) => ({ key: String(index + 1), label: words().sections[name], run: () => void (location.hash = name) }));
  }

  private shown(): unknown {
    const { store } = this;
    const told = (event: CustomEvent<string>) => this.toast("good", event.detail);
    switch (this.section) {
      case "overview":
        return html`<hs-overview .store=${store}></hs-overview>`;
      case "configuration":
        return html`<hs-configuration .store=${store} @told=${told}></hs-configuration>`;
      case "explain":
        return html`<hs-explain .store=${store}></hs-explain>`;
      case "what-if":
        return html`<hs-what-if .store=${store}></hs-what-if>`;
      case "webhooks":
        return html`<hs-webhooks .store=${store} @told=${told}></hs-webhooks>`;
      case "contacts":
        return html`<hs-contacts .store=${store} @told=${told}></hs-contacts>`;
      case "tokens":
        return html`<hs-tokens .store=${store}></hs-tokens>`;
    }
  }

  protected override content = () => html`
    <nav aria-label=${words().heading}>${SECTIONS.map((name) => html`<a href="#${name}" aria-current=${name === this.section ? "page" : nothing}>${words().sections[name]}</a>`)}</nav>
    ${this.shown()}`;
}

/** The section of the address, so that it can be kept and sent. */
function named(): SectionName {
  const hash = location.hash.slice(1);
  return SECTIONS.find((name) => name === hash) ?? "overview";
}
