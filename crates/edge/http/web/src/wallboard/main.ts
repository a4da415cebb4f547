import { css, html, nothing } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";

import type { Session } from "../../sdk/hookswitch.js";
import { everySecond } from "../shared/clock.js";
import "../shared/dialog.js";
import type { Dialog } from "../shared/dialog.js";
import { clock } from "../shared/format.js";
import type { Shortcut } from "../shared/keyboard.js";
import { Page } from "../shared/page.js";
import "../shared/since.js";
import { who } from "../shared/telephony.js";
import "./agent-panel.js";
import "./agents.js";
import type { Agents } from "./agents.js";
import "./call-panel.js";
import "./calls.js";
import type { Calls } from "./calls.js";
import { chimes, setChimes } from "./chime.js";
import { Floor, sentence } from "./floor.js";
import "./queues.js";
import "./thresholds-form.js";
import { words } from "./words/index.js";

/** What a supervisor looks into. */
type Looked = { kind: "agent" | "call"; id: string } | { kind: "thresholds" } | undefined;

/** Queues and agents live: who waits, who works, what is beyond its limit. */
@customElement("hs-wallboard")
export class Wallboard extends Page {
  static override styles = [
    ...Page.styles,
    css`
      .board { display: grid; gap: 1.1rem; }
      .floor { display: grid; gap: 1.1rem 1.4rem; grid-template-columns: minmax(0, 1fr) minmax(0, 26rem); align-items: start; }
      .alerts { display: flex; flex-wrap: wrap; gap: 0.4rem; }
      .alerts li {
        display: flex; align-items: center; gap: 0.2rem 0.7rem; border: 1px solid var(--bad); border-inline-start-width: 5px; border-radius: 8px;
        padding: 0.2rem 0.3rem 0.2rem 0.7rem; background: color-mix(in oklab, var(--bad) 8%, var(--card)); font-weight: 600;
      }
      .alerts hs-since { white-space: nowrap; font-weight: 450; color: var(--muted); }
      .alerts li:not(:has(button)) { padding-inline-end: 0.7rem; }
      .time { font-size: 1rem; font-weight: 600; }
      :host([data-wall]) main { padding: 0.8rem 1.2rem; }
      @media (max-width: 68rem) { .floor { grid-template-columns: minmax(0, 1fr); } }
      @media (max-width: 34rem) { .time { display: none; } .alerts li { width: 100%; } }
    `,
  ];

  private readonly floor = new Floor(this.store);
  @state() private accessor chosen = "";
  @state() private accessor looked: Looked;
  @state() private accessor wall = location.hash === "#wall";
  @query("#look") private accessor look!: Dialog;
  @query("hs-agents") private accessor agents!: Agents | null;
  @query("hs-calls") private accessor calls!: Calls | null;
  private offTick: (() => void) | undefined;

  constructor() {
    super();
    this.markWall();
  }

  protected override heading = (): string => words().heading;
  protected override opensTo = ({ role }: Session): boolean => role === "supervisor" || role === "admin";

  override connectedCallback(): void {
    super.connectedCallback();
    this.offTick = everySecond(() => {
      this.floor.tick();
      // Waits count on between two events.
      this.store.changed();
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.offTick?.();
  }

  protected override shortcuts(): readonly Shortcut[] {
    const wall: Shortcut = { key: "w", label: this.wall ? words().wallOff : words().wall, run: () => this.setWall(!this.wall) };
    if (this.wall) return [wall];
    const queues = this.floor.queues.slice(0, 9);
    return [
      { key: "a", label: words().keyAgents, run: () => this.agents?.focus() },
      { key: "c", label: words().keyCalls, run: () => this.calls?.focus() },
      { key: "t", label: words().thresholds, run: () => void this.open({ kind: "thresholds" }) },
      { key: "0", label: words().allQueues, run: () => void (this.chosen = "") },
      ...queues.map(({ id }, index): Shortcut => ({ key: String(index + 1), label: words().only(id), run: () => void (this.chosen = id) })),
      wall,
    ];
  }

  protected override extra() {
    return html`<span class="time figure">${clock(Date.now())}</span>
      <button type="button" class="quiet" @click=${() => this.open({ kind: "thresholds" })}>${words().thresholds}</button>
      <button type="button" class=${this.wall ? "" : "quiet"} aria-pressed=${this.wall} title=${this.wall ? words().wallOff : words().wallOn} @click=${() => this.setWall(!this.wall)}>${words().wall}</button>`;
  }

  protected override moreSettings() {
    return html`<label class="inline"><input type="checkbox" id="sound" .checked=${chimes()} @change=${(event: Event) => setChimes((event.target as HTMLInputElement).checked)}>
      <span>${words().sound} <span class="muted">${words().soundWhy}</span></span></label>`;
  }

  private setWall(on: boolean): void {
    this.wall = on;
    history.replaceState(null, "", on ? "#wall" : location.pathname + location.search);
    this.markWall();
    // The browser may refuse it without a gesture, and the page is a wall screen all the same.
    if (on) void document.documentElement.requestFullscreen?.().catch(() => undefined);
    else if (document.fullscreenElement) void document.exitFullscreen();
  }

  private markWall(): void {
    document.documentElement.toggleAttribute("data-wall", this.wall);
    this.toggleAttribute("data-wall", this.wall);
  }

  private async open(looked: Looked): Promise<void> {
    const isOpen = this.looked !== undefined;
    this.looked = looked;
    if (isOpen) return;
    await this.updateComplete;
    await this.look.show();
    this.looked = undefined;
  }

  private alerts(): unknown {
    const { listed } = this.floor.alerts;
    if (listed.length === 0) return nothing;
    return html`<ul class="alerts" aria-label=${words().alerts}>${repeat(listed, (alert) => `${alert.queue} ${alert.figure}`, (alert) => html`<li data-alert=${`${alert.queue} ${alert.figure}`}>
      <span>${sentence(alert)}</span> <hs-since .since=${new Date(alert.since).toISOString()}></hs-since>
      ${this.wall ? nothing : html`<button type="button" class="quiet" title=${words().seenWhy} @click=${() => { this.floor.alerts.see(alert); this.requestUpdate(); }}>${words().seen}</button>`}
    </li>`)}</ul>`;
  }

  private dialog(): unknown {
    const { looked, store } = this;
    const title = () => {
      if (looked?.kind === "agent") return store.board.agents.get(looked.id)?.name ?? looked.id;
      if (looked?.kind === "call") {
        const call = store.board.calls.get(looked.id);
        return call ? words().openCall(who(call)) : words().calls;
      }
      return words().thresholds;
    };
    const told = (event: CustomEvent<string>) => this.toast("good", event.detail);
    const content = () => {
      switch (looked?.kind) {
        case "agent":
          return html`<hs-agent-panel .store=${store} .agent=${looked.id} @told=${told} @call=${(event: CustomEvent<string>) => this.open({ kind: "call", id: event.detail })}></hs-agent-panel>`;
        case "call":
          return html`<hs-call-panel .store=${store} .call=${looked.id} @told=${told}></hs-call-panel>`;
        case "thresholds":
          return html`<hs-thresholds .floor=${this.floor} @saved=${() => { this.look.close(); this.floor.tick(); }}></hs-thresholds>`;
        case undefined:
          return nothing;
      }
    };
    return html`<hs-dialog id="look" wide .heading=${looked ? title() : ""}>${content()}</hs-dialog>`;
  }

  protected override content = () => {
    const { store, floor, chosen, wall } = this;
    const agents = html`<hs-agents .store=${store} .queue=${chosen} .plain=${wall} @choose=${(event: CustomEvent<string>) => this.open({ kind: "agent", id: event.detail })}></hs-agents>`;
    return html`<div class="board">
      ${this.alerts()}
      <hs-queues .store=${store} .floor=${floor} .chosen=${chosen} .plain=${wall} @choose=${(event: CustomEvent<string>) => (this.chosen = event.detail)}></hs-queues>
      ${wall ? agents : html`<div class="floor">${agents}
        <hs-calls .store=${store} .queue=${chosen} @choose=${(event: CustomEvent<string>) => this.open({ kind: "call", id: event.detail })}></hs-calls></div>`}
    </div>${this.dialog()}`;
  };
}
