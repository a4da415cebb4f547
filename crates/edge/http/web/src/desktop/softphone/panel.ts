import { LitElement, type TemplateResult, css, html, nothing } from "lit";
import { customElement, property, query, state } from "lit/decorators.js";

import { now } from "../../shared/clock.js";
import "../../shared/since.js";
import { Follow } from "../../shared/store.js";
import { base } from "../../shared/styles.js";
import type { Tone } from "../../shared/telephony.js";
import type { Desk } from "../desk.js";
import { words as desktop } from "../words/index.js";
import "./level.js";
import type { State } from "./states.js";
import { words } from "./words/index.js";

const TONES: Readonly<Record<State, Tone>> = {
  off: "off",
  elsewhere: "off",
  insecure: "bad",
  refused: "bad",
  missing: "bad",
  password: "busy",
  denied: "bad",
  connecting: "busy",
  registered: "good",
  gone: "bad",
};

/** What the telephone in this browser is, and what to do where it is none. */
@customElement("hs-softphone")
export class SoftphonePanel extends LitElement {
  static override styles = [
    base,
    css`
      section { display: grid; gap: 0.5rem; }
      p { font-size: 0.9rem; }
      hs-level { flex: 1; min-width: 5rem; }
    `,
  ];

  @property({ attribute: false }) accessor desk!: Desk;
  @state() private accessor taken = true;
  @query("input") private accessor field!: HTMLInputElement | null;

  constructor() {
    super();
    new Follow(this, () => this.desk?.store);
  }

  protected override render(): unknown {
    const phone = this.desk.softphone;
    if (!phone) return nothing;
    const { state } = phone;
    const tone = phone.here === "talking" ? "busy" : phone.here ? "ring" : TONES[state];
    return html`<section class="card" aria-labelledby="title" data-state=${state} data-call=${phone.here ?? nothing}>
      <div class="row"><h2 id="title">${words().title}</h2>
        <span class="pill dot push" role="status" data-tone=${tone}>${phone.here ? words().calls[phone.here] : words().states[state]}</span></div>
      ${this.advice(state)} ${this.inCall()}
    </section>`;
  }

  /** What to do, where there is something. */
  private advice(state: State): TemplateResult | typeof nothing {
    const say = words();
    const phone = this.desk.softphone;
    switch (state) {
      case "registered":
      case "connecting":
        return nothing;
      case "off":
        return html`<p class="muted">${say.advice.off}</p>`;
      case "elsewhere":
        return html`<p class="muted">${this.taken ? say.advice.elsewhere : say.advice.talksElsewhere}</p>
          <div><button type="button" id="take" ?disabled=${phone?.elsewhere === "talking"} @click=${this.take}>${say.take}</button></div>`;
      case "password":
        return this.form(say.advice.password);
      case "denied":
        return phone?.typedWrong ? this.form(say.advice.wrong) : html`<p>${say.advice.denied}</p>${this.again(say.again)}`;
      case "refused":
      case "missing":
        return html`<p>${say.advice[state]}</p>${this.again(say.again)}`;
      case "insecure":
        return html`<p>${say.advice.insecure}</p>`;
      case "gone": {
        const at = phone?.again;
        return html`<p>${say.advice.gone} ${at ? html`<span class="muted">${say.next} <hs-since .until=${new Date(now() + at - Date.now()).toISOString()}></hs-since></span>` : nothing}</p>${this.again(say.now)}`;
      }
    }
  }

  private again(label: string): TemplateResult {
    return html`<div><button type="button" id="again" @click=${() => this.desk.softphone?.tryNow()}>${label}</button></div>`;
  }

  private form(why: string): TemplateResult {
    const submit = (event: SubmitEvent) => {
      event.preventDefault();
      if (this.field?.value) this.desk.softphone?.type(this.field.value);
    };
    return html`<form class="stack" @submit=${submit}>
      <p>${why}</p>
      <label>${words().password}<input type="password" autocomplete="off" required></label>
      <div><button class="main">${words().connect}</button></div>
    </form>`;
  }

  private inCall(): TemplateResult | typeof nothing {
    const phone = this.desk.softphone;
    if (!phone?.here) return nothing;
    const say = words();
    const alone = this.desk.store.connection !== "live";
    return html`
      ${phone.here === "talking" ? html`<div class="row">
        <button type="button" id="mute" aria-pressed=${phone.muted} @click=${() => phone.mute(!phone.muted)}>${say.mute}<kbd>u</kbd></button>
        <hs-level .stream=${phone.hears} .label=${say.level}></hs-level></div>` : nothing}
      ${phone.blocked ? html`<p role="alert">${say.blocked} <button type="button" @click=${() => phone.unblock()}>${say.unblock}</button></p>` : nothing}
      ${phone.silent ? html`<p role="alert">${say.silent}</p>` : nothing}
      ${alone ? html`<div class="row">
        ${phone.here === "ringing" ? html`<button type="button" class="good" id="answer" @click=${() => phone.answer()}>${desktop().actions.answer}</button>` : nothing}
        <button type="button" class="danger" id="hangup" @click=${() => phone.hangUp()}>${desktop().actions.hangup}</button></div>` : nothing}`;
  }

  private readonly take = async (): Promise<void> => {
    this.taken = (await this.desk.softphone?.take()) ?? true;
  };
}
