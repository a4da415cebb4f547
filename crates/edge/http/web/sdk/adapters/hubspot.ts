/**
 * `/sdk/hubspot.js`: the element as a calling app of HubSpot, by its Calling Extensions SDK (0.9):
 *
 * ```js
 * import CallingExtensions from "@hubspot/calling-extensions-sdk";
 * import { hubspot } from "https://hookswitch.example.com/sdk/hubspot.js";
 * hubspot(document.querySelector("hookswitch-phone"), CallingExtensions);
 * ```
 */

import type { Call, Ledger } from "../contract.js";
import type { HookswitchPhone } from "../phone/element.js";
import { listen } from "./host.js";

/** What is used of HubSpot's class. */
export interface CallingExtensions {
  initialized(state: { isLoggedIn: boolean }): void;
  userLoggedIn(): void;
  userLoggedOut(): void;
  incomingCall(call: object): void;
  outgoingCall(call: object): void;
  callAnswered(call: object): void;
  callTransferred(call: object): void;
  callEnded(call: object): void;
  callCompleted(call: object): void;
  sendError(error: { message: string }): void;
}

type Constructor = new (options: { debugMode: boolean; eventHandlers: Record<string, (data: never) => void> }) => CallingExtensions;

/** How a call ended, in HubSpot's words. */
const ENDINGS: Readonly<Record<Ledger["disposition"], string>> = {
  answered: "COMPLETED",
  abandoned: "CANCELED",
  missed: "MISSED",
  busy: "BUSY",
  rejected: "REJECTED",
  failed: "FAILED",
  merged: "COMPLETED",
  lost: "FAILED",
  callback: "CANCELED",
};

export function hubspot(phone: HookswitchPhone, Extensions: Constructor): CallingExtensions {
  /** HubSpot's ids of its records of calls, by ours. */
  const engagements = new Map<string, number>();
  const engaged = ({ externalCallId, engagementId }: { externalCallId?: string; engagementId?: number }) => {
    if (externalCallId && engagementId !== undefined) engagements.set(externalCallId, engagementId);
  };
  const host = new Extensions({
    debugMode: false,
    eventHandlers: {
      onReady: () => host.initialized({ isLoggedIn: phone.phone?.session !== undefined }),
      onDialNumber: (data: { phone_number?: string; phoneNumber?: string }) => void phone.dial(data.phone_number ?? data.phoneNumber ?? ""),
      onEndCall: () => phone.calls.forEach((call) => void phone.hangup(call.id)),
      onCreateEngagementSucceeded: engaged,
      onCallerIdMatchSucceeded: () => {},
      onCallerIdMatchFailed: () => {},
      onVisibilityChanged: () => {},
      defaultEventHandler: () => {},
    },
  });
  listen(phone, (told) => {
    switch (told.type) {
      case "ready":
        host.userLoggedIn();
        break;
      case "signed-out":
        host.userLoggedOut();
        break;
      case "incoming":
        host.incomingCall(begun(told.call));
        break;
      case "outgoing":
        host.outgoingCall(begun(told.call));
        break;
      case "answered":
        host.callAnswered({ externalCallId: told.call.id });
        break;
      case "transferred":
        host.callTransferred({ externalCallId: told.call.id });
        break;
      case "missed":
        ended(told.call.id, "MISSED");
        break;
      case "ended":
        ended(told.call.id, ENDINGS[told.ledger.disposition], told.ledger);
        break;
      case "refused":
        host.sendError({ message: told.detail });
        break;
    }
  });

  function ended(externalCallId: string, callEndStatus: string, ledger?: Ledger): void {
    const engagementId = engagements.get(externalCallId);
    engagements.delete(externalCallId);
    const engagement = engagementId === undefined ? {} : { engagementId };
    host.callEnded({ externalCallId, callEndStatus, ...engagement });
    const properties = ledger && { hs_call_duration: String(ledger.talk_ms), hs_call_body: ledger.wrap_up?.notes ?? "" };
    host.callCompleted({ externalCallId, hideWidget: false, ...engagement, ...(properties && { engagementProperties: properties }) });
  }

  return host;
}

function begun(call: Call): object {
  const [fromNumber, toNumber] = [call.ani.e164 ?? call.ani.raw, call.dnis.e164 ?? call.dnis.raw];
  return { externalCallId: call.id, fromNumber, toNumber, callStartTime: Date.parse(call.started_at), createEngagement: true };
}
