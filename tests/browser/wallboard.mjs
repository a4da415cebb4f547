// A supervisor: sees a caller wait, is warned, looks why, listens, sends an agent to lunch, changes a skill; on the wall
// nobody sees who calls.

import { ask, assert, gone, hand, inChromium, play, profile } from "./common.mjs";
import { lead, open, picture } from "./lead.mjs";

await inChromium(async (browser) => {
  await ask("PUT", "/v1/contacts/1001", { name: "Erika Lindqvist", numbers: ["+49305550001"], fields: { tier: "gold" } });
  const context = await profile(browser);
  const page = await open(context, "/wallboard/");
  const { push, fill, choose, leave } = lead(page, hand);
  const figure = (queue, name, value) => page.locator(`hs-queues tr[data-queue="${queue}"] td[data-figure="${name}"]`, { hasText: new RegExp(`^\\D*${value}$`) }).waitFor();
  const tile = (agent, state) => page.locator(`hs-agents li[data-agent="${agent}"][data-state="${state}"]`).waitFor();
  const said = (politeness, text) => page.waitForFunction(([politeness, text]) => document.querySelector(`[data-announcer="${politeness}"]`)?.textContent.includes(text), [politeness, text]);
  await figure("gina", "waiting", 0);
  await figure("gina", "ready", 1);

  // One waiting caller is too many here.
  if (hand === "keyboard") await page.keyboard.press("t");
  else await page.locator(".bar button", { hasText: "Thresholds" }).click();
  await fill('hs-thresholds input[name="waiting"][data-queue="gina"]', "1");
  await push("hs-thresholds button.main");
  await gone(page.locator("hs-thresholds"));

  await play("C dials Q2; G rings; see offered G");
  await figure("gina", "waiting", 1);
  await tile("gina", "reserved");
  await page.locator('.alerts li[data-alert="gina waiting"]').waitFor();
  await said("assertive", "gina: Waiting 1, limit 1");
  assert.equal(await page.locator('hs-queues tr[data-queue="gina"] td[data-figure="waiting"]').getAttribute("data-tone"), "bad");

  // The caller who waits stands first; why is a decision a step.
  await page.locator('hs-calls li[data-state="offered"] b', { hasText: "Erika Lindqvist" }).waitFor();
  await push('hs-calls li[data-state="offered"] button');
  await page.locator('hs-call-panel [data-decision="routed"]').waitFor();
  await page.locator('hs-call-panel [data-decision="offered"] tr[data-ranked="gina"]').waitFor();
  assert.equal(await page.locator("hs-call-panel [data-mode]").count(), 0, "nobody talks: nothing to listen to");
  await play("G answers; see answered G");
  await page.locator('hs-call-panel [data-mode="listen"][disabled]').waitFor();
  await choose("hs-call-panel #phone", "alice");
  await page.locator('hs-call-panel [data-mode="listen"]:not([disabled])').waitFor();
  await push('hs-call-panel [data-mode="listen"]');
  await play("A rings; A answers");
  await page.locator('hs-call-panel li[data-leg="supervisor"]').waitFor();
  await picture(page, "wallboard-call");
  await leave();
  await gone(page.locator("hs-call-panel"));
  await gone(page.locator('.alerts li[data-alert="gina waiting"]'));
  await said("polite", "gina: Waiting within its limit again");
  await play("A hangs up");

  // Lunch after this call, and a skill more.
  await tile("gina", "talking");
  await push('hs-agents li[data-agent="gina"] button');
  await page.locator("hs-agent-panel #state", { hasText: "Talking" }).waitFor();
  await choose('hs-agent-panel select[name="state"]', "not_ready");
  await fill('hs-agent-panel input[name="reason"]', "lunch");
  await push("hs-agent-panel form button.main");
  await page.locator("hs-agent-panel", { hasText: "→ Not ready" }).waitFor();
  await fill('hs-agent-panel input[name="skill"]', "mandarin");
  await fill('hs-agent-panel input[name="level"]', "7");
  await push("hs-agent-panel ul.skills + .row button");
  await page.locator('hs-agent-panel input[data-skill="mandarin"]').waitFor();
  assert.equal((await ask("GET", "/v1/agents/gina")).skills.mandarin, 7);
  await picture(page, "wallboard-agent");
  await leave();
  await gone(page.locator("hs-agent-panel"));

  // On the wall: figures, no caller.
  if (hand === "keyboard") await page.keyboard.press("w");
  else await page.locator(".bar button", { hasText: "Wall screen" }).click();
  await page.locator("hs-queues[plain]").waitFor();
  const wall = await page.locator("main").innerText();
  assert.ok(!wall.includes("Erika") && !wall.includes("5550001"), wall);
  await picture(page, "wallboard-wall");
  if (hand === "keyboard") await page.keyboard.press("w");
  else await page.locator('.bar button[aria-pressed="true"]').click();
  await page.locator("hs-calls").waitFor();

  await play("C hangs up; G is cut off; see ended");
  await figure("gina", "waiting", 0);
  await tile("gina", "wrap_up");
  assert.deepEqual(context.foreign, []);
  assert.deepEqual(page.complaints, []);
});
