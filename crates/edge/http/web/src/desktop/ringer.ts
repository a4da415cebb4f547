import type { Call, Event } from "../../sdk/hookswitch.js";
import { announce } from "../shared/announce.js";
import type { Store } from "../shared/store.js";
import { comesIn, legOf, number, who } from "../shared/telephony.js";
import { words } from "./words/index.js";

const KEPT = "hookswitch.notifications";

/** Whether calls are told by the system, too. */
export function notifies(): boolean {
  return "Notification" in window && Notification.permission === "granted" && localStorage.getItem(KEPT) === "on";
}

/** Turns it on, where the browser and its owner let us; answers what it is then. */
export async function setNotifies(on: boolean): Promise<boolean> {
  if (on && "Notification" in window && (await Notification.requestPermission()) === "granted") localStorage.setItem(KEPT, "on");
  else localStorage.removeItem(KEPT);
  return notifies();
}

/** Makes a ring seen and heard wherever the agent looks: title of the page, a notification, a screen reader. */
export class Ringer {
  private readonly shown = new Map<string, Notification>();
  /** By call: what was said of it while it rings. */
  private readonly said = new Map<string, string>();

  constructor(
    private readonly store: Store,
    private readonly opened: (call: string) => void,
  ) {
    store.follow(() => this.title());
  }

  take(event: Event, agent: string): void {
    if (event.type === "call.offered" && event.data.offer.agent === agent) this.rings(event.data.call);
    // Who it is was found out after it began to ring.
    if (event.type === "call.identified" && legOf(event.data.call, agent)?.state === "ringing") this.rings(event.data.call);
    if (event.type === "call.offer_ended" && event.data.offer.agent === agent) this.ends(event.data.call);
    if (event.type === "call.ended") this.ends(event.data.call);
  }

  private rings(call: Call): void {
    this.title();
    const sentence = words().ringing(who(call), call.queue ?? "");
    if (!comesIn(call) || this.said.get(call.id) === sentence) return;
    this.said.set(call.id, sentence);
    announce(sentence, true);
    if (!notifies()) return;
    // The same tag in every tab: the system shows one.
    const note = new Notification(sentence, { body: number(call), tag: call.id, requireInteraction: true });
    note.onclick = () => {
      window.focus();
      this.opened(call.id);
      note.close();
    };
    this.shown.set(call.id, note);
  }

  private ends(call: Call): void {
    this.said.delete(call.id);
    this.shown.get(call.id)?.close();
    this.shown.delete(call.id);
    this.title();
  }

  /** The title says who rings, else what the page is. */
  private title(): void {
    const { agent } = this.store;
    const rings = (call: Call) => comesIn(call) && agent !== null && legOf(call, agent)?.state === "ringing";
    const call = this.store.ready && agent ? this.store.board.callsOf(agent).find(rings) : undefined;
    const title = call ? `☎ ${words().ringing(who(call), call.queue ?? "")}` : `${words().heading} · Hookswitch`;
    if (document.title !== title) document.title = title;
  }
}
