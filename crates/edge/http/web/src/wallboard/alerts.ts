import type { Live } from "./floor.js";
import { FIGURES, type Figure, type Limits, crossed } from "./thresholds.js";

/** A figure beyond its limit. */
export interface Alert {
  queue: string;
  figure: Figure;
  value: number;
  limit: number;
  /** When it began, in ms of the page's clock. */
  since: number;
  /** Somebody has seen it: it is listed again when it comes back. */
  seen: boolean;
}

/** What came of one look at the queues. */
export interface Look {
  raised: Alert[];
  cleared: Alert[];
}

/** What the daemon calls the figures. */
const WATCHED_THERE: Record<Live["alerts"][number]["figure"], Figure> = {
  waiting: "waiting",
  longest_wait: "longest_wait_s",
  service_level: "service_level",
  agents_ready: "ready",
  abandoned: "abandoned",
};

/** A figure that was fine for so long and then is not again is news; one that swings about its limit is not. */
const QUIET_MS = 30_000;

/** Which figures are beyond their limits: told once when they cross, and once when they are back. */
export class Alerts {
  private readonly active = new Map<string, Alert>();
  /** When an alert was over. */
  private readonly over = new Map<string, number>();

  /** Those that go on and that nobody has seen, worst queue first as they came. */
  get listed(): Alert[] {
    return [...this.active.values()].filter((alert) => !alert.seen);
  }

  /** Whether this figure is beyond its limit now. */
  has(queue: string, figure: Figure): boolean {
    return this.active.has(key(queue, figure));
  }

  /** Leaves the list until it happens again. */
  see(alert: Alert): void {
    alert.seen = true;
  }

  look(queues: Iterable<Live>, limits: (queue: string) => Limits, at: number): Look {
    const look: Look = { raised: [], cleared: [] };
    const beyond = new Set<string>();
    for (const queue of queues) {
      for (const figure of FIGURES) {
        // What the configuration watches is told by the daemon, which knows when it is over; the rest is watched here.
        const told = queue.alerts.find((alert) => WATCHED_THERE[alert.figure] === figure);
        const limit = told?.limit ?? limits(queue.id)[figure];
        const value = watched(queue, figure) ?? told?.value ?? null;
        if (value === null || limit === undefined || (!told && !crossed(figure, value, limit))) continue;
        const name = key(queue.id, figure);
        beyond.add(name);
        const known = this.active.get(name);
        if (known) {
          known.value = value;
          known.limit = limit;
          continue;
        }
        const alert: Alert = { queue: queue.id, figure, value, limit, since: at, seen: false };
        this.active.set(name, alert);
        if (at - (this.over.get(name) ?? Number.NEGATIVE_INFINITY) > QUIET_MS) look.raised.push(alert);
      }
    }
    for (const [name, alert] of this.active) {
      if (beyond.has(name)) continue;
      this.active.delete(name);
      this.over.set(name, at);
      look.cleared.push(alert);
    }
    return look;
  }
}

/** The value as it is watched; null: it says nothing now. */
function watched(queue: Live, figure: Figure): number | null {
  // At night nobody is ready, and nobody waits.
  if (figure === "ready" && queue.logged_in === 0 && queue.waiting === 0) return null;
  return queue[figure];
}

function key(queue: string, figure: Figure): string {
  return `${figure} ${queue}`;
}
