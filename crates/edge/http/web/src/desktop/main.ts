import { type TemplateResult, css, html, nothing } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { keyed } from "lit/directives/keyed.js";
import { repeat } from "lit/directives/repeat.js";

import type { Call, Session } from "../../sdk/hookswitch.js";
import type { Shortcut } from "../shared/keyboard.js";
import { Page } from "../shared/page.js";
import "../shared/since.js";
import { legOf, who } from "../shared/telephony.js";
import { keyOf, labelOf, perform } from "./buttons.js";
import "./call.js";
import type { CallCard } from "./call.js";
import { type Action, Desk, type Destined, type Finished } from "./desk.js";
import "./dial.js";
import type { Dial } from "./dial.js";
import "./directory.js";
import type { Directory } from "./directory.js";
import "./me.js";
import type { Me } from "./me.js";
import { MODES, type Mode } from "./pops.js";
import "./record.js";
import { notifies, setNotifies } from "./ringer.js";
import "./side.js";
import type { Side } from "./side.js";
import { words } from "./words/index.js";
import "./wrap-up.js";
import type { WrapUp } from "./wrap-up.js";

/** The agent's page. */
@customElement("hs-desktop")
export class Desktop extends Page {
  static override styles = [
    ...[Page.styles].flat(),
    css`
      .desk { display: grid; gap: var(--gap); align-items: start; grid-template-columns: minmax(0, 1fr); max-width: 110rem; margin: auto; }
      .own { display: grid; gap: var(--gap); min-width: 0; }
      .calls { display: grid; grid-template-columns: minmax(0, 1fr); gap: var(--gap); min-width: 0; }
      .none { display: grid; place-items: center; min-height: 9rem; color: var(--muted); text-align: center; }
      .wrap { border-inline-start: 4px solid var(--busy); }
      .wrap header { display: flex; flex-wrap: wrap; gap: 0.3rem 0.8rem; align-items: baseline; margin-bottom: 0.6rem; }
      @media (min-width: 46rem) {
        .desk { grid-template: auto auto 1fr / 18rem minmax(0, 1fr); }
        .calls { grid-area: 1 / 2 / span 3 / 3; }
        hs-side { grid-area: 3 / 1; }
      }
      @media (min-width: 76rem) {
        .desk { grid-template-columns: 18rem minmax(0, 1fr) 22rem; }
        hs-side { grid-area: 1 / 3 / span 3 / 4; }
        .desk.framed { grid-template-columns: 18rem minmax(24rem, 0.8fr) minmax(0, 1fr); }
        .desk.framed hs-side { grid-area: 3 / 1; }
        hs-record { grid-area: 1 / 3 / span 3 / 4; position: sticky; top: 4rem; height: calc(100vh - 5rem); }
      }
      .chooser { max-width: 26rem; }
    `,
  ];

  private readonly desk = new Desk(this.store);
  /** The focus was in a call that may have gone. */
  private inCall = false;
  @state() private accessor asksNotifies = notifies();
  @query("hs-directory") private accessor directory!: Directory;
  @query("hs-dial") private accessor dial!: Dial;
  @query("hs-me") private accessor me!: Me;
  @query("hs-side") private accessor side!: Side;
  @query("hs-wrap-up.over") private accessor wrapUp!: WrapUp | null;

  constructor() {
    super();
    this.desk.onTrouble = (sentence) => this.toast("bad", sentence);
  }

  protected override willUpdate(): void {
    this.inCall = this.shadowRoot?.activeElement?.localName === "hs-call";
  }

  protected override updated(): void {
    // The call is over and took the focus along: what comes next is what it leaves to do.
    if (this.inCall && !this.shadowRoot?.activeElement) (this.wrapUp ?? this.renderRoot.querySelector("main"))?.focus();
  }

  protected override heading(): string {
    return words().heading;
  }

  protected override opensTo(session: Session): boolean {
    return session.agent !== null || session.role !== "agent";
  }

  protected override extra(): TemplateResult | typeof nothing {
    if (!this.store.chooses) return nothing;
    const agents = [...this.store.board.agents.values()];
    return html`<select class="small" aria-label=${words().actFor} @change=${(event: Event) => this.store.actFor((event.target as HTMLSelectElement).value || null)}>
      <option value="" ?selected=${!this.store.agent}>${words().actFor} …</option>
      ${agents.map((agent) => html`<option value=${agent.id} ?selected=${agent.id === this.store.agent}>${agent.name}</option>`)}
    </select>`;
  }

  protected override moreSettings(): TemplateResult {
    const { pops } = this.desk;
    return html`
      <label>${words().popMode}
        <select id="pop-mode" @change=${(event: Event) => (pops.mode = (event.target as HTMLSelectElement).value as Mode)}>
          ${MODES.map((mode) => html`<option value=${mode} ?selected=${mode === pops.mode}>${words().popModes[mode]}</option>`)}
        </select>
      </label>
      <label class="inline"><input type="checkbox" .checked=${this.asksNotifies}
        @change=${async (event: Event) => { const box = event.target as HTMLInputElement; this.asksNotifies = await setNotifies(box.checked); box.checked = this.asksNotifies; }}>
        <span>${words().notify}</span></label>
      ${this.desk.softphone ? html`<hs-softphone-settings .desk=${this.desk}></hs-softphone-settings>` : nothing}`;
  }

  protected override content(): TemplateResult {
    const { store, desk } = this;
    if (!store.agent) return this.chooser();
    void desk.history.read(store.agent);
    void desk.learnToday(store.agent);
    const { framed } = desk.pops;
    return html`<div class=${framed ? "desk framed" : "desk"}>
      <div class="own"><hs-me .desk=${desk} .agent=${store.board.agents.get(store.agent)}></hs-me>
        ${desk.softphone ? html`<hs-softphone .desk=${desk}></hs-softphone>` : nothing}</div>
      <section class="calls" aria-label=${words().myCalls}>${this.calls()}</section>
      <hs-dial .desk=${desk}></hs-dial>
      <hs-side .store=${store} .desk=${desk}></hs-side>
      ${framed ? html`<hs-record .desk=${desk} .url=${framed.url}></hs-record>` : nothing}
    </div>
    <hs-directory .store=${store} .desk=${desk}></hs-directory>`;
  }

  /** Who has a token above an agent's looks over an agent's shoulder, or takes part. */
  private chooser(): TemplateResult {
    return html`<section class="card chooser stack">
      <h2>${words().actFor}</h2>
      <div class="row">${[...this.store.board.agents.values()].map((agent) => html`<button type="button" @click=${() => this.store.actFor(agent.id)}>${agent.name}</button>`)}</div>
    </section>`;
  }

  private calls(): unknown {
    const { desk, store } = this;
    const finished = desk.wrapUp;
    const drawn = desk.drawn;
    if (drawn.length === 0 && !finished) return html`<div class="card none">${words().noCall}</div>`;
    return html`${repeat(drawn, ({ call }) => call.id, ({ call, consultation }) => html`<hs-call data-id=${call.id} .store=${store} .desk=${desk} .call=${call} .consultation=${consultation}
        .destination=${this.destination}></hs-call>`)}
      ${finished ? this.finishing(finished) : nothing}`;
  }

  private finishing({ call, until }: Finished): TemplateResult {
    const record = this.desk.pops.of(call.id);
    return html`<section class="card wrap" aria-labelledby="finishing">
      <header><h3 id="finishing">${words().wrapUp(who(call))}</h3>
        ${until ? html`<span class="muted">${words().ends} <hs-since .until=${until}></hs-since></span>` : nothing}
        ${record ? html`<button type="button" class="push" @click=${() => this.desk.pops.again(call.id)}>${words().openRecord}<kbd>l</kbd></button>` : nothing}</header>
      ${keyed(call.id, html`<hs-wrap-up class="over" over .desk=${this.desk} .call=${call}></hs-wrap-up>`)}
    </section>`;
  }

  private readonly destination = (call: Call, verb: Destined): void => void this.directory.choose(call, verb);

  private card(call: Call): CallCard | null {
    const outer = this.desk.drawn.find((drawn) => drawn.call.id === call.id || drawn.consultation?.id === call.id);
    return this.renderRoot.querySelector<CallCard>(`hs-call[data-id="${CSS.escape(outer?.call.id ?? "")}"]`);
  }

  /** The keys of what is possible now, and those of the page. */
  protected override shortcuts(): readonly Shortcut[] {
    const { desk, store } = this;
    if (!store.agent) return [];
    const ACTIONS: readonly Action[] = [
      "answer", "hold", "retrieve", "transfer", "consult", "conference", "consult/complete", "consult/conference", "consult/cancel", "dtmf", "record", "hangup",
    ];
    const asks = { destination: this.destination, keypad: (call: Call) => this.card(call)?.toggleKeypad(call) };
    const ofCalls = ACTIONS.flatMap((action): Shortcut[] => {
      // Of a consultation its own leg is meant, and the customer's only when there is none.
      const call = action === "hangup" ? this.hangsUp() : desk.first(action);
      return call ? [{ key: keyOf(action), label: labelOf(action, call, store.agent ?? ""), run: () => perform(action, call, desk, asks) }] : [];
    });
    const phone = desk.softphone;
    const record = desk.calls.find((call) => desk.pops.of(call.id)) ?? desk.wrapUp?.call;
    return [
      ...ofCalls,
      // What rings though the daemon has not told of it.
      ...(phone?.here === "ringing" && !desk.first("answer") ? [{ key: keyOf("answer"), label: words().actions.answer, run: () => phone.answer() }] : []),
      ...(phone?.here === "talking" ? [{ key: "u", label: phone.muteLabel, run: () => phone.mute(!phone.muted) }] : []),
      ...(record && desk.pops.of(record.id) ? [{ key: "l", label: words().openRecord, run: () => void desk.pops.again(record.id) }] : []),
      ...(desk.wrapUp || desk.calls.length ? [{ key: "w", label: words().notes, run: () => this.focusNotes() }] : []),
      { key: "d", label: words().dial, run: () => this.dial.focus() },
      { key: "r", label: words().toReady, run: () => void desk.state("ready") },
      { key: "n", label: words().pause, run: () => this.me.pause() },
      { key: "1", label: words().tabs.people, run: () => this.side.show("people") },
      { key: "2", label: words().tabs.past, run: () => this.side.show("past") },
      { key: "3", label: words().tabs.missed, run: () => this.side.show("missed") },
    ];
  }

  /** What the key for hanging up means: what rings, else the consultation, else the call. */
  private hangsUp(): Call | undefined {
    const able = this.desk.calls.filter((call) => this.desk.may(call, "hangup"));
    const consultation = able.map((call) => this.desk.consultation(call)).find(Boolean);
    const first = able[0];
    if (first && legOf(first, this.store.agent ?? "")?.state === "ringing") return first;
    return consultation && this.desk.may(consultation, "hangup") ? consultation : first;
  }

  private focusNotes(): void {
    const first = this.desk.calls[0];
    if (this.wrapUp) this.wrapUp.focus();
    else if (first) this.card(first)?.focusNotes();
  }
}
