import { html } from "lit";
import { customElement } from "lit/decorators.js";

import type { Session } from "../../sdk/hookswitch.js";
import { percent } from "../shared/format.js";
import { Page } from "../shared/page.js";

/** Queues live. */
@customElement("hs-wallboard")
export class Wallboard extends Page {
  protected override heading = (): string => "Wallboard";
  protected override opensTo = ({ role }: Session): boolean => role === "supervisor" || role === "admin";

  protected override content = () => html`<ul class="stack">
    ${[...this.store.board.queues.values()].map((queue) => html`<li class="card row">
      <strong>${queue.id}</strong> <span class="figure">${queue.waiting}</span> <span class="push figure">${percent(queue.service_level)}</span>
    </li>`)}
  </ul>`;
}
