// Of all tabs one is the telephone: the others say so, answer for it, take its place. A reload in a call ends the call, and
// says so before and afterwards.

import { assert, button, desktop, inChromium, play, state } from "./common.mjs";
import { WITH_MICROPHONE, allowed, complaints, phone, reload, rests, rings, talks, voice } from "./phones.mjs";

await inChromium(async (browser) => {
  const context = await allowed(browser);
  const one = await desktop(context);
  await phone(one, "registered");
  const two = await desktop(context);
  await phone(two, "elsewhere");

  // The button of the other tab answers at the telephone.
  await play("C dials Q2; see offered wendy");
  await rings(one);
  await button(two, "answer").click();
  await play("see answered wendy");
  await talks(one);
  await voice(one);
  await play("C hears a voice");
  await phone(two, "elsewhere");
  // Nobody takes the telephone away from who talks.
  await two.locator("hs-softphone #take:disabled").waitFor();

  // A reload is asked about; who stays goes on talking.
  await one.bringToFront();
  await one.locator("h1").click();
  await reload(one, "stay");
  await talks(one);
  await play("C hears a voice");
  // Who leaves ends the call, and the page says so when it is back. The other tab has become the telephone.
  await reload(one, "leave");
  await play("C is cut off; see ended");
  await one.locator("hs-toasts", { hasText: "left during a call" }).waitFor();
  await phone(two, "registered");
  await phone(one, "elsewhere");
  await two.locator("hs-wrap-up.over input").fill("resolved");
  await two.locator("hs-wrap-up.over input").press("Enter");
  await state(two, "Ready");

  // A tab takes the place of another that is idle.
  await one.locator("hs-softphone #take").click();
  await phone(one, "registered");
  await phone(two, "elsewhere");
  await play("C2 dials Q2; see offered wendy");
  await rings(one);
  await button(one, "answer").click();
  await play("see answered wendy");
  await voice(one);
  await play("C2 hangs up; see ended");
  await rests(one);
  await one.locator("hs-wrap-up.over input").fill("resolved");
  await one.locator("hs-wrap-up.over input").press("Enter");
  await state(one, "Ready");

  // A tab that is closed leaves the telephone to the next.
  await one.close();
  await phone(two, "registered");
  await play("C3 dials Q2; see offered wendy");
  await rings(two);
  await button(two, "answer").click();
  await play("see answered wendy");
  await talks(two);

  // Signed out is no telephone: the call is over.
  await two.getByRole("button", { name: "Sign out" }).click();
  await play("C3 is cut off; see ended");
  assert.equal(await two.locator("hs-softphone").count(), 0);
  assert.deepEqual(complaints(two), []);
}, WITH_MICROPHONE);
