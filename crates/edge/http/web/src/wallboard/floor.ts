import type { Agent, Call, Queue } from "../../sdk/hookswitch.js";
import { announce } from "../shared/announce.js";
import { now } from "../shared/clock.js";
import { count, duration, percent } from "../shared/format.js";
import type { Store } from "../shared/store.js";
import { type Alert, Alerts } from "./alerts.js";
import { chime } from "./chime.js";
import { Day } from "./day.js";
import { type Figure, Thresholds } from "./thresholds.js";
import { Trend } from "./trend.js";
import { words } from "./words/index.js";

/** A queue as it is this second: its figures, with the longest wait counted on between two events. */
export type Live = Queue;

/** The states of agents in the order in which a supervisor looks for them. */
export const AGENT_ORDER: readonly Agent["state"][] = ["reserved", "talking", "holding", "wrap_up", "ready", "not_ready", "logged_out"];

/** Everything the wallboard shows beside the board itself: live figures, what is beyond its limit, the day. */
export class Floor {
  readonly thresholds = new Thresholds();
  readonly alerts = new Alerts();
  readonly day: Day;
  readonly trend = new Trend();

  constructor(private readonly store: Store) {
    this.day = new Day(store);
  }

  /** By name. */
  get queues(): Live[] {
    const oldest = new Map<string, number>();
    for (const call of this.store.board.calls.values()) {
      if (!waits(call) || call.queue === null || call.queued_at === null) continue;
      oldest.set(call.queue, Math.min(oldest.get(call.queue) ?? Infinity, Date.parse(call.queued_at)));
    }
    const longest = (queue: Queue) => Math.max(0, Math.floor((now() - (oldest.get(queue.id) ?? now())) / 1000));
    const live = [...this.store.board.queues.values()].map((queue) => ({ ...queue, longest_wait_s: longest(queue) }));
    return live.sort((a, b) => a.id.localeCompare(b.id));
  }

  /** Once a second: what has become of the limits is shown, said and heard. */
  tick(): void {
    if (!this.store.ready || this.store.connection !== "live") return;
    const { queues } = this;
    this.trend.take(queues);
    const { raised, cleared } = this.alerts.look(queues, (queue) => this.thresholds.of(queue), Date.now());
    for (const alert of raised) announce(sentence(alert), true);
    for (const { queue, figure } of cleared) announce(words().cleared(queue, words().figures[figure]));
    if (raised.length) chime();
    void this.day.refresh(Date.now());
    if (raised.length || cleared.length) this.store.changed();
  }
}

/** Whether a call waits in a queue, also while an agent is rung for it. */
export function waits(call: Call): boolean {
  return (call.state === "queued" || call.state === "offered") && call.queue !== null;
}

/** A figure as people read it. */
export function shown(figure: Figure, value: number | null): string {
  if (value === null) return "–";
  if (figure === "longest_wait_s") return duration(value * 1000);
  return figure === "service_level" ? percent(value) : count(value);
}

/** An alert in one sentence. */
export function sentence({ queue, figure, value, limit }: Alert): string {
  return words().alert(queue, words().figures[figure], shown(figure, value), shown(figure, limit));
}
