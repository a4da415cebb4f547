import { LitElement, type PropertyValues, css, html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";

import type { Call, Leg } from "../../sdk/hookswitch.js";
import { duration } from "../shared/format.js";
import { word } from "../shared/i18n.js";
import "../shared/since.js";
import { base } from "../shared/styles.js";
import { Follow, type Store } from "../shared/store.js";
import { CALL_TONES, comesIn, legOf, number, who } from "../shared/telephony.js";
import { common } from "../shared/words/index.js";
import { type Asks, buttons } from "./buttons.js";
import "./customer.js";
import "./data.js";
import { type Desk, waitedMs } from "./desk.js";
import "./keypad.js";
import type { Keypad } from "./keypad.js";
import "./why.js";
import "./wrap-up.js";
import { words } from "./words/index.js";

/** One call of the agent, with the consultation that belongs to it. */
@customElement("hs-call")
export class CallCard extends LitElement {
  static override styles = [
    base,
    css`
      .card { padding: 0; overflow: hidden; }
      .top { padding: 0.8rem 1rem 0.9rem; border-inline-start: 4px solid var(--tone); }
      :host([ringing]) article { border-color: var(--ring); box-shadow: 0 0 0 3px color-mix(in oklab, var(--ring) 30%, transparent); }
      :host([ringing]) .top { background: color-mix(in oklab, var(--ring) 7%, var(--card)); }
      @media (prefers-reduced-motion: no-preference) {
        /* Of a halo only the opacity moves, which paints nothing anew. */
        :host([ringing]) { position: relative; }
        :host([ringing])::before {
          content: ""; position: absolute; inset: 0; border-radius: var(--radius); pointer-events: none;
          box-shadow: 0 0 0 7px color-mix(in oklab, var(--ring) 22%, transparent); opacity: 0; animation: ring 1.6s ease-in-out infinite;
        }
        @keyframes ring { 50% { opacity: 1; } }
      }
      h3 { font-size: 1.5rem; line-height: 1.25; margin: 0.25rem 0 0.05rem; width: fit-content; max-width: 100%; border-radius: 4px; }
      .facts { display: flex; flex-wrap: wrap; gap: 0.1rem 1.1rem; color: var(--muted); font-size: 0.92rem; }
      .facts b { font-weight: 500; color: var(--ink); }
      .actions { margin-top: 0.8rem; }
      .consult { margin-top: 0.8rem; padding: 0.6rem 0.8rem 0.7rem; border: 1px solid var(--line); border-radius: 8px; background: var(--page); }
      .consult .actions { margin-top: 0.5rem; }
      .consult h4 { margin: 0; font-size: 1rem; font-weight: 600; }
      .parts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(17rem, 100%), 1fr)); border-top: 1px solid var(--line); }
      .parts > * { padding: 0.75rem 1rem; border-inline-end: 1px solid var(--line); margin-inline-end: -1px; }
      .parts > hs-wrap-up { grid-column: 1 / -1; border-top: 1px solid var(--line); }
      .foot { border-top: 1px solid var(--line); padding: 0.6rem 1rem; }
      hs-keypad { margin-top: 0.7rem; }
    `,
  ];

  @property({ attribute: false }) accessor store!: Store;
  @property({ attribute: false }) accessor desk!: Desk;
  @property({ attribute: false }) accessor call!: Call;
  @property({ attribute: false }) accessor consultation: Call | undefined;
  /** Asks for a destination. */
  @property({ attribute: false }) accessor destination!: Asks["destination"];
  /** Which of the calls has its keypad open. */
  @state() private accessor keypad: string | undefined;
  /** Where the focus was among the buttons, before what was possible changed. */
  private focused = false;

  constructor() {
    super();
    new Follow(this, () => this.store);
  }

  /** Opens and closes the keypad of this call or of its consultation. */
  toggleKeypad(call: Call): void {
    this.keypad = this.keypad === call.id ? undefined : call.id;
    if (this.keypad) void this.updateComplete.then(() => this.renderRoot.querySelector<Keypad>("hs-keypad")?.focus());
  }

  /** Puts the focus on the notes. */
  focusNotes(): void {
    this.renderRoot.querySelector<HTMLElement>("hs-wrap-up")?.focus();
  }

  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>("h3")?.focus();
  }

  protected override willUpdate(): void {
    this.focused = this.shadowRoot?.activeElement?.closest(".actions") !== null && Boolean(this.shadowRoot?.activeElement);
    this.toggleAttribute("ringing", this.leg?.state === "ringing" && comesIn(this.call));
  }

  protected override updated(_: PropertyValues): void {
    // The button that was pressed is gone: who reads by keyboard stays with the call.
    if (this.focused && !this.shadowRoot?.activeElement) this.renderRoot.querySelector<HTMLElement>("h3")?.focus();
  }

  private get leg(): Leg | undefined {
    return this.desk.agent ? legOf(this.call, this.desk.agent) : undefined;
  }

  private get asks(): Asks {
    return { destination: this.destination, keypad: (call) => this.toggleKeypad(call) };
  }

  protected override render(): unknown {
    const { call, consultation, desk } = this;
    return html`<article class="card" aria-labelledby="who" data-call=${call.id} data-tone=${CALL_TONES[call.state]}>
      <div class="top">
        ${this.head()}
        <h3 id="who" tabindex="-1">${this.name(call)}</h3>
        ${this.facts()}
        ${this.ringHint()}
        ${buttons(call, desk, this.asks, consultation)}
        ${this.keypad === call.id && desk.takesTones(call) ? html`<hs-keypad .desk=${desk} .call=${call}></hs-keypad>` : nothing}
        ${this.record()}
        ${consultation ? this.consulted(consultation) : nothing}
      </div>
      ${this.parts()}
    </article>`;
  }

  private head(): unknown {
    const { call } = this;
    const state = this.leg?.state === "held" || call.state === "held" ? "held" : call.state;
    const since = call.answered_at ?? call.started_at;
    return html`<div class="row">
      <span class="pill dot" data-tone=${CALL_TONES[state]}>${word(common().callStates, state)}</span>
      <hs-since class="figure" .since=${since}></hs-since>
      <span class="muted">${word(common().directions, call.direction)}</span>
      ${call.data.callback ? html`<span class="pill" data-tone="ring">${words().callback}</span>` : nothing}
      ${call.data.recording === "on" ? html`<span class="pill dot" data-tone="bad">${words().recording}</span>` : nothing}
    </div>`;
  }

  /** Who is at the other end: of an internal call the colleague. */
  private name(call: Call): string {
    if (call.direction !== "internal") return who(call);
    const other = call.legs.find((leg) => leg.state !== "left" && leg.agent !== this.desk.agent);
    const colleague = other?.agent ? this.store.board.agents.get(other.agent)?.name : undefined;
    return colleague ?? call.dnis.e164 ?? call.dnis.raw;
  }

  private facts(): unknown {
    const { call } = this;
    const waited = waitedMs(call);
    const offer = this.desk.offer(call);
    const shown = number(call);
    const fact = (label: string, value: unknown) => (value ? html`<span>${label} <b>${value}</b></span>` : nothing);
    return html`<p class="facts">
      ${call.direction !== "internal" && shown !== this.name(call) ? html`<b class="figure">${shown}</b>` : nothing}
      ${fact(words().queue, call.queue)}
      ${fact(words().waited, waited === undefined ? "" : call.answered_at ? duration(waited) : html`<hs-since .since=${call.queued_at}></hs-since>`)}
      ${call.direction === "outbound" ? nothing : fact(words().dialled, call.dnis.raw)}
      ${fact(words().forwarded, call.via && (call.via.e164 ?? call.via.raw))}
      ${fact(words().priority, call.priority ? String(call.priority) : "")}
      ${fact(words().attempt, offer && offer.attempt > 1 ? String(offer.attempt) : "")}
      ${this.parties()}
    </p>`;
  }

  /** Everybody else, when there are more than two. */
  private parties(): unknown {
    const here = this.call.legs.filter((leg) => leg.state !== "left");
    if (here.length < 3) return nothing;
    const names = here
      .filter((leg) => leg.agent !== this.desk.agent)
      .map((leg) => (leg.agent ? (this.store.board.agents.get(leg.agent)?.name ?? leg.agent) : word(common().roles, leg.role)));
    return html`<span>${words().parties} <b>${names.join(", ")}</b></span>`;
  }

  /** A phone that cannot be told to answer is answered by hand. */
  private ringHint(): unknown {
    if (this.leg?.state !== "ringing" || this.desk.actions(this.call).includes("answer")) return nothing;
    return html`<p class="muted">${words().pickUp(this.leg.address)}</p>`;
  }

  private record(): unknown {
    const record = this.desk.pops.of(this.call.id);
    if (!record) return nothing;
    const note = { blocked: words().popBlocked, elsewhere: words().popElsewhere, here: "", waiting: "" }[record.shown];
    return html`<div class="row actions">
      <button type="button" data-record class=${record.shown === "blocked" || record.shown === "waiting" ? "main" : ""} @click=${() => this.desk.pops.again(this.call.id)}>${words().openRecord}<kbd>l</kbd></button>
      <span class="muted">${note || record.url.host}</span>
    </div>`;
  }

  private consulted(call: Call): unknown {
    const ringing = call.answered_at === null;
    return html`<section class="consult" aria-labelledby="consulted" data-consultation=${call.id}>
      <div class="row"><h4 id="consulted">${words().consulting(this.name(call))}</h4>
        <span class="pill dot" data-tone=${ringing ? "ring" : "good"}>${word(common().callStates, ringing ? "offered" : "connected")}</span>
        <hs-since .since=${call.answered_at ?? call.started_at}></hs-since></div>
      ${buttons(call, this.desk, this.asks)}
      ${this.keypad === call.id ? html`<hs-keypad .desk=${this.desk} .call=${call}></hs-keypad>` : nothing}
    </section>`;
  }

  private parts(): unknown {
    const { call, desk, store } = this;
    const ours = call.direction === "internal";
    return html`<div class="parts">
        ${ours ? nothing : html`<hs-customer .desk=${desk} .call=${call}></hs-customer>`}
        <hs-data .desk=${desk} .call=${call}></hs-data>
        ${this.leg?.state === "ringing" || ours ? nothing : html`<hs-wrap-up .desk=${desk} .call=${call}></hs-wrap-up>`}
      </div>
      ${call.queue ? html`<div class="foot"><hs-why .store=${store} .call=${call}></hs-why></div>` : nothing}`;
  }
}
