import { css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";

import { count, duration, percent } from "../shared/format.js";
import { common } from "../shared/words/index.js";
import { Section } from "./section.js";
import { type Trouble, listed, troublesOf } from "./troubles.js";
import { words } from "./words/index.js";

const ROWS = ["offered", "answered", "abandoned", "left", "mean_wait_ms", "p90_wait_ms", "longest_wait_ms", "service_level"] as const;
type Row = (typeof ROWS)[number];
type QueueFigures = Record<Row, number | null>;

interface Run {
  figures: { queues: Record<string, QueueFigures>; agents: Record<string, { calls: number; occupancy: number | null }>; total: QueueFigures };
}

/** What `POST /v1/what-if` answers, and `hookswitch what-if --json` prints. */
interface Compared {
  identical: boolean;
  simulated: number;
  handled_otherwise: unknown[];
  recorded: Run;
  changed: Run;
}

const SIDES = ["recorded", "changed"] as const;
/** Those that are drawn. */
const DRAWN: readonly Row[] = ["mean_wait_ms", "p90_wait_ms", "service_level", "abandoned"];

/** Two runs of the same traffic side by side: made by the daemon, or by the command line. */
@customElement("hs-what-if")
export class WhatIf extends Section {
  static override styles = [
    ...Section.styles,
    css`
      textarea { font: 0.88rem/1.5 var(--mono); min-height: 12rem; white-space: pre; overflow-wrap: normal; overflow-x: auto; tab-size: 2; }
      .sides { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1rem; }
      .sides > section { margin-top: 0; }
      .sides h3 { margin-bottom: 0.4rem; }
      .bar { display: grid; grid-template-columns: 9.5rem 1fr 4.5rem; gap: 0.6rem; align-items: center; font-size: 0.88rem; padding-block: 0.14rem; }
      .bar .value { text-align: end; font-variant-numeric: tabular-nums; font-weight: 600; }
      meter { width: 100%; height: 0.9rem; }
      svg { width: 100%; height: 0.85rem; display: block; }
      svg rect { fill: var(--accent); }
      svg rect.room { fill: var(--sunk); }
      .changed svg rect:not(.room) { fill: var(--busy); }
      h4 { margin: 0.7rem 0 0.15rem; font-size: 0.9rem; }
      @media (max-width: 48rem) { .sides { grid-template-columns: minmax(0, 1fr); } .bar { grid-template-columns: 7rem 1fr 4rem; } }
    `,
  ];

  @state() private accessor compared: Compared | undefined;
  @state() private accessor wrong = false;
  @state() private accessor busy = false;
  @state() private accessor troubles: Trouble[] = [];

  private readonly ask = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const config = String(new FormData(event.target as HTMLFormElement).get("config") ?? "");
    this.busy = true;
    this.troubles = [];
    this.compared = undefined;
    this.wrong = false;
    try {
      this.compared = await this.store.phone.request<Compared>("POST", "/v1/what-if", { config });
    } catch (error) {
      this.troubles = troublesOf(error) ?? [];
      if (this.troubles.length === 0) await this.store.attempt(Promise.reject(error));
    }
    this.busy = false;
  };

  private readonly open = async (event: Event): Promise<void> => {
    const [file] = (event.target as HTMLInputElement).files ?? [];
    if (!file) return;
    this.compared = parsed(await file.text());
    this.wrong = this.compared === undefined;
  };

  private side(side: (typeof SIDES)[number], compared: Compared): unknown {
    const [mine, other] = side === "recorded" ? [compared.recorded, compared.changed] : [compared.changed, compared.recorded];
    const queues = [...new Set([...Object.keys(mine.figures.queues), ...Object.keys(other.figures.queues)])].sort();
    const block = (name: string, own: QueueFigures | undefined, theirs: QueueFigures | undefined) => html`<h4>${name}</h4>
      ${DRAWN.map((row) => {
        const value = own?.[row] ?? 0;
        const most = row === "service_level" ? 1 : Math.max(value, theirs?.[row] ?? 0, 1);
        const width = Math.round((value / most) * 1000) / 10;
        return html`<div class="bar" data-queue=${name} data-row=${row}><span>${words().rows[row]}</span>
          <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="room" width="100" height="10" rx="1"></rect><rect width=${width} height="10" rx="1"></rect></svg>
          <span class="value">${shown(row, own?.[row])}</span></div>`;
      })}`;
    return html`<section class="card ${side}" data-side=${side}><h3>${side === "recorded" ? words().recorded : words().changedRun}</h3>
      ${block(words().all, mine.figures.total, other.figures.total)} ${queues.map((name) => block(name, mine.figures.queues[name], other.figures.queues[name]))}</section>`;
  }

  private table(compared: Compared): unknown {
    const { recorded, changed } = compared;
    const agents = [...new Set([...Object.keys(recorded.figures.agents), ...Object.keys(changed.figures.agents)])].sort();
    return html`<section aria-labelledby="agents"><h2 id="agents">${words().agentsOf}</h2><div class="card frame"><table>
      <thead><tr><th scope="col">${words().agentsOf}</th>${SIDES.flatMap((side) => {
        const name = side === "recorded" ? words().recorded : words().changedRun;
        return [words().calls, words().occupancy].map((what) => html`<th scope="col" class="number">${what}, ${name}</th>`);
      })}</tr></thead>
      <tbody>${agents.map((agent) => html`<tr><td>${agent}</td>${[recorded, changed].map((run) => html`<td class="number">${count(run.figures.agents[agent]?.calls ?? 0)}</td><td class="number">${percent(run.figures.agents[agent]?.occupancy ?? null)}</td>`)}</tr>`)}</tbody>
    </table></div></section>`;
  }

  protected override render(): unknown {
    const { compared } = this;
    return html`<section aria-labelledby="file"><h2 id="file">${words().sections["what-if"]}</h2>
        <p class="why">${words().whatIfWhy}</p>
        <form @submit=${this.ask}><label>${words().text}<textarea name="config" spellcheck="false" required></textarea></label>
          <div class="row"><button class="main" ?disabled=${this.busy}>${words().compare}</button>${this.busy ? html`<span class="muted" role="status">${common().loading}</span>` : nothing}</div></form>
        ${this.troubles.length ? listed(this.troubles, words().problems(this.troubles.length)) : nothing}
        <p class="why">${words().whatIfLonger}</p><p><code>${words().whatIfCommand}</code></p>
        <form><div class="row"><label>${words().open}<input type="file" accept="application/json,.json" @change=${this.open}></label></div></form>
        ${this.wrong ? html`<p role="alert" class="toned" data-tone="bad">${words().notWhatIf}</p>` : nothing}
      </section>
      ${compared ? html`<section><p role="status">${compared.identical ? words().identical : words().left(compared.simulated, compared.handled_otherwise.length)}</p></section>
        <section class="sides">${SIDES.map((side) => this.side(side, compared))}</section>${this.table(compared)}` : nothing}`;
  }
}

function shown(row: Row, value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (row === "service_level") return percent(value);
  return row.endsWith("_ms") ? duration(value) : count(value);
}

/** A file is what somebody chose: only one that has both runs is drawn. */
function parsed(text: string): Compared | undefined {
  try {
    const value = JSON.parse(text) as Compared;
    const isRun = (run: Run | undefined) => Boolean(run?.figures?.queues && run.figures.agents && run.figures.total);
    return isRun(value.recorded) && isRun(value.changed) && Array.isArray(value.handled_otherwise) ? value : undefined;
  } catch {
    return undefined;
  }
}
