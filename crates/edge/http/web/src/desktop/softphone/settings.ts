import { LitElement, css, html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";

import { Follow } from "../../shared/store.js";
import { base } from "../../shared/styles.js";
import type { Desk } from "../desk.js";
import "./level.js";
import { type Place, choose, chosen, choosesOutput, devices, openMicrophone, shut } from "./sound.js";
import { words } from "./words/index.js";

/** Whether this browser is the agent's telephone, by which microphone, and where it is heard. */
@customElement("hs-softphone-settings")
export class SoftphoneSettings extends LitElement {
  static override styles = [
    base,
    css`
      fieldset { display: grid; gap: 0.7rem; }
      legend { padding: 0; font-weight: 600; }
      hs-level { flex: 1; min-width: 5rem; }
    `,
  ];

  @property({ attribute: false }) accessor desk!: Desk;
  @state() private accessor microphones: MediaDeviceInfo[] = [];
  @state() private accessor loudspeakers: MediaDeviceInfo[] = [];
  @state() private accessor trial: MediaStream | undefined;

  constructor() {
    super();
    new Follow(this, () => this.desk?.store);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    navigator.mediaDevices?.addEventListener("devicechange", this.read);
    void this.read();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    navigator.mediaDevices?.removeEventListener("devicechange", this.read);
    shut(this.trial);
    this.trial = undefined;
  }

  private readonly read = async (): Promise<void> => {
    [this.microphones, this.loudspeakers] = await Promise.all([devices("audioinput"), devices("audiooutput")]);
  };

  private readonly tryMicrophone = async (): Promise<void> => {
    const before = this.trial;
    this.trial = before ? undefined : await openMicrophone().catch(() => undefined);
    shut(before);
    // Their names are told to who may hear them.
    await this.read();
  };

  private async picked(place: Place, device: string): Promise<void> {
    choose(place, device);
    await this.desk.softphone?.moved();
    if (place === "bell") this.desk.softphone?.strike();
    if (place === "microphone" && this.trial) {
      await this.tryMicrophone();
      await this.tryMicrophone();
    }
  }

  private list(place: Place, label: string, found: readonly MediaDeviceInfo[]): unknown {
    const now = chosen(place);
    return html`<label>${label}<select id=${place} @change=${(event: Event) => this.picked(place, (event.target as HTMLSelectElement).value)}>
      <option value="" ?selected=${now === ""}>${words().system}</option>
      ${found.map(({ deviceId, label: name }, index) => html`<option value=${deviceId} ?selected=${deviceId === now}>${name || `${label} ${index + 1}`}</option>`)}
    </select></label>`;
  }

  protected override render(): unknown {
    const phone = this.desk.softphone;
    if (!phone) return nothing;
    const say = words();
    return html`<fieldset><legend>${say.title}</legend>
      <label class="inline"><input type="checkbox" id="wish" .checked=${phone.wished} @change=${(event: Event) => phone.wish((event.target as HTMLInputElement).checked)}>
        <span>${say.wish}</span></label>
      ${this.list("microphone", say.microphone, this.microphones)}
      <div class="row"><button type="button" id="try" aria-pressed=${this.trial !== undefined} @click=${this.tryMicrophone}>${say.tryMicrophone}</button>
        ${this.trial ? html`<hs-level .stream=${this.trial} .label=${say.level}></hs-level>` : nothing}</div>
      ${choosesOutput() ? html`${this.list("voice", say.voice, this.loudspeakers)} ${this.list("bell", say.bell, this.loudspeakers)}` : html`<p class="muted">${say.noOutput}</p>`}
      <div><button type="button" id="strike" @click=${() => phone.strike()}>${say.strike}</button></div>
    </fieldset>`;
  }
}
