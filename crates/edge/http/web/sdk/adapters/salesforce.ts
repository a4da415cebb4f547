/**
 * `/sdk/salesforce.js`: the element as a softphone of Salesforce, by Open CTI. The page that is the call centre's adapter
 * URL loads Salesforce's `opencti_min.js` before it:
 *
 * ```js
 * import { salesforce } from "https://hookswitch.example.com/sdk/salesforce.js";
 * salesforce(document.querySelector("hookswitch-phone"), sforce.opencti);
 * ```
 *
 * Which record opens for one match, none or many stands in the softphone layout of Salesforce.
 */

import type { Call } from "../contract.js";
import type { HookswitchPhone } from "../phone/element.js";
import { listen } from "./host.js";

/** What is used of `sforce.opencti`. */
export interface OpenCti {
  CALL_TYPE: Record<"INBOUND" | "OUTBOUND" | "INTERNAL", string>;
  enableClickToDial(options: object): void;
  disableClickToDial(options: object): void;
  onClickToDial(options: { listener: (clicked: { number: string; recordId?: string; recordName?: string }) => void }): void;
  searchAndScreenPop(options: object): void;
  setSoftphonePanelVisibility(options: { visible: boolean }): void;
  saveLog(options: { value: object; callback?: (answer: { success: boolean }) => void }): void;
}

export function salesforce(phone: HookswitchPhone, cti: OpenCti): void {
  cti.onClickToDial({
    listener: ({ number, recordId }) => void phone.dial(number, recordId ? { "salesforce.record": recordId } : undefined),
  });
  listen(phone, (told) => {
    switch (told.type) {
      case "ready":
        cti.enableClickToDial({});
        break;
      case "away":
      case "signed-out":
        cti.disableClickToDial({});
        break;
      case "incoming":
        cti.setSoftphonePanelVisibility({ visible: true });
        cti.searchAndScreenPop({ searchParams: told.call.ani.e164 ?? told.call.ani.raw, callType: cti.CALL_TYPE.INBOUND, deferred: false });
        break;
      case "outgoing":
        cti.setSoftphonePanelVisibility({ visible: true });
        break;
      case "ended": {
        const { call, ledger } = told;
        if (ledger.disposition === "merged") break;
        cti.saveLog({
          value: {
            entityApiName: "Task",
            Subject: `Call ${other(call)}`,
            Status: "Completed",
            CallType: call.direction === "outbound" ? "Outbound" : call.direction === "internal" ? "Internal" : "Inbound",
            CallDurationInSeconds: Math.round(ledger.talk_ms / 1000),
            CallObject: call.id,
            CallDisposition: ledger.wrap_up?.disposition ?? ledger.disposition,
            Description: ledger.wrap_up?.notes ?? "",
            ...(call.data["salesforce.record"] && { WhoId: call.data["salesforce.record"] }),
          },
        });
        break;
      }
    }
  });
}

function other(call: Call): string {
  return call.direction === "outbound" ? (call.dnis.e164 ?? call.dnis.raw) : (call.ani.e164 ?? call.ani.raw);
}
