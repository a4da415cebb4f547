import { css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";

import type { Applied, Plan, Useless, Versions } from "../../sdk/hookswitch.js";
import { confirm } from "../shared/dialog.js";
import { moment } from "../shared/format.js";
import { word } from "../shared/i18n.js";
import { common } from "../shared/words/index.js";
import { Section } from "./section.js";
import { type Trouble, listed, troublesOf } from "./troubles.js";
import { words } from "./words/index.js";

type Files = Record<string, string>;

/** Versions, and the way to another: plan, look, apply; or back. */
@customElement("hs-configuration")
export class Configuration extends Section {
  static override styles = [
    ...Section.styles,
    css`
      textarea { font: 0.88rem/1.5 var(--mono); min-height: 16rem; white-space: pre; overflow-wrap: normal; overflow-x: auto; tab-size: 2; }
      .kind { font-weight: 600; white-space: nowrap; }
      ins, del { text-decoration: none; font-family: var(--mono); font-size: 0.88rem; overflow-wrap: anywhere; }
      del { color: var(--bad); }
      ins { color: var(--good); }
      ul.impact { display: grid; gap: 0.3rem; }
      ul.impact li { display: flex; gap: 0.6rem; align-items: baseline; }
      .result { display: grid; gap: 0.9rem; padding-top: 0.4rem; }
      .result h3 { font-size: 0.95rem; }
      .columns { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 24rem); gap: 1.4rem; align-items: start; }
      .columns > section { margin-top: 0; }
      @media (max-width: 62rem) { .columns { grid-template-columns: minmax(0, 1fr); } }
    `,
  ];

  @state() private accessor versions: Versions | undefined;
  @state() private accessor files: Files = {};
  @state() private accessor main = "hookswitch.toml";
  @state() private accessor plan: Plan | undefined;
  @state() private accessor troubles: Trouble[] = [];
  @state() private accessor busy = false;
  /** What the plan was made of. */
  private planned = "";
  private off: (() => void) | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.readVersions();
    this.off = this.store.phone.on("config.applied", () => void this.readVersions());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.off?.();
  }

  private async readVersions(): Promise<void> {
    this.versions = (await this.store.attempt(this.store.phone.request<Versions>("GET", "/v1/config"))) ?? this.versions;
  }

  /** What is sent. */
  private get bundle(): { main: string; files: Files } {
    return { main: this.main, files: this.files };
  }

  private get current(): boolean {
    return this.plan !== undefined && this.planned === JSON.stringify(this.bundle) && this.plan.version === this.versions?.version;
  }

  private readonly choose = async (event: Event): Promise<void> => {
    const chosen = [...((event.target as HTMLInputElement).files ?? [])];
    if (chosen.length === 0) return;
    // With a folder the browser tells the path below it: `queues/a.toml` is how the main file includes it.
    const name = (file: File) => file.webkitRelativePath.split("/").slice(1).join("/") || file.name;
    this.files = Object.fromEntries(await Promise.all(chosen.map(async (file) => [name(file), await file.text()])));
    this.main = chosen.map(name).find((one) => one === "hookswitch.toml") ?? name(chosen[0] as File);
  };

  private readonly ask = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    this.busy = true;
    this.troubles = [];
    const planned = JSON.stringify(this.bundle);
    const plan = await this.told(this.store.phone.request<Plan>("POST", "/v1/config/plan", this.bundle));
    await this.readVersions();
    this.busy = false;
    this.plan = plan;
    this.planned = planned;
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>("#result")?.focus();
  };

  /** Waits for a request; problems of the configuration are listed at their places, all else is told. */
  private async told<T>(request: Promise<T>): Promise<T | undefined> {
    try {
      return await request;
    } catch (error) {
      const problems = troublesOf(error);
      if (!problems) return this.store.attempt(Promise.reject(error));
      this.troubles = problems;
      return undefined;
    }
  }

  private readonly apply = async (): Promise<void> => {
    const { plan } = this;
    if (!plan || !this.current) return;
    const leaving = plan.waiting.length;
    if (!(await confirm(words().askApply(plan.changes.length, leaving), words().apply))) return;
    this.busy = true;
    const applied = await this.told(this.store.phone.request<Applied>("POST", "/v1/config/apply", this.bundle));
    this.busy = false;
    if (!applied) return;
    this.plan = undefined;
    this.tell(words().applied(applied.version));
    await this.readVersions();
  };

  private readonly rollBack = async (): Promise<void> => {
    const { versions } = this;
    if (!versions || !(await confirm(words().askRollback(versions.version), words().rollback, "danger"))) return;
    const applied = await this.store.attempt(this.store.phone.request<Applied>("POST", "/v1/config/rollback"));
    if (!applied) return;
    this.plan = undefined;
    this.tell(words().rolledBack(applied.version));
    await this.readVersions();
  };

  private history(): unknown {
    const { versions } = this;
    if (!versions) return html`<p class="muted">${common().loading}</p>`;
    const { version: inForce, versions: all } = versions;
    return html`<div class="card frame"><table>
      <thead><tr><th scope="col" class="number">${words().version}</th><th scope="col">${words().appliedAt}</th><th scope="col">${words().by}</th></tr></thead>
      <tbody>${all.map((one) => html`<tr data-version=${one.version}><td class="number"><b>${one.version}</b></td>
        <td>${moment(one.applied_at)} ${one.version === inForce ? html`<span class="pill" data-tone="good">${words().inForce}</span>` : nothing}</td>
        <td>${one.by === "file" ? words().fromFile : one.by}${one.restores ? html` <span class="muted">${words().restores(one.restores)}</span>` : nothing}</td></tr>`)}</tbody>
    </table></div>`;
  }

  private form(): unknown {
    const names = Object.keys(this.files);
    const write = (event: InputEvent) => (this.files = { ...this.files, [this.main]: (event.target as HTMLTextAreaElement).value });
    return html`<form @submit=${this.ask}>
      <div class="row">
        <label>${words().files}<input type="file" multiple accept=".toml,text/plain,application/toml" @change=${this.choose}></label>
        ${names.length > 1 ? html`<label>${words().main}<select @change=${(event: Event) => (this.main = (event.target as HTMLSelectElement).value)}>
          ${names.map((name) => html`<option value=${name} ?selected=${name === this.main}>${name}</option>`)}</select></label>` : nothing}
      </div>
      <p class="why">${words().filesWhy}</p>
      <label>${words().text} ${this.main}<textarea name="text" spellcheck="false" required .value=${this.files[this.main] ?? ""} @input=${write}></textarea></label>
      <div class="row"><button class="main" ?disabled=${this.busy}>${words().plan}</button>
        <button type="button" id="apply" ?disabled=${this.busy || !this.current} @click=${this.apply}>${words().apply}</button>
        ${this.plan && !this.current ? html`<span class="muted" role="status">${this.plan.version === this.versions?.version ? words().edited : words().stale}</span>` : nothing}</div>
    </form>`;
  }

  private result(): unknown {
    if (this.troubles.length) return listed(this.troubles, words().problems(this.troubles.filter((one) => one.severity !== "warning").length));
    const { plan } = this;
    if (!plan) return nothing;
    const warnings = (plan.warnings ?? []) as unknown as Trouble[];
    return html`<div id="result" class="result" tabindex="-1">
      <p>${words().planned(plan.version)}</p>
      ${plan.changes.length === 0 ? html`<p>${words().nothingChanges}</p>` : this.changes(plan)}
      <section aria-labelledby="impact"><h2 id="impact">${words().impact}</h2>${this.impact(plan)}</section>
      ${warnings.length ? listed(warnings, words().warnings, "") : nothing}
    </div>`;
  }

  private changes({ changes }: Plan): unknown {
    const shown = (value: unknown) => (value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value));
    return html`<div class="card frame"><table aria-label=${words().changes}>
      <thead><tr><th scope="col">${words().what}</th><th scope="col">${words().before}</th><th scope="col">${words().after}</th><th scope="col">${words().effect}</th></tr></thead>
      <tbody>${changes.flatMap((change) => {
        const name = html`<b>${change.section}${change.id ? html` ${change.id}` : nothing}</b> <span class="kind">${word(words().kinds, String(change.kind))}</span>`;
        const takes = word(words().takes, String(change.takes));
        const rows = change.fields.length ? change.fields : [undefined];
        return rows.map((field, index) => html`<tr data-change="${change.section} ${change.id ?? ""}" data-kind=${change.kind}>
          <td>${index === 0 ? name : nothing} ${field?.key ? html`<span class="mono">${field.key}</span>` : nothing}</td>
          ${field && field.from === undefined && field.to === undefined
            ? html`<td class="muted" colspan="2">${words().hiddenValue}</td>`
            : html`<td>${field && shown(field.from) ? html`<del>${shown(field.from)}</del>` : nothing}</td><td>${field && shown(field.to) ? html`<ins>${shown(field.to)}</ins>` : nothing}</td>`}
          <td>${index === 0 ? takes : nothing}</td></tr>`);
      })}</tbody></table></div>`;
  }

  private impact({ impact, waiting }: Plan): unknown {
    const item = (useless: Useless, text: string) => html`<li data-new=${String(useless.new)}><span class="pill" data-tone=${useless.new ? "bad" : "off"}>${useless.new ? "!" : words().asBefore}</span> ${text}</li>`;
    const lines = [
      ...(impact.agents_without_queue ?? []).map((one) => item(one, words().idle(one.id))),
      ...(impact.queues_without_agent ?? []).map((one) => item(one, words().empty(one.id))),
      ...(impact.unreachable_rules ?? []).map((one) => item(one, words().unreachable(one.id, one.behind ?? "?"))),
      ...waiting.map((one) => html`<li data-waiting=${one.call ?? ""}><span class="pill" data-tone="busy">!</span>
        ${one.leaves ? words().leaves(one.call ?? "?", one.queue ?? "?") : words().rerouted(one.call ?? "?", one.queue ?? "?")}</li>`),
    ];
    return lines.length ? html`<ul class="impact">${lines}</ul>` : html`<p class="muted">${words().noImpact}</p>`;
  }

  protected override render(): unknown {
    return html`<div class="columns">
      <section aria-labelledby="next"><h2 id="next">${words().next}</h2>${this.form()} ${this.result()}</section>
      <section aria-labelledby="history"><div class="row"><h2 id="history">${words().history}</h2>
        <button type="button" class="push" id="rollback" ?disabled=${(this.versions?.versions.length ?? 0) < 2} @click=${this.rollBack}>${words().rollback}</button></div>${this.history()}</section>
    </div>`;
  }
}
