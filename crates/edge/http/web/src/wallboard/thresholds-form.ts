import { LitElement, css, html } from "lit";
import { customElement, property, state } from "lit/decorators.js";

import { base } from "../shared/styles.js";
import type { Floor } from "./floor.js";
import { DEFAULTS, EVERY, FIGURES, type Figure, type Limits } from "./thresholds.js";
import { words } from "./words/index.js";

/** Limits of every queue and of single ones. Fires `saved`. */
@customElement("hs-thresholds")
export class ThresholdsForm extends LitElement {
  static override styles = [
    base,
    css`
      form { display: grid; gap: 0.8rem; }
      input { width: 5rem; }
      th { white-space: normal; min-width: 5.5rem; vertical-align: bottom; }
      th[scope="row"] { color: var(--ink); font-size: 0.95rem; }
      td { padding-block: 0.25rem; }
      footer { display: flex; justify-content: flex-end; gap: 0.5rem; }
    `,
  ];

  @property({ attribute: false }) accessor floor!: Floor;
  @state() private accessor round = 0;

  private readonly save = (event: SubmitEvent): void => {
    event.preventDefault();
    const table: Record<string, Limits> = {};
    for (const field of (event.target as HTMLFormElement).querySelectorAll("input")) {
      const [queue, figure] = [field.dataset.queue as string, field.name as Figure];
      if (field.value === "") continue;
      table[queue] = { ...table[queue], [figure]: figure === "service_level" ? Number(field.value) / 100 : Number(field.value) };
    }
    this.floor.thresholds.replace(table);
    this.dispatchEvent(new Event("saved"));
  };

  private readonly reset = (): void => {
    this.floor.thresholds.replace({ ...DEFAULTS });
    this.round += 1;
  };

  private row(queue: string): unknown {
    const limits = this.floor.thresholds.own(queue) ?? {};
    const value = (figure: Figure) => {
      const limit = limits[figure];
      return limit === undefined ? "" : String(figure === "service_level" ? Math.round(limit * 100) : limit);
    };
    const name = queue === EVERY ? words().every : queue;
    return html`<tr><th scope="row">${name}</th>${FIGURES.map((figure) => html`<td>
      <input type="number" min=${figure === "ready" || figure === "service_level" ? 0 : 1} max=${figure === "service_level" ? 100 : 99999} name=${figure} data-queue=${queue}
        .value=${value(figure)} aria-label="${name}: ${words().limits[figure]}"></td>`)}</tr>`;
  }

  protected override render(): unknown {
    void this.round;
    const queues = [EVERY, ...this.floor.queues.map((queue) => queue.id)];
    return html`<form @submit=${this.save}>
      <p class="muted">${words().thresholdsWhy}</p>
      <div class="wide" tabindex="0" role="region" aria-label=${words().thresholds}><table>
        <thead><tr><th scope="col">${words().queue}</th>${FIGURES.map((figure) => html`<th scope="col">${words().limits[figure]}</th>`)}</tr></thead>
        <tbody>${queues.map((queue) => this.row(queue))}</tbody></table></div>
      <footer><button type="button" @click=${this.reset}>${words().reset}</button><button class="main">${words().save}</button></footer>
    </form>`;
  }
}
