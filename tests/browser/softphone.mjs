// An agent whose only telephone is the browser: answers, speaks and is heard, mutes, presses keys, holds, transfers, dials.

import { assert, button, card, desktop, gone, hand, hands, inChromium, picture, play, profile, state } from "./common.mjs";
import { WITH_MICROPHONE, allowed, complaints, panel, phone, rests, rings, talks, voice } from "./phones.mjs";

await inChromium(async (browser) => {
  const context = await allowed(browser);
  const loaded = [];
  context.on("request", (request) => loaded.push(request.url()));
  const page = await desktop(context);
  const with_ = hands[hand](page);
  await phone(page, "registered");
  await state(page, "Ready");
  // What makes it a telephone comes on demand, and from the daemon.
  assert.ok(loaded.some((one) => one.endsWith("/v1/me/softphone")));
  assert.deepEqual(context.foreign, []);
  // Its policy lets the page reach the PBX and no other place.
  const refused = await page.evaluate(() => new Promise((told) => {
    document.addEventListener("securitypolicyviolation", ({ blockedURI, effectiveDirective }) => told([blockedURI, effectiveDirective]), { once: true });
    try {
      new WebSocket("ws://127.0.0.1:9/ws");
    } catch {
      // Told by the event.
    }
  }));
  assert.deepEqual(refused, ["ws://127.0.0.1:9/ws", "connect-src"]);
  page.complaints.length = 0;
  // An agent without a telephone in the browser loads none of it.
  const before = new Set(loaded);
  const without = await profile(browser);
  const loads = [];
  without.on("request", (request) => loads.push(request.url()));
  await desktop(without, { token: "alice-desktop" });
  const chunks = [...before].filter((one) => one.includes("/assets/") && !loads.includes(one));
  assert.equal(chunks.length, 1, `${chunks}`);
  assert.ok(!loads.some((one) => one.endsWith("/v1/me/softphone")));
  await without.close();

  await play("C dials Q2; see offered wendy");
  await rings(page);
  await button(page, "answer").waitFor();
  await with_.press("answer");
  await play("see answered wendy");
  await talks(page);
  await voice(page);
  await play("C hears a voice");
  await picture(page, "softphone-talking");

  if (hand === "keyboard") await page.keyboard.press("u");
  else await page.locator("hs-softphone #mute").click();
  await page.locator('hs-softphone #mute[aria-pressed="true"]').waitFor();
  const speaks = () => page.evaluate(() => document.querySelector("hs-desktop").desk.softphone.hears.getAudioTracks()[0].enabled);
  assert.equal(await speaks(), false);
  await page.locator("hs-softphone #mute").press("Enter");
  await page.locator('hs-softphone #mute[aria-pressed="false"]').waitFor();
  assert.equal(await speaks(), true);

  await with_.press("dtmf");
  await page.locator("hs-keypad").waitFor();
  await with_.tones("42#");
  await page.locator("hs-keypad output", { hasText: "42#" }).waitFor();
  await with_.press("dtmf");

  await with_.press("hold");
  await play("see held");
  await with_.press("retrieve");
  await play("see retrieved");
  await voice(page, (figures) => figures.received > 100);
  await play("C hears a voice");

  await with_.press("transfer");
  await with_.pick("Bob");
  await play("B rings; see transferred; B answers; see answered B");
  await rests(page);
  await play("C hangs up; B is cut off; see ended");
  await page.locator("hs-wrap-up.over").waitFor();
  await with_.fill("hs-wrap-up.over input", "resolved");
  await with_.push("hs-wrap-up.over button.main");
  await state(page, "Ready");

  // Who hangs up at the page is free; the caller is let go.
  await play("C2 dials Q2; see offered wendy");
  await rings(page);
  await with_.press("answer");
  await play("see answered wendy");
  await button(page, "hold").waitFor();
  await with_.press("hangup");
  await play("C2 is cut off; see ended");
  await rests(page);
  await gone(card(page));
  await with_.fill("hs-wrap-up.over input", "resolved");
  await with_.push("hs-wrap-up.over button.main");
  await state(page, "Ready");

  // A number that the agent calls rings here first; the click has answered it.
  await with_.fill("hs-dial input", "8001");
  await page.keyboard.press("Enter");
  await talks(page);
  await voice(page);
  await button(page, "hangup").waitFor();
  await with_.press("hangup");
  await rests(page);

  assert.equal(await panel(page).getAttribute("data-state"), "registered");
  assert.deepEqual(complaints(page), []);
}, WITH_MICROPHONE);
