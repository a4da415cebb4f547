// axe finds nothing at the telephone: its states, its settings, a call; in three languages, light and dark, down to 320 px.

import { assert, button, desktop, inChromium, play, profile, url } from "./common.mjs";
import { tooWide, violations } from "./axe.mjs";
import { WITH_MICROPHONE, phone, rings, talks } from "./phones.mjs";

const LOOKS = [
  { name: "light", locale: "en-GB", colorScheme: "light" },
  { name: "chinese, dark", locale: "zh-CN", colorScheme: "dark" },
  { name: "narrow", locale: "de-DE", colorScheme: "light", viewport: { width: 320, height: 720 } },
];

async function check(page, what) {
  assert.deepEqual(await violations(page), [], what);
  assert.deepEqual(await page.evaluate(tooWide), [], what);
}

await inChromium(async (browser) => {
  for (const { name, ...look } of LOOKS) {
    const context = await profile(browser, { ...look, bypassCSP: true });
    const page = await desktop(context);
    await phone(page, "refused");
    await check(page, `${name}, refused`);
    await context.grantPermissions(["microphone"], { origin: url });
    await page.locator("hs-softphone #again").click({ timeout: 2_000 }).catch(() => {});
    await phone(page, "registered");
    const second = await desktop(context);
    await phone(second, "elsewhere");
    await check(second, `${name}, another tab`);
    await second.close();
    const typing = await desktop(context, { token: "tom-desktop" });
    await phone(typing, "password");
    await check(typing, `${name}, password`);
    await typing.close();
    await page.locator('header [aria-haspopup="dialog"]').click();
    await page.locator("hs-softphone-settings #try").click();
    await page.locator("hs-softphone-settings hs-level").waitFor();
    await check(page, `${name}, settings`);
    await page.locator("hs-softphone-settings #try").click();
    await page.keyboard.press("Escape");

    await play("C dials Q2; see offered wendy");
    await rings(page);
    await button(page, "answer").waitFor();
    await check(page, `${name}, ringing`);
    await button(page, "answer").click();
    await play("see answered wendy");
    await talks(page);
    await check(page, `${name}, talking`);
    await play("C hangs up; see ended");
    await page.locator("hs-wrap-up.over input").fill("resolved");
    await page.locator("hs-wrap-up.over input").press("Enter");
    await page.locator("hs-me #ready[aria-pressed=true]").waitFor();
    assert.deepEqual(page.complaints, []);
    await context.close();
  }
}, WITH_MICROPHONE);
