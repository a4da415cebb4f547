import { LitElement, css, html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";

import type { Call } from "../../sdk/hookswitch.js";
import { clock, duration } from "../shared/format.js";
import { base } from "../shared/styles.js";
import type { Store } from "../shared/store.js";
import { words } from "./words/index.js";

/** As much of `/v1/calls/{id}/why` as an agent wants to know. */
interface Decision {
  at: string;
  decision: string;
  rule?: string | null;
  to?: Record<string, string>;
  tried?: { rule: string; matched: boolean }[];
  queue?: string;
  strategy?: string;
  requires?: Record<string, number>;
  waited_ms?: number;
  attempt?: number;
  ranked?: { agent: string; score: Record<string, number> }[];
  excluded?: { agent: string; text: string }[];
}

/** Why the call came here: the rule, the requirement, and who else was looked at. Asked for when it is opened. */
@customElement("hs-why")
export class Why extends LitElement {
  static override styles = [
    base,
    css`
      ol { margin-top: 0.4rem; display: grid; gap: 0.5rem; font-size: 0.9rem; }
      li { display: grid; grid-template-columns: auto 1fr; gap: 0 0.6rem; }
      time { color: var(--muted); }
      .others { grid-column: 2; color: var(--muted); }
    `,
  ];

  @property({ attribute: false }) accessor store!: Store;
  @property({ attribute: false }) accessor call!: Call;
  @state() private accessor decisions: Decision[] | undefined;
  /** What was known when it was asked: another attempt is asked for anew. */
  private asked = "";

  private readonly toggled = (event: Event): void => {
    const state = `${this.call.id} ${this.call.state}`;
    if (!(event.target as HTMLDetailsElement).open || this.asked === state) return;
    this.asked = state;
    void this.ask();
  };

  private async ask(): Promise<void> {
    const why = await this.store.attempt(this.store.phone.call(this.call.id).why());
    this.decisions = (why as { decisions: Decision[] } | undefined)?.decisions ?? [];
  }

  private name(agent: string): string {
    return this.store.board.agents.get(agent)?.name ?? agent;
  }

  protected override render(): unknown {
    return html`<details @toggle=${this.toggled}>
      <summary>${words().why}</summary>
      ${this.decisions?.length === 0 ? html`<p class="muted">${words().whyNothing}</p>` : nothing}
      <ol>${(this.decisions ?? []).map((one) => html`<li><time class="figure" datetime=${one.at}>${clock(one.at, true)}</time>${this.told(one)}</li>`)}</ol>
    </details>`;
  }

  private told(one: Decision): unknown {
    if (one.decision === "routed") {
      const passed = one.tried?.filter((rule) => !rule.matched).map((rule) => rule.rule) ?? [];
      return html`<span>${words().whyRouted(one.rule ?? "–", Object.values(one.to ?? {})[0] ?? "")}</span>
        ${passed.length ? html`<span class="others">${words().whyPassed(passed.join(", "))}</span>` : nothing}`;
    }
    if (one.decision !== "offered") return html`<span>${one.decision.replaceAll("_", " ")} ${one.queue ?? ""}</span>`;
    const needs = Object.entries(one.requires ?? {}).map(([skill, level]) => `${skill} ≥ ${level}`).join(", ");
    const ranked = one.ranked?.map(({ agent }) => this.name(agent)) ?? [];
    const excluded = one.excluded?.map(({ agent, text }) => `${this.name(agent)} (${text})`) ?? [];
    return html`<span>${words().whyOffered(ranked[0] ?? "–", duration(one.waited_ms ?? 0), needs || words().nothingNeeded, one.strategy ?? "")}</span>
      ${ranked.length > 1 ? html`<span class="others">${words().whyNext(ranked.slice(1).join(", "))}</span>` : nothing}
      ${excluded.length ? html`<span class="others">${words().whyExcluded(excluded.join(", "))}</span>` : nothing}`;
  }
}
