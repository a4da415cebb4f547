import { LitElement, css, html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";

import type { Agent, Begun } from "../../sdk/hookswitch.js";
import { confirm } from "../shared/dialog.js";
import { count, duration, percent } from "../shared/format.js";
import { word } from "../shared/i18n.js";
import "../shared/since.js";
import { Follow, type Store } from "../shared/store.js";
import { base } from "../shared/styles.js";
import { AGENT_TONES, who } from "../shared/telephony.js";
import { type WhyIdle, said } from "../shared/why/index.js";
import { common } from "../shared/words/index.js";
import { words } from "./words/index.js";

const STATES = ["ready", "not_ready", "wrap_up", "logged_out"] as const;
const IN_CALL: readonly Agent["state"][] = ["reserved", "talking", "holding"];
/** Calls that wait in one queue, of which the reasons are listed. */
const MOST_WAITING = 5;

/**
 * One agent: state and figures of the day, why no call comes, another state, skills. Fires `told` with a message and
 * `call` with the call to look at, each a `CustomEvent<string>`.
 */
@customElement("hs-agent-panel")
export class AgentPanel extends LitElement {
  static override styles = [
    base,
    css`
      .stack { gap: 1.1rem; }
      p.muted { font-size: 0.88rem; }
      dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(7rem, 1fr)); gap: 0.5rem 1rem; }
      dt { font-size: 0.8rem; color: var(--muted); font-weight: 500; }
      dd { font-size: 1.05rem; font-weight: 600; font-variant-numeric: tabular-nums; }
      form.row { align-items: end; }
      form label { flex: 1 1 9rem; }
      ul.skills { display: grid; grid-template-columns: repeat(auto-fill, minmax(12rem, 1fr)); gap: 0.4rem 1rem; margin-block: 0.4rem; }
      ul.skills li { display: flex; align-items: center; gap: 0.4rem; }
      ul.skills label { display: flex; align-items: center; gap: 0.5rem; flex: 1; color: var(--ink); font-size: 0.95rem; justify-content: space-between; overflow-wrap: anywhere; }
      ul.skills input { width: 4.2rem; flex: none; }
      .idle li { padding-block: 0.15rem; }
    `,
  ];

  @property({ attribute: false }) accessor store!: Store;
  @property() accessor agent = "";
  @state() private accessor idle: WhyIdle | undefined;
  @state() private accessor figures: Agent["figures"] | undefined;
  private asked = "";

  constructor() {
    super();
    new Follow(this, () => this.store);
  }

  private get shown(): Agent | undefined {
    return this.store.board.agents.get(this.agent);
  }

  protected override willUpdate(): void {
    const agent = this.shown;
    const waiting = agent?.queues.map((queue) => this.store.board.queues.get(queue)?.waiting).join();
    const now = `${this.agent} ${agent?.state} ${agent?.since} ${waiting}`;
    if (now === this.asked) return;
    if (!this.asked.startsWith(`${this.agent} `)) this.idle = this.figures = undefined;
    this.asked = now;
    void this.read();
  }

  private async read(): Promise<void> {
    const path = `/v1/agents/${encodeURIComponent(this.agent)}`;
    const { agent: wanted } = this;
    const [idle, whole] = await Promise.all([
      this.store.attempt(this.store.phone.request<WhyIdle>("GET", `${path}/why-idle`)),
      this.store.attempt(this.store.phone.request<Agent>("GET", path)),
    ]);
    if (wanted !== this.agent) return;
    this.idle = idle ?? this.idle;
    this.figures = whole?.figures ?? this.figures;
  }

  private readonly force = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const agent = this.shown;
    if (!agent) return;
    const form = new FormData(event.target as HTMLFormElement);
    const [to, reason] = [String(form.get("state")) as (typeof STATES)[number], String(form.get("reason") ?? "").trim()];
    if (to === "logged_out" && !(await confirm(words().askLogOut(agent.name), common().agentStates.logged_out, "danger"))) return;
    const begun = await this.store.attempt(this.store.phone.state(to, reason || undefined, agent.id));
    if (begun) this.tell(words().changed(agent.name, word(common().agentStates, to)));
  };

  private readonly saveSkills = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const agent = this.shown;
    if (!agent) return;
    const form = event.target as HTMLFormElement;
    const changed: Record<string, number | null> = {};
    for (const field of form.querySelectorAll<HTMLInputElement>("input[data-skill]")) {
      const level = field.value === "" ? null : Number(field.value);
      if (level !== agent.skills[field.dataset.skill as string]) changed[field.dataset.skill as string] = level;
    }
    const [name, level] = ["skill", "level"].map((field) => form.elements.namedItem(field) as HTMLInputElement) as [HTMLInputElement, HTMLInputElement];
    if (name.value.trim() && level.value) changed[name.value.trim()] = Number(level.value);
    if (Object.keys(changed).length === 0) return;
    const begun = await this.store.attempt(this.store.phone.request<Begun>("PATCH", `/v1/agents/${encodeURIComponent(agent.id)}/skills`, changed));
    if (!begun) return;
    name.value = level.value = "";
    this.tell(words().skillsSaved(agent.name));
  };

  private tell(what: string): void {
    this.dispatchEvent(new CustomEvent("told", { detail: what }));
  }

  private today(): unknown {
    const work = this.figures?.today;
    if (!work) return nothing;
    const figure = (name: string, value: string) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
    return html`<section aria-labelledby="today"><h2 id="today">${words().today}</h2><dl>
      ${figure(words().handled, count(work.handled))} ${figure(words().occupancy, percent(work.occupancy))} ${figure(words().talkTime, duration(work.talking_ms))}
      ${figure(words().wrapTime, duration(work.wrap_up_ms))} ${figure(words().pauseTime, duration(work.not_ready_ms))}</dl></section>`;
  }

  private whyIdle(agent: Agent): unknown {
    const { idle } = this;
    if (!idle) return nothing;
    const waiting = idle.queues.filter((queue) => queue.calls.length > 0);
    const name = (id: string) => {
      const call = this.store.board.calls.get(id);
      return call ? who(call) : id;
    };
    return html`<section aria-labelledby="idle"><h2 id="idle">${words().whyIdle}</h2>
      <p id="available">${idle.unavailable ? said(idle.unavailable) : words().availableNow}</p>
      ${waiting.length === 0 && !IN_CALL.includes(agent.state) ? html`<p class="muted">${words().nothingWaits}</p>` : nothing}
      ${waiting.map((queue) => html`<h3>${queue.queue}</h3><ul class="idle">${queue.calls.slice(0, MOST_WAITING).map(({ call, why_not }) => html`<li>
        <button type="button" class="quiet" @click=${() => this.look(call)}>${name(call)}</button> <span class="muted">${why_not ? said(why_not) : words().nextInTurn}</span></li>`)}</ul>`)}
    </section>`;
  }

  private look(call: string): void {
    this.dispatchEvent(new CustomEvent("call", { detail: call }));
  }

  protected override render(): unknown {
    const agent = this.shown;
    if (!agent) return html`<p class="muted">${common().nothingFound}</p>`;
    const calls = agent.calls.map((id) => this.store.board.calls.get(id)).filter((call) => call !== undefined);
    const skills = Object.entries(agent.skills).sort(([a], [b]) => a.localeCompare(b));
    return html`<div class="stack">
      <p class="row"><span id="state" class="pill dot" data-tone=${AGENT_TONES[agent.state]}>${word(common().agentStates, agent.state)}</span> <hs-since .since=${agent.since}></hs-since>
        ${agent.reason ? html`<span class="muted">${word(common().reasons, agent.reason)}</span>` : nothing}
        ${agent.next ? html`<span class="muted">→ ${word(common().agentStates, agent.next.state)}</span>` : nothing}
        <span class="muted push mono">${agent.devices.map(({ address, state }) => `${address} ${word(common().deviceStates, state)}`).join(", ")}</span></p>
      ${calls.length ? html`<p class="row">${calls.map((call) => html`<button type="button" @click=${() => this.look(call.id)}>${words().openCall(who(call))}</button>`)}</p>` : nothing}
      ${this.today()}
      <section aria-labelledby="force"><h2 id="force">${words().force}</h2>
        <form class="row" @submit=${this.force}>
          <label>${words().to}<select name="state">${STATES.map((one) => html`<option value=${one}>${word(common().agentStates, one)}</option>`)}</select></label>
          <label>${words().reason}<input name="reason" maxlength="120" autocomplete="off"></label>
          <button class="main">${words().change}</button>
        </form>
        ${IN_CALL.includes(agent.state) ? html`<p class="muted">${words().remembered}</p>` : nothing}</section>
      ${this.whyIdle(agent)}
      <section aria-labelledby="skills"><h2 id="skills">${words().skills}</h2>
        <form @submit=${this.saveSkills}>
          ${skills.length ? nothing : html`<p class="muted">${words().noSkills}</p>`}
          <ul class="skills">${skills.map(([skill, level]) => html`<li><label>${skill}
            <input type="number" min="1" max="10" data-skill=${skill} .value=${String(level)} aria-label=${words().levelOf(skill)}></label>
            <button type="button" class="quiet icon" aria-label=${words().removeSkill(skill)} @click=${this.clear}>✕</button></li>`)}</ul>
          <div class="row"><label>${words().addSkill}<input name="skill" autocomplete="off" spellcheck="false"></label>
            <label>${words().level}<input name="level" type="number" min="1" max="10"></label><button>${words().save}</button></div>
          <p class="muted">${words().skillsWhy}</p>
        </form></section>
    </div>`;
  }

  private readonly clear = (event: Event): void => {
    const field = (event.currentTarget as HTMLElement).parentElement?.querySelector("input");
    if (field) field.value = "";
    field?.focus();
  };
}
