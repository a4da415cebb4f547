const STEP_MS = 10_000;
const STEPS = 180;
const KEPT = "hookswitch.trend";

/**
 * Callers who waited in the last half hour, by queue: the most of each ten seconds. It is kept for the life of the tab,
 * so that a reload does not begin at nothing.
 */
export class Trend {
  private readonly points = new Map<string, number[]>();
  private step = Math.floor(Date.now() / STEP_MS);

  constructor() {
    try {
      const { step, points } = JSON.parse(sessionStorage.getItem(KEPT) ?? "") as { step: number; points: [string, number[]][] };
      const gone = this.step - step;
      if (gone < 0 || gone >= STEPS) return;
      for (const [queue, values] of points) this.points.set(queue, [...values, ...Array<number>(gone).fill(values.at(-1) ?? 0)].slice(-STEPS));
    } catch {
      // Nothing is kept, or not by us: it begins anew.
    }
  }

  /** Oldest first. */
  of(queue: string): readonly number[] {
    return this.points.get(queue) ?? [];
  }

  /** Takes what is true now. */
  take(queues: Iterable<{ id: string; waiting: number }>): void {
    const step = Math.floor(Date.now() / STEP_MS);
    const moved = Math.min(step - this.step, STEPS);
    for (const { id, waiting } of queues) {
      const values = this.points.get(id) ?? [waiting];
      for (let n = 0; n < moved; n++) values.push(waiting);
      values[values.length - 1] = Math.max(values.at(-1) ?? 0, waiting);
      this.points.set(id, values.slice(-STEPS));
    }
    this.step = step;
    if (moved > 0) sessionStorage.setItem(KEPT, JSON.stringify({ step, points: [...this.points] }));
  }

  /** How many points make half an hour. */
  static readonly length = STEPS;
}
