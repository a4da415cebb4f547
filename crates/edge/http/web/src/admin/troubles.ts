import { html, nothing } from "lit";

import { Refused } from "../../sdk/hookswitch.js";
import { words } from "./words/index.js";

/** What is wrong with a configuration, as `422` tells it. */
export interface Trouble {
  severity: string;
  file: string;
  line: number;
  column: number;
  key: string;
  message: string;
  hint: string;
}

/** What is wrong with the configuration that a request was refused for, if it was that. */
export function troublesOf(error: unknown): Trouble[] | undefined {
  return error instanceof Refused ? (error.problem as { problems?: Trouble[] } | undefined)?.problems : undefined;
}

/** Problems at their places, each with what to do. */
export function listed(troubles: readonly Trouble[], heading: string, role = "alert"): unknown {
  return html`<div class="result" id="result" tabindex="-1"><h3 role=${role || nothing}>${heading}</h3>
    <div class="card frame"><table>
      <thead><tr><th scope="col">${words().place}</th><th scope="col">${words().problem}</th><th scope="col">${words().hint}</th></tr></thead>
      <tbody>${troubles.map((one) => html`<tr data-key=${one.key}><td class="mono place">${one.file}:${one.line}:${one.column}</td>
        <td>${one.key ? html`<span class="mono">${one.key}</span> ` : nothing}${one.message}</td><td class="muted">${one.hint}</td></tr>`)}</tbody>
    </table></div></div>`;
}
