import { locale } from "./i18n.js";

/** A duration as `m:ss` or `h:mm:ss`; never negative. */
export function duration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

/** The time of day here: `19:04`, or with seconds. */
export function clock(time: string | number, seconds = false): string {
  const precision: Intl.DateTimeFormatOptions = seconds ? { second: "2-digit" } : {};
  return formatter({ hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...precision }).format(new Date(time));
}

/** `19:04` of today, `21 Nov, 19:04` of any other day. */
export function moment(time: string | number): string {
  const at = new Date(time);
  if (at.toDateString() === new Date().toDateString()) return clock(time);
  return formatter({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(at);
}

/** `93 %` in the way of the language; a dash where there is nothing to tell yet. */
export function percent(share: number | null): string {
  return share === null ? "–" : new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 0 }).format(share);
}

/** `1,204` in the way of the language. */
export function count(value: number): string {
  return new Intl.NumberFormat(locale()).format(value);
}

const kept = new Map<string, Intl.DateTimeFormat>();

/** Making one is slow, and times are drawn each second. */
function formatter(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale() + JSON.stringify(options);
  const found = kept.get(key) ?? new Intl.DateTimeFormat(locale(), options);
  kept.set(key, found);
  return found;
}
