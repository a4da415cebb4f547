import { css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";

import type { Deliveries, Delivery } from "../../sdk/hookswitch.js";
import { confirm } from "../shared/dialog.js";
import { count, moment } from "../shared/format.js";
import { word } from "../shared/i18n.js";
import type { Tone } from "../shared/telephony.js";
import { Section } from "./section.js";
import { words } from "./words/index.js";

/** An item of `/v1/webhooks`. */
interface Webhook {
  name: string;
  url: string;
  state: string;
  cursor: string;
  pending: number;
  dead: number;
  lost: number;
  error: string | null;
  next_attempt: string | null;
}

const STATES = ["pending", "delivered", "unconfirmed", "refused", "dead", "disabled"] as const;
const TONES: Readonly<Record<string, Tone>> = { active: "good", failing: "busy", disabled: "bad", pending: "ring", delivered: "good", unconfirmed: "busy", refused: "bad", dead: "bad" };
const SHOWN = 200;

/** Webhooks, what they delivered and what they could not, and delivering it again. */
@customElement("hs-webhooks")
export class Webhooks extends Section {
  static override styles = [
    ...Section.styles,
    css`
      tr[data-chosen] > td:first-child { box-shadow: inset 3px 0 var(--accent); }
      header { margin-bottom: 0.5rem; }
      header select { width: auto; }
      form { margin-top: 0.8rem; }
      form input { max-width: 16rem; }
    `,
  ];

  @state() private accessor webhooks: Webhook[] | undefined;
  @state() private accessor chosen = "";
  @state() private accessor deliveries: Delivery[] | undefined;
  @state() private accessor wanted = "";

  override connectedCallback(): void {
    super.connectedCallback();
    void this.read();
  }

  private async read(): Promise<void> {
    const list = await this.store.attempt(this.store.phone.request<{ items: Webhook[] }>("GET", "/v1/webhooks"));
    this.webhooks = list?.items ?? this.webhooks ?? [];
    if (!this.chosen && this.webhooks[0]) this.chosen = this.webhooks[0].name;
    if (this.chosen) await this.readDeliveries();
  }

  private async readDeliveries(): Promise<void> {
    const name = this.chosen;
    const list = await this.store.attempt(this.store.phone.request<Deliveries>("GET", `/v1/webhooks/${encodeURIComponent(name)}/deliveries`));
    if (name === this.chosen) this.deliveries = list?.items ?? [];
  }

  private choose(name: string): void {
    this.chosen = name;
    this.deliveries = undefined;
    void this.readDeliveries();
  }

  private async replay(after: string): Promise<void> {
    const name = this.chosen;
    if (!(await confirm(words().askReplay(name, after), words().replayFrom))) return;
    const begun = await this.store.attempt(this.store.phone.request("POST", `/v1/webhooks/${encodeURIComponent(name)}/replay`, { after }));
    if (!begun) return;
    this.tell(words().replayed(name));
    await this.read();
  }

  private readonly replayForm = (event: SubmitEvent): void => {
    event.preventDefault();
    void this.replay(String(new FormData(event.target as HTMLFormElement).get("after") ?? "").trim());
  };

  private list(webhooks: readonly Webhook[]): unknown {
    return html`<div class="card frame"><table>
      <thead><tr><th scope="col">${words().name}</th><th scope="col">${words().state}</th><th scope="col" class="number">${words().pending}</th><th scope="col" class="number">${words().dead}</th>
        <th scope="col" class="number" title=${words().lostWhy}>${words().lost}</th><th scope="col">${words().error}</th><th scope="col">${words().nextAttempt}</th></tr></thead>
      <tbody>${webhooks.map((one) => html`<tr data-webhook=${one.name} ?data-chosen=${one.name === this.chosen}>
        <td><button type="button" class="quiet" aria-current=${one.name === this.chosen ? "true" : nothing} @click=${() => this.choose(one.name)}>${one.name}</button><br><span class="muted mono">${one.url}</span></td>
        <td><span class="pill dot" data-tone=${TONES[one.state] ?? "off"}>${word(words().webhookStates, one.state)}</span></td>
        <td class="number">${count(one.pending)}</td><td class="number">${count(one.dead)}</td><td class="number">${count(one.lost)}</td>
        <td class="muted">${one.error ?? ""}</td><td>${one.next_attempt ? moment(one.next_attempt) : ""}</td></tr>`)}</tbody></table></div>`;
  }

  private shownDeliveries(): unknown {
    const all = (this.deliveries ?? []).filter((one) => !this.wanted || one.state === this.wanted).slice(0, SHOWN);
    if (all.length === 0) return html`<p class="muted">${words().none}</p>`;
    return html`<div class="card frame"><table>
      <thead><tr><th scope="col">${words().event}</th><th scope="col">${words().state}</th><th scope="col" class="number">${words().attempts}</th><th scope="col">${words().answer}</th><td></td></tr></thead>
      <tbody>${all.map((one) => {
        const last = one.attempts.at(-1);
        return html`<tr data-delivery=${one.sequence} data-state=${one.state}><td><span class="mono">${one.event}</span><br><span class="muted mono">${shorter(one.sequence)}</span></td>
          <td><span class="pill" data-tone=${TONES[one.state] ?? "off"}>${word(words().deliveryStates, one.state)}</span></td>
          <td class="number">${one.attempts.length}</td>
          <td>${last ? html`${last.status ?? ""} ${last.error ?? ""} <span class="muted">${moment(last.at)}, ${last.ms} ms</span>` : nothing}</td>
          <td class="number"><button type="button" class="quiet" @click=${() => this.replay(before(one.sequence))}>${words().replayFrom}</button></td></tr>`;
      })}</tbody></table></div>`;
  }

  protected override render(): unknown {
    const { webhooks } = this;
    if (!webhooks) return nothing;
    if (webhooks.length === 0) return html`<p class="muted">${words().noWebhooks}</p>`;
    return html`<section aria-labelledby="hooks"><header class="row"><h2 id="hooks">${words().sections.webhooks}</h2><button type="button" class="push" @click=${() => this.read()}>${words().reload}</button></header>${this.list(webhooks)}</section>
      <section aria-labelledby="deliveries"><header class="row"><h2 id="deliveries">${words().deliveriesOf(this.chosen)}</h2>
        <label class="inline push">${words().show}<select @change=${(event: Event) => (this.wanted = (event.target as HTMLSelectElement).value)}>
          <option value="">${words().everyState}</option>${STATES.map((one) => html`<option value=${one}>${word(words().deliveryStates, one)}</option>`)}</select></label></header>
        ${this.shownDeliveries()}
        <form @submit=${this.replayForm}><div class="row"><label>${words().replay}<input name="after" required pattern="[0-9]+" value="0" inputmode="numeric"></label><button>${words().replayFrom}</button></div>
          <p class="why">${words().replayWhy}</p></form></section>`;
  }
}

/** The position before one, so that the event itself is among what comes after. */
function before(sequence: string): string {
  const position = BigInt(sequence);
  return String(position > 0n ? position - 1n : 0n);
}

function shorter(sequence: string): string {
  return sequence.replace(/^0+(?=\d)/, "");
}
