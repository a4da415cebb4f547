// Explanations of the routing, drawn the same wherever they stand: of a real call, an imaginary one, an idle agent.

import { type TemplateResult, css, html, nothing } from "lit";

import { clock, duration, percent } from "../format.js";
import type { Asks, Decision, Excluded, Goes, Levels, Ranked, Reason, Routed } from "./shapes.js";
import { words } from "./words.js";

export type * from "./shapes.js";

/** Goes beside `base` in the styles of a component that draws explanations. */
export const whyStyles = css`
  .why { display: grid; gap: 0.9rem; }
  .why h3 { font-size: 0.95rem; }
  .why .facts { display: flex; flex-wrap: wrap; gap: 0.1rem 0.9rem; font-size: 0.88rem; color: var(--muted); }
  .why table { font-size: 0.9rem; width: auto; min-width: min(100%, 30rem); justify-self: start; }
  .why ol.tried { display: grid; gap: 0.1rem; font-size: 0.9rem; }
  .why .tried li { display: flex; flex-wrap: wrap; gap: 0 0.6rem; }
  .why li[data-matched="true"] b { font-weight: 650; }
  .why li[data-matched="false"] { color: var(--muted); }
  .why li[data-matched="false"] b { font-weight: 450; }
  .why .step { border-inline-start: 2px solid var(--line); padding-inline-start: 0.8rem; display: grid; gap: 0.35rem; }
`;

const wait = (ms: number): string => duration(ms);

/** A call's decisions, oldest first. */
export function decisions(all: readonly Decision[]): TemplateResult {
  return html`<div class="why">${all.map((one) => html`<section class="step" data-decision=${one.decision}>
    <p class="facts"><span class="figure">${clock(one.at, true)}</span><span>${words().version(one.config_version)}</span></p>
    ${decision(one)}
  </section>`)}</div>`;
}

function decision(one: Decision): TemplateResult {
  switch (one.decision) {
    case "routed":
      return routed(one);
    case "offered":
      return html`<h3>${words().offered(one.queue, one.attempt)}</h3>
        <p class="facts"><span>${words().step(one.step + 1, wait(one.waited_ms))}</span><span>${one.strategy}</span>${required(one.requires, one.teams)}${one.kept_for_agent ? html`<span>${words().kept}</span>` : nothing}</p>
        ${ranking(one.ranked)} ${excluded(one.excluded)}`;
    case "moved":
      return html`<h3>${words().moved(one.from, target(one.to))}</h3><p class="facts">${words().reasons[one.reason] ?? one.reason}</p>`;
    case "not_called_back":
      return html`<h3>${words().notCalledBack(one.queue)}</h3><p class="facts">${one.text}</p>`;
  }
}

/** What the rules said. */
export function routed(routed: Routed): TemplateResult {
  const { prefer, waited_for_customer: waited } = routed;
  const set = Object.entries(routed.set);
  return html`
    <h3>${routed.rule === null ? words().nowhere : html`${words().by(routed.rule)}: ${routed.to ? target(routed.to) : words().goes.fallback()}`}</h3>
    <p class="facts">
      ${routed.priority ? html`<span>${words().priority(routed.priority)}</span>` : nothing}
      ${Object.keys(routed.requires).length ? required(routed.requires, []) : nothing}
      ${prefer ? html`<span>${words().prefers(prefer.agent, wait(prefer.wait_ms))}</span>` : nothing}
      ${waited ? html`<span>${words().waitedForCustomer(wait(waited.waited_ms), waited.answered)}</span>` : nothing}
      ${set.length ? html`<span>${words().set}: ${set.map(([key, value]) => `${key} = ${value}`).join(", ")}</span>` : nothing}
    </p>
    <ol class="tried" aria-label=${words().tried}>${routed.tried.map((tried) => html`<li data-matched=${String(tried.matched)}>
      <b>${tried.matched ? "✓" : "–"} ${tried.rule}</b> <span class="muted">${tried.matched ? words().took : words().not}${tried.note ? ` · ${tried.note}` : ""}</span></li>`)}</ol>`;
}

/** Whom a queue would ask, by waiting time. */
export function asks(queue: Asks): TemplateResult {
  const { keeper } = queue;
  return html`<h3>${queue.queue} <span class="muted">${words().strategy(queue.strategy, queue.ahead)}</span></h3>
    ${keeper ? html`<p class="facts">${words().keeper(keeper.agent, wait(keeper.wait_ms), keeper.why_not ? said(keeper.why_not) : "")}</p>` : nothing}
    ${queue.steps.map((step) => html`<section class="step" data-after=${step.after_ms}>
      <h3>${words().from(wait(step.after_ms))} <span class="muted">${required(step.requires, step.teams)}</span></h3>
      ${ranking(step.ranked)} ${excluded(step.excluded)}
    </section>`)}`;
}

/** One reason, and until when it holds. */
export function said({ reason, text, until }: Reason): string {
  return [words().ways[reason] ?? text, until ? words().until(clock(until, true)) : ""].filter(Boolean).join(" ");
}

function required(levels: Levels, teams: readonly string[]): TemplateResult {
  const listed = Object.entries(levels).map(([skill, level]) => `${skill} ${level}`).join(", ");
  return html`<span>${words().asks} ${listed || words().nothing}${teams.length ? ` ${words().teams(teams.join(", "))}` : ""}</span>`;
}

function target(to: Goes): string {
  const [[kind, value] = ["fallback", true]] = Object.entries(to);
  const { goes } = words();
  return kind in goes ? goes[kind as keyof typeof goes](String(value)) : `${kind} ${String(value)}`;
}

function ranking(ranked: readonly Ranked[]): TemplateResult {
  if (ranked.length === 0) return html`<p class="muted">${words().nobody}</p>`;
  const head = [words().rank, words().agent, words().idle, words().calls, words().occupancy, words().skill];
  return html`<div class="wide" tabindex="0" role="region" aria-label=${words().rank}><table>
    <thead><tr>${head.map((name, index) => html`<th scope="col" class=${index === 1 ? "" : "number"}>${name}</th>`)}</tr></thead>
    <tbody>${ranked.map(({ agent, score, last_resort }, index) => html`<tr data-ranked=${agent}>
      <td class="number">${index + 1}</td><td>${agent}${last_resort ? html` <span class="muted">${words().lastResort}</span>` : nothing}</td>
      <td class="number">${wait(score.idle_ms)}</td><td class="number">${score.calls}</td><td class="number">${percent(score.occupancy)}</td><td class="number">${score.skill}</td>
    </tr>`)}</tbody></table></div>`;
}

function excluded(others: readonly Excluded[]): TemplateResult | typeof nothing {
  if (others.length === 0) return nothing;
  return html`<table><thead><tr><th scope="col">${words().excluded}</th><th scope="col">${words().why}</th></tr></thead>
    <tbody>${others.map((one) => html`<tr data-excluded=${one.agent}><td>${one.agent}</td><td class="muted">${said(one)}</td></tr>`)}</tbody></table>`;
}
