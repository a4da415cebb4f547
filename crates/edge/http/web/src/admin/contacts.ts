import { css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";

import type { Contact, Contacts as Page, ImportReport } from "../../sdk/hookswitch.js";
import { confirm } from "../shared/dialog.js";
import { common } from "../shared/words/index.js";
import { Section } from "./section.js";
import { words } from "./words/index.js";

const PAGE = 50;
/** Written while one types: the search waits for a pause. */
const PAUSE_MS = 250;

/** The embedded directory: search and import. */
@customElement("hs-contacts")
export class Contacts extends Section {
  static override styles = [
    ...Section.styles,
    css`
      .search { max-width: 30rem; margin-bottom: 0.6rem; }
    `,
  ];

  @state() private accessor items: Contact[] | undefined;
  @state() private accessor next: string | null = null;
  @state() private accessor report: ImportReport | undefined;
  @state() private accessor busy = false;
  private text = "";
  private timer: ReturnType<typeof setTimeout> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.read();
  }

  private async read(after: string | null = null): Promise<void> {
    const query = new URLSearchParams({ limit: String(PAGE) });
    const { text } = this;
    // What looks like a number is found however it is written.
    if (text) query.set(/^[+\d][\d\s()/.-]{3,}$/.test(text) ? "number" : "q", text);
    if (after) query.set("after", after);
    const page = await this.store.attempt(this.store.phone.request<Page>("GET", `/v1/contacts?${query}`));
    if (!page || text !== this.text) return;
    this.items = after ? [...(this.items ?? []), ...page.items] : page.items;
    this.next = page.next;
  }

  private readonly search = (event: InputEvent): void => {
    this.text = (event.target as HTMLInputElement).value.trim();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.read(), PAUSE_MS);
  };

  private readonly import = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const file = form.get("file");
    if (!(file instanceof File)) return;
    const map = String(form.get("map") ?? "").trim();
    this.busy = true;
    const body = new Blob([file], { type: "text/csv" });
    this.report = await this.store.attempt(this.store.phone.request<ImportReport>("PUT", `/v1/contacts${map ? `?${new URLSearchParams({ map })}` : ""}`, body));
    this.busy = false;
    await this.read();
  };

  private async erase(contact: Contact): Promise<void> {
    const name = contact.name ?? contact.company ?? contact.id ?? "";
    if (!(await confirm(words().askRemove(name), words().remove, "danger"))) return;
    const removed = await this.store.attempt(this.store.phone.request("DELETE", `/v1/contacts/${encodeURIComponent(contact.id ?? "")}`));
    if (!removed) return;
    this.tell(words().removed(name));
    await this.read();
  }

  private table(items: readonly Contact[]): unknown {
    if (items.length === 0) return html`<p class="muted">${common().nothingFound}</p>`;
    return html`<div class="card frame"><table>
      <thead><tr><th scope="col">${words().name}</th><th scope="col">${words().company}</th><th scope="col">${words().numbers}</th><th scope="col">${words().fields}</th><td></td></tr></thead>
      <tbody>${items.map((one) => html`<tr data-contact=${one.id}><td>${one.name ?? ""}<br><span class="muted mono">${one.id}</span></td><td>${one.company ?? ""}</td>
        <td class="mono">${(one.numbers ?? []).map((number) => html`<div>${number}</div>`)}</td>
        <td class="muted">${Object.entries(one.fields ?? {}).map(([key, value]) => `${key} ${value}`).join(" · ")}</td>
        <td class="number"><button type="button" class="quiet" aria-label=${words().askRemove(one.name ?? one.id ?? "")} @click=${() => this.erase(one)}>${words().remove}</button></td></tr>`)}</tbody>
    </table></div>`;
  }

  protected override render(): unknown {
    const { items, report } = this;
    return html`<section aria-labelledby="contacts"><h2 id="contacts">${words().sections.contacts}</h2><p class="why">${words().contactsWhy}</p>
        <label class="search">${common().search}<input type="search" name="search" placeholder=${words().find} spellcheck="false" @input=${this.search}></label>
        ${items ? html`<p class="muted" role="status">${words().found(items.length)}${this.next ? " …" : ""}</p>${this.table(items)}` : html`<p class="muted">${common().loading}</p>`}
        ${this.next ? html`<p><button type="button" @click=${() => this.read(this.next)}>${words().more}</button></p>` : nothing}</section>
      <section aria-labelledby="import"><h2 id="import">${words().import}</h2>
        <form @submit=${this.import}><p class="why">${words().importWhy}</p>
          <div class="row"><label>${words().importFile}<input type="file" name="file" accept=".csv,text/csv" required></label>
            <label>${words().mapping}<input name="map" placeholder=${words().mappingHint} spellcheck="false"></label><button class="main" ?disabled=${this.busy}>${words().import}</button></div></form>
        ${report ? this.imported(report) : nothing}</section>`;
  }

  private imported(report: ImportReport): unknown {
    return html`<p role="status" id="report">${words().imported(report.read, report.created, report.changed, report.unchanged, report.refused)}</p>
      ${report.problems.length ? html`<div class="card frame"><table><thead><tr><th scope="col" class="number">${words().line}</th><th scope="col">${words().problem}</th><th scope="col">${words().hint}</th></tr></thead>
        <tbody>${report.problems.map((one) => html`<tr><td class="number">${one.line}</td><td>${one.why}</td><td class="muted">${one.hint}</td></tr>`)}</tbody></table></div>` : nothing}`;
  }
}
