/**
 * The daemon's clock as seen from here. A computer that is minutes wrong would show a caller who waits for minus two
 * minutes; every event carries its time, and the least difference to its arrival is how wrong this clock is.
 */
let behind = Number.POSITIVE_INFINITY;

/** Learns from an event that has just arrived. */
export function heard(time: string): void {
  const difference = Date.now() - Date.parse(time);
  if (difference < behind) behind = difference;
}

/** Now, by the daemon's clock. */
export function now(): number {
  return Date.now() - (Number.isFinite(behind) ? behind : 0);
}

const ticks = new Set<() => void>();

/** Calls back once a second, all at the same moment; one timer for the page. */
export function everySecond(tick: () => void): () => void {
  if (ticks.size === 0) start();
  ticks.add(tick);
  return () => void ticks.delete(tick);
}

function start(): void {
  const timer = setInterval(() => {
    for (const tick of ticks) tick();
    if (ticks.size === 0) clearInterval(timer);
  }, 1_000);
}
