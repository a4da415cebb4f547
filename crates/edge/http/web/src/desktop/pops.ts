import { type Call, type Pop, Refused } from "../../sdk/hookswitch.js";
import { now } from "../shared/clock.js";
import type { Store } from "../shared/store.js";
import { safe } from "../shared/telephony.js";

/** How a record opens: a tab of its own (used again for the next), beside the calls, or when it is asked for. */
export const MODES = ["tab", "frame", "ask"] as const;
export type Mode = (typeof MODES)[number];

/** What became of a pop on this page. */
export type Shown = "here" | "elsewhere" | "blocked" | "waiting";

/** A record that belongs to a call. */
export interface CustomerRecord {
  pop: Pop;
  url: URL;
  shown: Shown;
}

const KEPT_MODE = "hookswitch.pop-mode";
const KEPT_RECORDS = "hookswitch.records";
const HIDDEN_TAB_WAITS_MS = 300;
const WINDOW = "hookswitch-record";
/** Records that can be opened again: of live calls and of those that were just wrapped up. */
const MOST = 12;

/**
 * Records of customers: of all tabs and devices of an agent exactly one shows each pop by itself, the one whose claim the
 * daemon took. Where a record can be found again is kept for the life of the tab, so that a reload shows the button and
 * opens nothing.
 */
export class Pops {
  /** What stands in the frame. */
  framed: { call: string; url: URL } | undefined;
  private readonly records = new Map<string, CustomerRecord>();
  /** This page, for the claim. A tab that is duplicated is another one. */
  private readonly client = `desktop-${crypto.randomUUID().slice(0, 8)}`;

  constructor(private readonly store: Store) {
    for (const { pop, call } of kept()) {
      const url = safe(pop.url);
      if (url) this.records.set(call, { pop, url, shown: "here" });
    }
  }

  get mode(): Mode {
    const mode = localStorage.getItem(KEPT_MODE);
    return MODES.find((one) => one === mode) ?? "tab";
  }

  set mode(mode: Mode) {
    localStorage.setItem(KEPT_MODE, mode);
    if (mode !== "frame") this.framed = undefined;
    this.store.changed();
  }

  /** The record of a call, once a pop has named it. */
  of(call: string): CustomerRecord | undefined {
    return this.records.get(call);
  }

  /** A pop came for the agent of this page. While nobody is known yet it has no address. */
  async arrive(pop: Pop, call: Call): Promise<void> {
    const url = safe(pop.url);
    if (!url) return;
    const record: CustomerRecord = { pop, url, shown: "waiting" };
    this.records.set(call.id, record);
    for (const old of [...this.records.keys()].slice(0, -MOST)) this.records.delete(old);
    this.keep();
    if (Date.parse(pop.expires_at) < now() || this.mode === "ask") return;
    // The tab that is looked at goes first.
    if (document.hidden) await new Promise((done) => setTimeout(done, HIDDEN_TAB_WAITS_MS));
    record.shown = (await this.claim(pop)) ? (this.show(call.id, url) ? "here" : "blocked") : "elsewhere";
    if (record.shown === "here") this.tellShown(pop);
    this.store.changed();
  }

  /** The agent asks for the record, however old the pop is and wherever it was shown. */
  again(call: string): boolean {
    const record = this.records.get(call);
    if (!record || !this.show(call, record.url)) return false;
    if (record.shown !== "here") this.tellShown(record.pop);
    record.shown = "here";
    this.store.changed();
    return true;
  }

  /** Opens any record: that of a candidate. */
  open(call: string, url: URL): void {
    this.show(call, url);
    this.store.changed();
  }

  closeFrame(): void {
    this.framed = undefined;
    this.store.changed();
  }

  private async claim(pop: Pop): Promise<boolean> {
    try {
      await this.store.phone.request("POST", `/v1/pops/${pop.id}/claim`, { client: this.client });
      return true;
    } catch (error) {
      if (error instanceof Refused) return false;
      throw error;
    }
  }

  private tellShown(pop: Pop): void {
    // It is measured, not needed: a claim of another client makes it void.
    this.store.phone.request("POST", `/v1/pops/${pop.id}/shown`, { client: this.client }).catch(() => {});
  }

  private show(call: string, url: URL): boolean {
    if (this.mode === "frame") {
      this.framed = { call, url };
      return true;
    }
    // The tab keeps its opener: without it the next record could not open in the same one.
    return window.open(url, WINDOW) !== null;
  }

  private keep(): void {
    const records = [...this.records].map(([call, { pop }]) => ({ call, pop }));
    sessionStorage.setItem(KEPT_RECORDS, JSON.stringify(records));
  }
}

function kept(): { pop: Pop; call: string }[] {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT_RECORDS) ?? "[]") as { pop: Pop; call: string }[];
  } catch {
    return [];
  }
}
