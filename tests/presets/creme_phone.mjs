// <hookswitch-phone> in Creme CRM: one script tag, and the numbers of its list are called by a click; the call shows with
// its buttons in Creme's page. Creme's own click-to-dial leads nowhere here.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

const { CREME, DAEMON, TOKEN, PEERS } = process.env;
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
  await page.goto(`${CREME}/persons/contacts`);

  // What one would put into Creme's base template.
  await page.evaluate(([token, source]) => {
    window.told = [];
    addEventListener("hookswitch", ({ detail }) => window.told.push(detail.type));
    const phone = document.createElement("hookswitch-phone");
    phone.setAttribute("token", token);
    phone.setAttribute("numbers", "td:has(.cti-phonecall)");
    document.body.append(phone);
    const script = document.createElement("script");
    script.type = "module";
    script.src = source;
    document.body.append(script);
  }, [TOKEN, `${DAEMON}/sdk/hookswitch.js`]);
  const told = (type) => page.waitForFunction((type) => window.told.includes(type), type);
  await told("ready");

  await page.locator("tr", { hasText: "Outside" }).locator("td:has(.cti-phonecall)").first().click();
  await told("outgoing");
  console.log("clicked");
  const bar = page.locator("hookswitch-phone .call");
  await page.locator("hookswitch-phone .call[data-state=connected]").waitFor();
  assert.match(await bar.innerText(), /\+493012345/);
  console.log("talks");
  await page.locator("hookswitch-phone [data-action=hangup]").click();
  await told("ended");
  await bar.waitFor({ state: "detached" });
  console.log("over");
} finally {
  await browser.close();
}
