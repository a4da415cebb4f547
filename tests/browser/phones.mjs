// What the scripts of the telephone in the browser share.

import { assert, live, profile, url } from "./common.mjs";

/** Chromium with a microphone that beeps, which may talk to this machine. Who wants it asks for permission: see `allowed`. */
export const WITH_MICROPHONE = ["--use-fake-device-for-media-stream", "--allow-loopback-in-peer-connection"];

/** A profile whose owner has allowed the microphone. */
export async function allowed(browser, options = {}) {
  const context = await profile(browser, options);
  await context.grantPermissions(["microphone"], { origin: url });
  return context;
}

export const panel = (page) => page.locator("hs-softphone section");

/** Waits until the telephone is in this state. */
export const phone = (page, state) => page.locator(`hs-softphone section[data-state="${state}"]`).waitFor();

/** Waits until there is this call at the telephone of this tab. */
export const rings = (page) => page.locator('hs-softphone section[data-call="ringing"]').waitFor();
export const talks = (page) => page.locator('hs-softphone section[data-call="talking"]').waitFor();
export const rests = (page) => page.locator("hs-softphone section:not([data-call])").waitFor();

/** Waits until voice has gone both ways, and answers the figures. */
export async function voice(page, enough = (figures) => figures.sent > 25 && figures.received > 25) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const figures = await page.evaluate(() => document.querySelector("hs-desktop").desk.softphone.figures());
    if (figures && enough(figures)) return figures;
    assert.ok(Date.now() < deadline, `no voice: ${JSON.stringify(figures)}`);
    await page.waitForTimeout(100);
  }
}

/** What a page says when its PBX goes away is the browser's own. */
export const complaints = (page) => page.complaints.filter((one) => !one.includes("WebSocket"));

/** Loads the page again, and answers what the browser asks first with `stay` or `leave`. */
export async function reload(page, answer) {
  const asked = page.waitForEvent("dialog");
  const gone = page.reload({ timeout: 60_000 }).catch(() => undefined);
  const dialog = await asked;
  assert.equal(dialog.type(), "beforeunload");
  if (answer === "stay") return dialog.dismiss();
  await dialog.accept();
  await gone;
  await live(page);
}
