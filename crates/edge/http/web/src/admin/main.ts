import { html } from "lit";
import { customElement } from "lit/decorators.js";

import type { Session } from "../../sdk/hookswitch.js";
import { Page } from "../shared/page.js";

/** Links to PBXs. */
@customElement("hs-admin")
export class Admin extends Page {
  protected override heading = (): string => "Administration";
  protected override opensTo = ({ role }: Session): boolean => role === "admin";

  protected override content = () => html`<ul class="stack">
    ${[...this.store.board.links.values()].map((link) => html`<li class="card row">
      <strong>${link.pbx}</strong> <span class="push">${link.state}</span>
    </li>`)}
  </ul>`;
}
