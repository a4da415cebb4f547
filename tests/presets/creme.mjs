// Creme CRM in Chromium: the pages that pops opened, and a click on a telephone number.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

const { CREME, KNOWN, UNKNOWN, PEERS } = process.env;
const { chromium } = createRequire(`${PEERS}/pages/`)("playwright-core");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(CREME);
  await page.fill("input[name=username]", "root");
  await page.fill("input[name=password]", "tests only");
  await Promise.all([page.waitForNavigation(), page.press("input[name=password]", "Enter")]);

  // The caller is stored twice: as a person and as a company.
  await page.goto(KNOWN);
  const known = await page.innerText("body");
  const records = ["Kaya Lind", "ACME GmbH"].filter((name) => known.toLowerCase().includes(name.toLowerCase()));
  assert.match(known, /2 potential callers/i);
  console.log(`records ${records.join(", ")}`);

  // A stranger: the form for a new contact, with the number in it.
  await page.goto(UNKNOWN);
  await page.goto(new URL(await page.getAttribute("a[href*='/cti/contact/add/']", "href"), CREME).href);
  console.log(`form ${await page.inputValue("input[name=phone]")}`);

  await page.goto(`${CREME}/persons/contacts`);
  const clicked = page.waitForResponse((answer) => answer.url().includes("/click"));
  const saved = page.waitForResponse((answer) => answer.url().includes("/cti/add_phonecall"));
  await page.locator("tr", { hasText: "Outside" }).locator("[onclick*=phoneCall], [data-action*=call], a[class*=phone], .cti-phonecall").first().click();
  assert.equal((await clicked).status(), 200);
  console.log("clicked");
  assert.equal((await saved).status(), 200);
  console.log("saved");
} finally {
  await browser.close();
}
