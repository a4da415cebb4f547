// Hookswitch itself is the PBX: the browser registers there, rings, and declines. (A voice needs WebRTC at the other end, too.)

import { assert, button, desktop, inChromium, play, state } from "./common.mjs";
import { WITH_MICROPHONE, allowed, complaints, phone, rests, rings } from "./phones.mjs";

await inChromium(async (browser) => {
  const page = await desktop(await allowed(browser));
  await phone(page, "registered");
  await state(page, "Ready");
  await play("C dials Q2; see offered wendy");
  await rings(page);
  await button(page, "answer").waitFor();
  // The phone itself says that it is busy.
  await page.evaluate(() => document.querySelector("hs-desktop").desk.softphone.hangUp());
  await play("see offer_ended declined");
  await rests(page);
  await play("C hangs up; see ended");
  // A caller who gives up stops its ringing.
  await page.locator("hs-me #ready").click();
  await state(page, "Ready");
  await play("C2 dials Q2; see offered wendy");
  await rings(page);
  await play("C2 hangs up; see ended");
  await rests(page);
  await phone(page, "registered");
  assert.deepEqual(complaints(page), []);
}, WITH_MICROPHONE);
