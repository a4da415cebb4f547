// What scripts look for that want a page to be readable by everybody.

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { peers } from "./common.mjs";

export const axe = readFileSync(join(peers, "node_modules/axe-core/axe.min.js"), "utf8");

/** What axe finds, with where it is. */
export async function violations(page) {
  await page.evaluate(`if (!window.axe) { ${axe} }`);
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.flat().join(" ")} ${node.failureSummary}`));
}

/** Runs in the page: what reaches over its side, where the page as a whole does. */
export function tooWide() {
  if (document.documentElement.scrollWidth <= innerWidth) return [];
  const roots = [document.body];
  const found = [];
  for (const root of roots) {
    for (const element of root.querySelectorAll("*")) {
      if (element.shadowRoot) roots.push(element.shadowRoot);
      if (element.getBoundingClientRect().right > innerWidth) found.push(`${element.localName}.${element.className}`);
    }
  }
  return found;
}
