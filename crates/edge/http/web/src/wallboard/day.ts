import type { Report } from "../../sdk/hookswitch.js";
import type { Store } from "../shared/store.js";

/** A quarter of an hour of one queue, as of `/v1/reports/queues`. */
export interface Slot {
  from: string;
  to: string;
  offered: number;
  answered: number;
  abandoned: number;
  service_level: number | null;
  average_wait_s: number | null;
}

const EVERY_MS = 60_000;

/** The day so far in quarters of an hour, read again once a minute. */
export class Day {
  /** By queue, from midnight on. */
  readonly slots = new Map<string, Slot[]>();
  private read = 0;
  private reading = false;

  constructor(private readonly store: Store) {}

  /** Reads it if it is time to. */
  async refresh(at: number): Promise<void> {
    if (this.reading || !this.store.ready || at - this.read < EVERY_MS) return;
    this.reading = true;
    try {
      const report = await this.store.phone.request<Report>("GET", "/v1/reports/queues?interval=15m");
      this.take(report.items as unknown as (Slot & { queue: string | null })[]);
      this.store.changed();
    } catch {
      // The figures of before stand; the next minute tries again. What is live does not depend on it.
    } finally {
      this.read = at;
      this.reading = false;
    }
  }

  private take(rows: readonly (Slot & { queue: string | null })[]): void {
    this.slots.clear();
    for (const row of rows) {
      if (row.queue === null) continue;
      const slots = this.slots.get(row.queue) ?? [];
      slots.push(row);
      this.slots.set(row.queue, slots);
    }
  }
}
