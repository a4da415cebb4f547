// The telephone in the browser follows a PBX that is told to have it answer: NOTIFY with `Event: talk`. The loudspeaker is
// the one that was chosen.

import { ask, assert, button, desktop, inChromium, play, state } from "./common.mjs";
import { WITH_MICROPHONE, allowed, complaints, phone, rests, rings, talks, voice } from "./phones.mjs";

await inChromium(async (browser) => {
  const context = await allowed(browser);
  await context.addInitScript(() => {
    const { setSinkId } = HTMLMediaElement.prototype;
    window.heardAt = [];
    HTMLMediaElement.prototype.setSinkId = function (device) {
      return setSinkId.call(this, device).then(() => void window.heardAt.push(device));
    };
  });
  const page = await desktop(context);
  await phone(page, "registered");
  await state(page, "Ready");

  await page.locator('header button[aria-haspopup="dialog"]').click();
  const loudspeaker = page.locator("hs-softphone-settings #voice");
  await loudspeaker.locator("option").nth(1).waitFor({ state: "attached" });
  const device = await loudspeaker.locator("option").nth(1).getAttribute("value");
  assert.ok(device);
  await loudspeaker.selectOption(device);
  await page.keyboard.press("Escape");

  await play("C dials Q2; see offered wendy");
  await rings(page);
  const { items } = await ask("GET", "/v1/calls");
  assert.equal(items.length, 1);
  await ask("POST", `/v1/calls/${items[0].id}/answer`, { agent: "wendy" });
  await play("see answered wendy");
  await talks(page);
  await voice(page);
  await play("C hears a voice");
  assert.equal(await page.evaluate(() => heardAt.at(-1)), device);
  await button(page, "hangup").click();
  await play("C is cut off; see ended");
  await rests(page);
  assert.deepEqual(complaints(page), []);
}, WITH_MICROPHONE);
