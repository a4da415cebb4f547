import { css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";

import type { Ready, Versions } from "../../sdk/hookswitch.js";
import { everySecond } from "../shared/clock.js";
import { count, moment } from "../shared/format.js";
import { word } from "../shared/i18n.js";
import { base as daemon } from "../shared/store.js";
import { common } from "../shared/words/index.js";
import { type Figures, read } from "./metrics.js";
import { Section, codes } from "./section.js";
import { words } from "./words/index.js";

/** Seconds between two readings of what the stream does not tell. */
const EVERY_S = 10;
/** What is shown of the figures, in this order. */
const SHOWN = ["hookswitch_events_total", "hookswitch_calls_ended_total", "hookswitch_lookups_total", "hookswitch_lookup_up", "hookswitch_invariant_violations_total", "hookswitch_refused_total"];

/** Links, health, figures, version: is it well? */
@customElement("hs-overview")
export class Overview extends Section {
  static override styles = [
    ...Section.styles,
    css`
      .tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: 0.5rem; }
      .tile dt { font-size: 0.82rem; color: var(--muted); font-weight: 500; }
      .tile dd { font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; }
      .tile small { display: block; font-size: 0.82rem; font-weight: 450; color: var(--muted); }
      .tile { padding: 0.55rem 0.8rem; }
    `,
  ];

  @state() private accessor readiness: Ready | undefined;
  @state() private accessor figures: Figures | null | undefined;
  @state() private accessor versions: Versions | undefined;
  private seconds = 0;
  private off: (() => void) | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.seconds = 0;
    void this.refresh();
    this.off = everySecond(() => {
      this.seconds += 1;
      if (this.seconds % EVERY_S === 0) void this.refresh();
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.off?.();
  }

  private async refresh(): Promise<void> {
    // Not ready is an answer, too. Both are for neighbours of the daemon, or for who has a token.
    const ask = async (path: string) => fetch(daemon() + path, { cache: "no-store" }).catch(() => undefined);
    const [ready, metrics] = await Promise.all([ask("/readyz"), ask("/metrics")]);
    this.readiness = ready && [200, 503].includes(ready.status) ? ((await ready.json()) as Ready) : undefined;
    this.figures = metrics?.ok ? read(await metrics.text()) : null;
    this.versions = await this.store.phone.request<Versions>("GET", "/v1/config").catch(() => this.versions);
  }

  private links(): unknown {
    const tried = new Map(this.readiness?.pbx.map((link) => [link.name, link.tried]));
    const links = [...this.store.board.links.values()].sort((a, b) => a.pbx.localeCompare(b.pbx));
    return html`<section aria-labelledby="links"><h2 id="links">${words().links}</h2><div class="card frame"><table>
      <thead><tr><th scope="col">${words().name}</th><th scope="col">${words().state}</th><th scope="col">${words().lastGap}</th></tr></thead>
      <tbody>${links.map(({ pbx, state, gap }) => html`<tr data-link=${pbx}><td><b>${pbx}</b></td>
        <td><span class="pill dot" data-tone=${state === "down" ? "bad" : "good"}>${tried.get(pbx) === false ? words().notTried : word(words().linkStates, state)}</span></td>
        <td class="muted">${gap ? words().gap(moment(gap.from), moment(gap.to), gap.recovered_calls) : words().noGap}</td></tr>`)}</tbody>
    </table></div></section>`;
  }

  private health(): unknown {
    const { board } = this.store;
    const { readiness, versions } = this;
    const tile = (name: string, value: unknown, more: unknown = nothing, tone: string | typeof nothing = nothing) =>
      html`<div class="card tile"><dt>${name}</dt><dd class=${tone === nothing ? "" : "toned"} data-tone=${tone}>${value}${more === nothing ? nothing : html`<small>${more}</small>`}</dd></div>`;
    const loggedIn = [...board.agents.values()].filter((agent) => agent.state !== "logged_out").length;
    const last = versions?.versions[0];
    return html`<section aria-labelledby="health"><h2 id="health">${words().health}</h2><dl class="tiles">
      ${readiness ? tile(words().health, readiness.ready ? words().ready : words().notReady, nothing, readiness.ready ? "good" : "bad") : nothing}
      ${readiness ? tile(words().journal, words().journalStates[readiness.journal] ?? readiness.journal, nothing, readiness.journal === "open" ? "good" : "bad") : nothing}
      ${versions ? tile(words().sections.configuration, words().versionOf(versions.version), last ? moment(last.applied_at) : nothing) : nothing}
      ${tile(words().live.calls, count(board.calls.size))} ${tile(words().live.agents, `${count(loggedIn)} / ${count(board.agents.size)}`)} ${tile(words().live.queues, count(board.queues.size))}
    </dl></section>`;
  }

  private figuresShown(): unknown {
    const { figures } = this;
    if (figures === undefined) return html`<p class="muted">${common().loading}</p>`;
    if (figures === null) return html`<p class="muted">${words().metricsAway}</p>`;
    const known = SHOWN.filter((name) => figures.has(name));
    return html`<div class="card frame"><table><tbody>${known.map((name) => {
      const parts = figures.get(name) ?? [];
      const total = parts.reduce((sum, part) => sum + part.value, 0);
      return html`<tr><th scope="row">${words().figureNames[name]}</th><td class="number">${count(total)}</td>
        <td class="muted">${parts.filter((part) => part.labels).map((part) => `${part.labels} ${count(part.value)}`).join(" · ")}</td></tr>`;
    })}</tbody></table></div>`;
  }

  protected override render(): unknown {
    const { session } = this.store;
    const code = (text: string) => html`<code>${text}</code>`;
    return html`${this.links()} ${this.health()}
      <section aria-labelledby="figures"><h2 id="figures">${words().figures}</h2>${this.figuresShown()}<p class="why">${codes(words().doctor, code)}</p></section>
      <section aria-labelledby="yours"><h2 id="yours">${words().yours}</h2>
        <p>${session ? words().tokenOf(session.name, session.role) : ""}</p></section>`;
  }
}
