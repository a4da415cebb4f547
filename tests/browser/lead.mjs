// What the scripts of supervisors and administrators share.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { admin, assert, hands, live, pages, peers, screenshots, url } from "./common.mjs";

/** A page that is signed in and live; its complaints are kept. */
export async function open(context, path, token = admin) {
  const page = await context.newPage();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) page.complaints.push(message.text());
  });
  await page.goto(`${url}${path}#token=${token}`);
  await live(page);
  return page;
}

const axe = readFileSync(join(peers, "node_modules/axe-core/axe.min.js"), "utf8");

/** Wants axe to find nothing, and the page to be no wider than the window. The profile must have `bypassCSP`. */
export async function accessible(page, what) {
  await page.evaluate(`if (!window.axe) { ${axe} }`);
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  const found = violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.flat().join(" ")} ${node.failureSummary}`));
  assert.deepEqual(found, [], what);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(over <= 0, `${what}: ${over} px too wide`);
}

export const LOOKS = [
  { locale: "en-GB", colorScheme: "light", name: "light" },
  { locale: "de-DE", colorScheme: "dark", name: "dark" },
  { locale: "zh-CN", colorScheme: "light", name: "chinese" },
  { locale: "de-DE", colorScheme: "light", name: "narrow", viewport: { width: 320, height: 720 } },
];

/** Keeps a picture for the documentation, when it is asked for. */
export async function picture(page, name) {
  if (screenshots) await page.screenshot({ path: join(screenshots, `${name}.png`), animations: "disabled" });
}

/** How somebody works a page: as `hands`, and leaves a dialog. */
export function lead(page, hand) {
  return {
    ...hands[hand](page),
    leave: () => (hand === "keyboard" ? page.keyboard.press("Escape") : page.locator("dialog[open] button.icon").click()),
  };
}

/** Files of the library and the page for `tel:` links as they are built now: for who works on them. */
export async function fromFolder(route) {
  const { pathname } = new URL(route.request().url());
  const [, first, file] = pathname.split("/");
  const path = first === "sdk" ? join(pages, "..", file) : join(pages, first, file || "index.html");
  if (!["sdk", "dial", "assets"].includes(first) || !existsSync(path)) return route.continue();
  const headers = { "Access-Control-Allow-Origin": "*" };
  return route.fulfill({ path, headers });
}
