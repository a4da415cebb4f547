import { html } from "lit";
import { customElement } from "lit/decorators.js";

import { Page } from "../shared/page.js";
import "../shared/since.js";

@customElement("hs-desktop")
export class Desktop extends Page {
  protected override heading = (): string => "Desktop";
  protected override content = () => html`<p>${this.store.board.calls.size}</p>`;
}
