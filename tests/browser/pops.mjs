// One record over many tabs: it opens once, and neither a reload nor another tab opens it again.

import { assert, ask, button, card, desktop, gone, inChromium, live, play, profile, state } from "./common.mjs";

await inChromium(async (browser) => {
  await ask("PUT", "/v1/contacts/1001", { name: "Erika Lindqvist", numbers: ["+49305550001"] });
  const context = await profile(browser);
  const one = await desktop(context);
  const two = await desktop(context);
  const opened = [];
  context.on("request", (request) => request.isNavigationRequest() && request.url().startsWith("https://crm.") && opened.push(request.url()));
  await state(one, "Ready");
  await state(two, "Ready");

  const first = context.waitForEvent("page");
  await play("C dials Q2; G rings; see offered G");
  await (await first).waitForURL("https://crm.example.com/contacts/1001");
  for (const page of [one, two]) await card(page).locator("h3", { hasText: "Erika Lindqvist" }).waitFor();
  // One of the tabs says that it was the other.
  await Promise.any([one, two].map((page) => card(page).getByText("Shown in another tab").waitFor()));
  const elsewhere = await Promise.all([one, two].map((page) => card(page).getByText("Shown in another tab").count()));
  assert.deepEqual(elsewhere.sort(), [0, 1]);

  // A reload while it rings.
  await one.reload();
  await live(one);
  await button(one, "answer").click();
  await play("see answered G");
  // A reload in the middle of the call, and a third tab: the right state, with time and actions.
  await one.reload();
  const three = await desktop(context);
  for (const page of [one, two, three]) {
    await state(page, "Talking");
    await card(page).locator("h3", { hasText: "Erika Lindqvist" }).waitFor();
    await button(page, "hold").waitFor();
  }
  await button(three, "hold").click();
  for (const page of [one, two, three]) await button(page, "retrieve").waitFor();
  await play("see held; C hangs up; G is cut off; see ended");
  for (const page of [one, two, three]) {
    await gone(card(page));
    await page.locator("hs-wrap-up.over").waitFor();
  }
  // After a reload the journal says what is to be wrapped up.
  await two.reload();
  await two.locator("hs-wrap-up.over").waitFor();
  await two.locator("h3", { hasText: "Erika Lindqvist" }).waitFor();
  assert.deepEqual(opened, ["https://crm.example.com/contacts/1001"]);
  const { events } = await ask("GET", "/v1/events?after=0&types=screen.popped");
  assert.equal(events.length, 1);
  assert.ok(events[0].data.client.startsWith("desktop-") && events[0].data.ring_to_pop_ms >= 0);
  // The next one opens in the same tab.
  await one.locator("hs-wrap-up.over input").fill("resolved");
  await one.keyboard.press("Enter");
  await state(one, "Ready");
  await play("C2 dials Q2; G rings; see offered G");
  await button(one, "hangup").click();
  await play("C2 hangs up; see ended");
  while (opened.length < 2) await context.waitForEvent("request");
  assert.equal(opened[1], "https://crm.example.com/leads/new?tel=%2B49305550002");
  for (const page of [one, two, three]) assert.deepEqual(page.complaints, []);
});
