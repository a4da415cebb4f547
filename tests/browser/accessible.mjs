// axe finds nothing, serious or not: signed out, idle, ringing, talking, consulting, in dialogs and at wrap-up; in three
// languages, light and dark, wide and as narrow as a telephone.

import { tooWide, violations } from "./axe.mjs";
import { ask, assert, button, card, desktop, inChromium, picture, play, profile, state, url } from "./common.mjs";

const LOOKS = [
  { locale: "en-GB", colorScheme: "light", name: "light" },
  { locale: "de-DE", colorScheme: "dark", name: "dark" },
  { locale: "zh-CN", colorScheme: "light", name: "chinese" },
  { locale: "de-DE", colorScheme: "light", name: "narrow", viewport: { width: 320, height: 720 } },
];

await inChromium(async (browser) => {
  await ask("PUT", "/v1/contacts/1001", { name: "Erika Lindqvist", company: "Nordlicht Optik", numbers: ["+49305550001"], fields: { tier: "gold", city: "Berlin" } });
  await ask("PUT", "/v1/contacts/1002", { name: "Jonas Petersen", numbers: ["+49305550001"], fields: { city: "Hamburg" } });
  const pages = [];
  for (const { name, ...look } of LOOKS) {
    // Trusted types keep axe out as they keep everybody out: it is run beside the page's policy.
    const context = await profile(browser, { ...look, bypassCSP: true });
    const signedOut = await context.newPage();
    await signedOut.goto(`${url}/desktop/`);
    await signedOut.locator("form").waitFor();
    assert.deepEqual(await violations(signedOut), [], `${name}, signed out`);
    await signedOut.close();
    pages.push([name, await desktop(context)]);
  }
  const check = async (what) => {
    for (const [name, page] of pages) {
      assert.deepEqual(await violations(page), [], `${name}, ${what}`);
      // Nothing is cut off at the side, down to 320 px.
      assert.deepEqual(await page.evaluate(tooWide), [], `${name}, ${what}`);
    }
  };
  const [, first] = pages[0];
  const shots = async (what) => {
    for (const [name, page] of pages) if (["dark", "narrow"].includes(name)) await picture(page, `${what}-${name}`);
  };
  for (const [, page] of pages) await page.locator("hs-me #state").waitFor();
  await check("idle");
  await play("C dials Q2; G rings; see offered G");
  for (const [, page] of pages) await card(page).locator("h3").waitFor();
  await check("ringing");
  await button(first, "answer").click();
  await play("see answered G; G notes ticket=4711; see data; G notes ivr.main=billing; see data");
  for (const [, page] of pages) {
    await page.locator("hs-data .pill").waitFor();
    await page.locator("hs-why summary").click();
    await page.locator("hs-why li").first().waitFor();
    await button(page, "dtmf").click();
  }
  await check("talking");
  await shots("talking");
  for (const [, page] of pages) {
    await button(page, "consult").click();
    await page.locator("hs-directory [role=option]").first().waitFor();
  }
  await check("directory");
  for (const [, page] of pages) await page.keyboard.press("Escape");
  await button(first, "consult").click();
  await first.locator("hs-directory [role=option]", { hasText: "Bob Okafor" }).click();
  await play("B rings; B answers; see answered B");
  for (const [, page] of pages) await button(page, "consult/complete").waitFor();
  await check("consulting");
  await button(first, "consult/cancel").click();
  await play("see retrieved; B is cut off; C hangs up; G is cut off; see ended");
  for (const [, page] of pages) await page.locator("hs-wrap-up.over").waitFor();
  await check("wrap-up");
  for (const [, page] of pages) {
    await page.locator("#tab-past").click();
    await page.locator("hs-side li").first().waitFor();
    await page.locator('header [aria-haspopup="dialog"]').click();
    await page.locator("#settings dialog[open]").waitFor();
  }
  await check("history and settings");
  for (const [, page] of pages) {
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
    await page.locator("#help dialog[open]").waitFor();
  }
  await check("keyboard help");
  await first.keyboard.press("Escape");
  await first.locator("hs-wrap-up.over input").fill("resolved");
  await first.keyboard.press("Enter");
  await state(first, "Ready");
  for (const [, page] of pages) assert.deepEqual(page.complaints, []);
});
