import { css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";
import { ref } from "lit/directives/ref.js";

import type { HookswitchPhone } from "../../sdk/phone/element.js";
import { define } from "../../sdk/phone/element.js";
import { Page } from "../shared/page.js";
import { askToken } from "../shared/relay.js";
import { base } from "../shared/store.js";
import { takeToken } from "../shared/token.js";
import { words } from "./words/index.js";

define();

/**
 * Where `tel:` links lead: shows the number and calls it when asked to, because any page can send a browser here. Also
 * what a CRM frames as its softphone (`docs/embed.md`).
 */
@customElement("hs-dial-page")
export class DialPage extends Page {
  static override styles = [
    ...Page.styles,
    css`
      .dial { max-width: 30rem; margin: 1rem auto; display: grid; gap: 1rem; }
      form { display: grid; gap: 0.8rem; }
      input[name="to"] { font-size: 1.3rem; font-variant-numeric: tabular-nums; }
      .more { display: grid; gap: 0.4rem; justify-items: start; }
      p { font-size: 0.92rem; }
    `,
  ];

  @state() private accessor number = asked();
  @state() private accessor begun = false;
  private handed = false;

  protected override heading = (): string => words().heading;

  override connectedCallback(): void {
    super.connectedCallback();
    // A link opened this tab: another one is signed in.
    if (!takeToken()) void askToken().then((token) => token && this.store.connection === "signed-out" && this.store.signIn(token));
  }

  protected override updated(): void {
    if (this.handed || !this.store.ready) return;
    this.handed = true;
    this.renderRoot.querySelector<HTMLElement>("#call")?.focus();
  }

  private readonly dial = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const to = String(new FormData(event.target as HTMLFormElement).get("to") ?? "").trim();
    const { agent } = this.store;
    const begun = await this.store.attempt(this.store.phone.dial(to, agent ? { agent } : {}));
    this.begun = begun !== undefined;
    if (this.begun) this.toast("good", words().begun);
  };

  private readonly register = (): void => {
    try {
      navigator.registerProtocolHandler("tel", `${base()}/dial/?u=%s`);
    } catch (error) {
      this.toast("bad", String(error));
    }
  };

  /** The bar is given its token here: an attribute would show it to every script of the page. */
  private readonly give = (element: Element | undefined): void => {
    const phone = element as HookswitchPhone | undefined;
    const token = takeToken();
    if (phone && token && !phone.phone) phone.token = token;
  };

  protected override content = () => {
    const { store } = this;
    const agents = [...store.board.agents.values()].sort((a, b) => a.name.localeCompare(b.name));
    return html`<div class="dial">
      <form class="card" @submit=${this.dial}>
        ${store.chooses ? html`<label>${words().phone}<select @change=${(event: Event) => store.actFor((event.target as HTMLSelectElement).value || null)}>
          <option value="" ?selected=${!store.agent}>${words().choose}</option>
          ${agents.map((agent) => html`<option value=${agent.id} ?selected=${agent.id === store.agent}>${agent.name}</option>`)}</select></label>` : nothing}
        <label>${words().number}<input name="to" type="tel" required autocomplete="off" spellcheck="false" .value=${this.number}></label>
        <p class="muted">${words().what}</p>
        <button id="call" class="main" ?disabled=${!store.agent}>${words().call}</button>
      </form>
      <hookswitch-phone inline url=${base()} agent=${store.agent ?? nothing} parent=${PARENT ?? nothing} ${ref(this.give)}></hookswitch-phone>
      ${PARENT ? nothing : this.more()}
    </div>`;
  };

  private more(): unknown {
    return html`<section class="more">
        ${"registerProtocolHandler" in navigator ? html`<button type="button" @click=${this.register}>${words().handler}</button><p class="muted">${words().handlerWhy}</p>` : nothing}
        <a class="button" href=${bookmarklet()} @click=${(event: Event) => event.preventDefault()}>${words().bookmarklet}</a><p class="muted">${words().bookmarkletWhy}</p>
      </section>`;
  }
}

/** Who frames this page and is told of calls: only origins of the configuration can, and messages go to this one alone. */
const PARENT = new URLSearchParams(location.search).get("parent");

/** The number of the address, without what a link needs before it. */
function asked(): string {
  return (new URLSearchParams(location.search).get("u") ?? "").replace(/^(web\+)?tel:(\/\/)?/i, "");
}

/** A bookmark that opens this page with what is marked: no page's policy is in its way, because it only opens a tab. */
function bookmarklet(): string {
  const open = `open(${JSON.stringify(`${base()}/dial/?u=`)}+encodeURIComponent(n),"hookswitch-dial")`;
  return `javascript:${encodeURIComponent(`(()=>{const n=String(getSelection()).trim()||prompt(${JSON.stringify(words().ask)});if(n)${open}})()`)}`;
}
