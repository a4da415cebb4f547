/**
 * Languages. A page's words are one table a language; the English one gives the type, so that a key that is missing or
 * takes other parameters elsewhere does not build:
 *
 * ```ts
 * // words/en.ts
 * export const en = { ring: "Incoming call", waited: (time: string) => `waited ${time}` };
 * export type Words = typeof en;
 * // words/de.ts
 * export const de: Words = { ring: "Anruf", waited: (time) => `wartete ${time}` };
 * // words/index.ts
 * export const words = speak({ en, de, "zh-CN": zh });
 * // anywhere: words().ring
 * ```
 */

export const LOCALES = ["en", "de", "zh-CN"] as const;
export type Locale = (typeof LOCALES)[number];

/** What the languages call themselves. */
export const LOCALE_NAMES: Record<Locale, string> = { en: "English", de: "Deutsch", "zh-CN": "简体中文" };

const KEPT = "hookswitch.locale";
const changed = new EventTarget();
let current: Locale = chosen();

/** The language in use. */
export function locale(): Locale {
  return current;
}

/** Changes the language, for this browser. */
export function setLocale(locale: Locale): void {
  current = locale;
  localStorage.setItem(KEPT, locale);
  document.documentElement.lang = locale;
  changed.dispatchEvent(new Event("change"));
}

/** Calls back when the language changes. */
export function onLocale(handler: () => void): () => void {
  changed.addEventListener("change", handler);
  return () => changed.removeEventListener("change", handler);
}

/** A table of words in every language; the result answers in the one in use. */
export function speak<W>(tables: Record<Locale, W>): () => W {
  return () => tables[current];
}

/** Words for codes of the API: one that is not known is shown as it is, so that a newer daemon stays readable. */
export function word(table: Readonly<Record<string, string>>, code: string): string {
  return Object.hasOwn(table, code) ? (table[code] as string) : code.replaceAll("_", " ");
}

function chosen(): Locale {
  const kept = localStorage.getItem(KEPT);
  const wanted = [...(kept ? [kept] : []), ...navigator.languages];
  const found = wanted.map((tag) => LOCALES.find((one) => one.split("-")[0] === tag.split("-")[0])).find(Boolean) ?? "en";
  document.documentElement.lang = found;
  return found;
}
