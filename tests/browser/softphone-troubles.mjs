// What keeps the telephone away is told, with what to do: a microphone that is refused or pulled out, a password, a PBX that is
// gone, a browser that is wanted to be none.

import { ask, assert, button, desktop, inChromium, live, play, profile, state, url } from "./common.mjs";
import { WITH_MICROPHONE, allowed, complaints, panel, phone, rests, rings, talks, voice } from "./phones.mjs";

/** Runs before the page: devices that can be pulled out, and whose microphones are remembered. */
function pulled() {
  const { mediaDevices } = navigator;
  const open = mediaDevices.getUserMedia.bind(mediaDevices);
  window.microphones = [];
  mediaDevices.getUserMedia = async (wish) => {
    if (window.unplugged) throw new DOMException("none", "NotFoundError");
    const stream = await open(wish);
    window.microphones.push(...stream.getAudioTracks());
    return stream;
  };
}

await inChromium(async (browser) => {
  // Refused: nothing rings here; allowed afterwards, the page goes on by itself or by its button.
  const context = await profile(browser);
  await context.addInitScript(pulled);
  const page = await desktop(context);
  await phone(page, "refused");
  await panel(page).getByText("Allow the microphone for this page").waitFor();
  await context.grantPermissions(["microphone"], { origin: url });
  await page.locator("hs-softphone #again").click({ timeout: 2_000 }).catch(() => {});
  await phone(page, "registered");
  await state(page, "Ready");
  // As the PBX tells the daemon, and as the page shows it.
  const device = async (is) => {
    const told = async () => (await ask("GET", "/v1/agents/wendy")).devices[0].state;
    while ((await told()) !== is) await page.waitForTimeout(100);
    await page.locator("hs-me .devices", { hasText: { idle: "free", unavailable: "away" }[is] }).waitFor();
  };
  await device("idle");

  // Turned off and on in the settings; the PBX knows.
  const wish = async (on) => {
    await page.locator('header [aria-haspopup="dialog"]').click();
    await page.locator("hs-softphone-settings #wish").setChecked(on);
    await page.keyboard.press("Escape");
  };
  await wish(false);
  await phone(page, "off");
  await device("unavailable");
  await wish(true);
  await phone(page, "registered");
  await device("idle");

  // The PBX dies and comes back: told, tried again, registered again.
  await play("the PBX restarts");
  await panel(page).getByText("No call rings here meanwhile").waitFor();
  await phone(page, "registered");
  await device("idle");
  await play("C dials Q2; see offered wendy");
  await rings(page);
  await button(page, "answer").click();
  await play("see answered wendy");
  await voice(page);
  await play("C hears a voice");

  // The microphone is pulled out, and there is no other: told at once. Plugged in again, it speaks again.
  await page.evaluate(() => {
    window.unplugged = true;
    const track = window.microphones.at(-1);
    track.stop();
    track.dispatchEvent(new Event("ended"));
  });
  await page.locator("hs-toasts", { hasText: "they do not hear you" }).waitFor();
  await page.evaluate(() => {
    window.unplugged = false;
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
  });
  await page.locator("hs-toasts", { hasText: "another one has taken its place" }).waitFor();
  await play("C hears a voice");

  // The daemon dies in the call: the voice goes on, and the telephone can still hang up.
  await play("the daemon dies");
  await page.locator('#connection[data-connection="cut"]').waitFor();
  await talks(page);
  await play("C hears a voice");
  await page.locator("hs-softphone #hangup").click();
  await play("C is cut off");
  await rests(page);
  await phone(page, "registered");
  await play("the daemon returns");
  await live(page);
  await phone(page, "registered");
  assert.deepEqual(complaints(page), []);

  // A password that is not in the configuration is typed; a wrong one is asked for again. It stays in the tab.
  const typing = await desktop(await allowed(browser), { token: "tom-desktop" });
  await phone(typing, "password");
  const type = async (password) => {
    await typing.locator("hs-softphone input").fill(password);
    await typing.locator("hs-softphone input").press("Enter");
  };
  await type("guessed");
  await phone(typing, "denied");
  await panel(typing).getByText("did not take this password").waitFor();
  await type("s3cret-of-1011");
  await phone(typing, "registered");
  await typing.reload();
  await phone(typing, "registered");
  assert.deepEqual(await typing.evaluate(() => Object.entries(localStorage).filter(([, value]) => value.includes("s3cret"))), []);
  assert.deepEqual(complaints(typing), []);
}, WITH_MICROPHONE);
