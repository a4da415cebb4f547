import { type TemplateResult, css, html, svg } from "lit";

import { clock, percent } from "../shared/format.js";
import type { Slot } from "./day.js";
import { Trend } from "./trend.js";
import { words } from "./words/index.js";

/** What drawings look like; a figure of text says the same to who does not see them. */
export const chartStyles = css`
  svg { display: block; width: 100%; height: 1.9rem; overflow: visible; }
  .trend path { fill: none; stroke: var(--accent); stroke-width: 1.5; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
  .trend .area { fill: color-mix(in oklab, var(--accent) 16%, transparent); stroke: none; }
  .axis { stroke: var(--line); stroke-width: 1; vector-effect: non-scaling-stroke; }
  [data-level] { --level: var(--muted); }
  [data-level="0"] { --level: var(--bad); }
  [data-level="1"] { --level: color-mix(in oklab, var(--bad) 50%, var(--busy)); }
  [data-level="2"] { --level: var(--busy); }
  [data-level="3"] { --level: color-mix(in oklab, var(--good) 60%, var(--busy)); }
  [data-level="4"] { --level: var(--good); }
  .day rect { fill: var(--level); }
  .scale { display: inline-flex; gap: 2px; vertical-align: middle; margin-inline-start: 0.3rem; }
  .scale i { width: 0.8rem; height: 0.65rem; background: var(--level); border-radius: 2px; }
  .day .now { stroke: var(--edge); stroke-width: 1; vector-effect: non-scaling-stroke; stroke-dasharray: 2 2; }
  @media (forced-colors: active) { .trend path { stroke: CanvasText; } .day rect { fill: CanvasText; forced-color-adjust: none; } }
`;

const WIDTH = 180;
const HEIGHT = 24;

/** Callers who waited in the last half hour; the right edge is now. */
export function trend(queue: string, values: readonly number[], waiting: number): TemplateResult {
  const most = Math.max(1, ...values);
  const start = Trend.length - values.length;
  const x = (index: number) => round(((start + index) / (Trend.length - 1)) * WIDTH);
  const y = (value: number) => round(HEIGHT - 1 - (value / most) * (HEIGHT - 3));
  // One point is no line yet.
  const line = values.length < 2 ? "" : values.map((value, index) => `${index ? "L" : "M"}${x(index)} ${y(value)}`).join("");
  const area = line ? `${line}L${WIDTH} ${HEIGHT}L${x(0)} ${HEIGHT}Z` : "";
  return html`<svg class="trend" role="img" aria-label=${words().trendOf(queue, waiting, Math.max(0, ...values))}
      viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none">
    <line class="axis" x1="0" x2=${WIDTH} y1=${HEIGHT} y2=${HEIGHT}></line>
    <path class="area" d=${area}></path><path d=${line}></path>
  </svg>`;
}

const SLOTS = 96;

/** The day in quarters of an hour: how many calls, and how well they were answered. */
export function dayLine(queue: string, slots: readonly Slot[]): TemplateResult {
  const most = Math.max(1, ...slots.map((slot) => slot.offered));
  const height = (slot: Slot) => round(Math.max(3, (slot.offered / most) * (HEIGHT - 1)));
  const column = (slot: Slot, index: number) =>
    slot.offered === 0
      ? ""
      : svg`<rect x=${index + 0.08} y=${round(HEIGHT - height(slot))} width="0.84" height=${height(slot)} data-level=${level(slot.service_level)}><title>${told(slot)}</title></rect>`;
  const all = Math.max(SLOTS, slots.length);
  return html`<svg class="day" role="img" aria-label=${summary(queue, slots)} viewBox="0 0 ${all} ${HEIGHT}" preserveAspectRatio="none">
    <line class="axis" x1="0" x2=${all} y1=${HEIGHT} y2=${HEIGHT}></line>
    ${slots.map(column)}
    <line class="now" x1=${slots.length} x2=${slots.length} y1="0" y2=${HEIGHT}></line>
  </svg>`;
}

/** The colours of the day, from none answered in time to all. */
export function scale(): TemplateResult {
  return html`<span class="scale" aria-hidden="true">${[0, 1, 2, 3, 4].map((one) => html`<i data-level=${one}></i>`)}</span>`;
}

/** From none answered in time, 0, to all, 4; empty: nobody was there to be answered. */
function level(share: number | null): string {
  return share === null ? "" : String(share >= 0.95 ? 4 : share >= 0.8 ? 3 : share >= 0.5 ? 2 : share >= 0.2 ? 1 : 0);
}

function told(slot: Slot): string {
  return words().slot(clock(slot.from), slot.offered, percent(slot.service_level), slot.abandoned);
}

function summary(queue: string, slots: readonly Slot[]): string {
  const sum = (pick: (slot: Slot) => number) => slots.reduce((total, slot) => total + pick(slot), 0);
  const calls = sum((slot) => slot.offered);
  const busiest = slots.reduce<Slot | undefined>((best, slot) => (slot.offered > (best?.offered ?? 0) ? slot : best), undefined);
  if (!busiest) return words().dayNothing(queue);
  const ended = sum((slot) => (slot.service_level === null ? 0 : slot.answered + slot.abandoned));
  const inTime = sum((slot) => (slot.service_level ?? 0) * (slot.answered + slot.abandoned));
  return words().dayOf(queue, calls, clock(busiest.from), percent(ended ? inTime / ended : null));
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
