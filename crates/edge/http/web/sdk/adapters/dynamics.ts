/**
 * `/sdk/dynamics.js`: the element in Dynamics 365, by the Channel Integration Framework 2.0. The page that is the channel
 * provider's URL loads Microsoft's `msdyn_ciLibrary.js` before it:
 *
 * ```js
 * import { dynamics } from "https://hookswitch.example.com/sdk/dynamics.js";
 * addEventListener("CIFInitDone", () => dynamics(document.querySelector("hookswitch-phone"), Microsoft.CIFramework));
 * ```
 */

import type { HookswitchPhone } from "../phone/element.js";
import { listen } from "./host.js";

/** What is used of `Microsoft.CIFramework`. */
export interface ChannelIntegration {
  addHandler(event: "onclicktoact", handler: (data: string) => Promise<void>): void;
  setClickToAct(on: boolean): Promise<unknown>;
  /** 0: collapsed, 1: docked. */
  setMode(mode: 0 | 1): Promise<unknown>;
  searchAndOpenRecords(entity: string, query: string, searchOnly: boolean): Promise<unknown>;
}

export function dynamics(phone: HookswitchPhone, cif: ChannelIntegration): void {
  cif.addHandler("onclicktoact", async (data) => {
    const { value } = JSON.parse(data) as { value?: string };
    if (value) await phone.dial(value);
  });
  listen(phone, (told) => {
    switch (told.type) {
      case "ready":
        void cif.setClickToAct(true);
        break;
      case "away":
      case "signed-out":
        void cif.setClickToAct(false);
        break;
      case "incoming": {
        void cif.setMode(1);
        const number = told.call.ani.e164 ?? told.call.ani.raw;
        // One quote ends a text of OData, two stand for it.
        const text = encodeURIComponent(number.replaceAll("'", "''"));
        if (number) void cif.searchAndOpenRecords("contact", `?$select=fullname,telephone1&$filter=telephone1 eq '${text}'&$search=${text}`, false);
        break;
      }
      case "outgoing":
        void cif.setMode(1);
        break;
    }
  });
}
