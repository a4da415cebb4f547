/** Figures of a queue that can be watched. */
export const FIGURES = ["waiting", "longest_wait_s", "service_level", "ready", "abandoned"] as const;
export type Figure = (typeof FIGURES)[number];

/** Limits of one queue; a figure that is not there is not watched. Shares are 0 to 1. */
export type Limits = Partial<Record<Figure, number>>;

/** The name under which limits of queues without a line of their own are kept; no queue can have it. */
export const EVERY = "";

const KEPT = "hookswitch.thresholds";
export const DEFAULTS: Readonly<Record<string, Limits>> = { [EVERY]: { waiting: 5, longest_wait_s: 60, service_level: 0.8 } };

/** Figures of which less is worse; of the others more is. */
const LESS_IS_WORSE: ReadonlySet<Figure> = new Set(["service_level", "ready"]);

/** Whether a value is beyond its limit. */
export function crossed(figure: Figure, value: number, limit: number): boolean {
  return LESS_IS_WORSE.has(figure) ? value < limit : value >= limit;
}

/** Limits by queue, kept in this browser. */
export class Thresholds {
  private table: Record<string, Limits> = kept();

  of(queue: string): Limits {
    return this.table[queue] ?? this.table[EVERY] ?? {};
  }

  /** The line of a queue itself; undefined: it has none. */
  own(queue: string): Limits | undefined {
    return this.table[queue];
  }

  replace(table: Record<string, Limits>): void {
    this.table = table;
    localStorage.setItem(KEPT, JSON.stringify(table));
  }
}

function kept(): Record<string, Limits> {
  try {
    const table: unknown = JSON.parse(localStorage.getItem(KEPT) ?? "null");
    if (table === null || typeof table !== "object") return { ...DEFAULTS };
    return Object.fromEntries(Object.entries(table).map(([queue, limits]) => [queue, sane(limits)]));
  } catch {
    return { ...DEFAULTS };
  }
}

/** Only what is a limit: the browser's store can be written by hand. */
function sane(limits: unknown): Limits {
  const given = Object.entries(limits ?? {}).filter(([figure, value]) => (FIGURES as readonly string[]).includes(figure) && Number.isFinite(value));
  return Object.fromEntries(given) as Limits;
}
