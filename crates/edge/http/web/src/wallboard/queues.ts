import { LitElement, css, html, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";

import { count, duration } from "../shared/format.js";
import { Follow, type Store } from "../shared/store.js";
import { base } from "../shared/styles.js";
import { chartStyles, dayLine, scale, trend } from "./charts.js";
import { type Floor, type Live, shown } from "./floor.js";
import type { Figure } from "./thresholds.js";
import { words } from "./words/index.js";

/** One line a queue: what is now, the last half hour, the day. Fires `choose` with the queue, a `CustomEvent<string>`. */
@customElement("hs-queues")
export class Queues extends LitElement {
  static override styles = [
    base,
    chartStyles,
    css`
      table { background: var(--card); }
      th, td { padding: 0.3rem 0.7rem; vertical-align: middle; }
      th { vertical-align: bottom; white-space: normal; line-height: 1.2; overflow-wrap: normal; }
      td.figure { font-size: 1.5rem; font-weight: 600; line-height: 1.25; white-space: nowrap; }
      td.small { font-size: 1.05rem; font-weight: 500; color: var(--muted); }
      td[data-tone] { color: var(--tone); }
      td[data-tone] span::before { content: "▲ "; font-size: 0.6em; vertical-align: 0.35em; }
      td.chart { min-width: 8rem; width: 17%; }
      td.chart.wide-chart { width: 25%; min-width: 10rem; }
      td.name button { font-size: 1.1rem; font-weight: 600; padding-inline: 0.5rem; margin-inline-start: -0.5rem; justify-content: start; text-align: start; overflow-wrap: anywhere; }
      td.name { overflow-wrap: normal; }
      td.name button[aria-pressed="true"] { background: none; color: var(--accent); text-decoration: underline; text-underline-offset: 0.25em; }
      tr[data-chosen] td.name { box-shadow: inset 3px 0 var(--accent); }
      .legend { font-size: 0.8rem; padding: 0.35rem 0.1rem 0; }
      .frame { padding: 0.2rem 0.3rem; }
      :host([plain]) td.figure:not(.small) { font-size: 3.4rem; line-height: 1.1; }
      :host([plain]) td.small { font-size: 2rem; }
      :host([plain]) td.name b { font-size: 1.9rem; font-weight: 600; }
      :host([plain]) svg { height: 3.4rem; }
      :host([plain]) td.chart { min-width: 6rem; width: 10%; }
      :host([plain]) td.chart.wide-chart { min-width: 9rem; width: 20%; }
      @media (max-width: 60rem) {
        :host([plain]) td.figure:not(.small), :host([plain]) td.small { font-size: 2rem; }
        table, tbody { display: block; }
        thead { display: none; }
        tr { display: grid; grid-template-columns: repeat(auto-fill, minmax(5.6rem, 1fr)); gap: 0.2rem 0.6rem; padding: 0.6rem 0.5rem; border-bottom: 1px solid var(--line); }
        tr:last-child { border-bottom: 0; }
        td { display: block; border: 0; padding: 0; }
        td.name { grid-column: 1 / -1; }
        td.chart, td.chart.wide-chart { grid-column: 1 / -1; width: auto; }
        td:not(.name)::before { content: attr(data-label); display: block; font: 500 0.75rem/1.3 inherit; font-size: 0.75rem; font-weight: 500; color: var(--muted); }
        td.figure { white-space: normal; text-align: start; }
      }
    `,
  ];

  @property({ attribute: false }) accessor store!: Store;
  @property({ attribute: false }) accessor floor!: Floor;
  /** The queue to which agents and calls are narrowed. */
  @property() accessor chosen = "";
  /** For the wall: larger figures, fewer of them, nothing to press. */
  @property({ type: Boolean, reflect: true }) accessor plain = false;

  constructor() {
    super();
    new Follow(this, () => this.store);
  }

  private choose(queue: string): void {
    this.dispatchEvent(new CustomEvent("choose", { detail: this.chosen === queue ? "" : queue }));
  }

  private figure(queue: Live, figure: Figure): unknown {
    const beyond = this.floor.alerts.has(queue.id, figure);
    return html`<td role="cell" class="number figure" data-label=${words().figures[figure]} data-figure=${figure} data-tone=${beyond ? "bad" : nothing}><span>${shown(figure, queue[figure])}</span></td>`;
  }

  private row(queue: Live): unknown {
    const { day, trend: recent } = this.floor;
    const small = (label: string, value: string) => html`<td role="cell" class="number figure small" data-label=${label}>${value}</td>`;
    return html`<tr role="row" data-queue=${queue.id} ?data-chosen=${queue.id === this.chosen}>
      <td role="rowheader" class="name">${this.plain
        ? html`<b>${queue.id}</b>`
        : html`<button type="button" class="quiet" aria-pressed=${queue.id === this.chosen} title=${words().only(queue.id)} @click=${() => this.choose(queue.id)}>${queue.id}</button>`}</td>
      ${this.figure(queue, "waiting")} ${this.figure(queue, "longest_wait_s")} ${this.figure(queue, "service_level")} ${this.figure(queue, "ready")}
      ${small(words().talking, count(queue.talking))} ${this.plain ? nothing : small(words().loggedIn, count(queue.logged_in))} ${this.figure(queue, "abandoned")}
      ${small(words().offered, count(queue.offered))} ${this.plain ? nothing : small(words().expected, queue.estimated_wait_s === null ? "–" : duration(queue.estimated_wait_s * 1000))}
      <td role="cell" class="chart" data-label=${words().trend}>${trend(queue.id, recent.of(queue.id), queue.waiting)}</td>
      <td role="cell" class="chart wide-chart" data-label=${words().day}>${dayLine(queue.id, day.slots.get(queue.id) ?? [])}</td>
    </tr>`;
  }

  protected override render(): unknown {
    const { queues } = this.floor;
    if (queues.length === 0) return html`<p class="card muted">${words().noQueues}</p>`;
    const { figures } = words();
    const most = (name: string) => (this.plain ? [] : [name]);
    const columns = [figures.waiting, figures.longest_wait_s, figures.service_level, figures.ready, words().talking, ...most(words().loggedIn), figures.abandoned, words().offered, ...most(words().expected)];
    return html`<section aria-label=${words().queues}>
      <div class="card frame">
        <table role="table" aria-label=${words().queues}>
          <thead role="rowgroup"><tr role="row">
            <th role="columnheader" scope="col">${words().queue}</th>
            ${columns.map((name) => html`<th role="columnheader" scope="col" class="number">${name}</th>`)}
            <th role="columnheader" scope="col">${words().trend}</th><th role="columnheader" scope="col">${words().day}</th>
          </tr></thead>
          <tbody role="rowgroup">${repeat(queues, (queue) => queue.id, (queue) => this.row(queue))}</tbody>
        </table>
      </div>
      <p class="muted legend">${words().heat} ${scale()}</p>
    </section>`;
  }
}
