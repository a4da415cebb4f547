// An administrator: links, plan, apply and rollback with what they change, explain, what-if, webhooks, contacts, tokens.

import { readFileSync } from "node:fs";

import { ask, assert, gone, hand, inChromium, play, profile } from "./common.mjs";
import { lead, open, picture } from "./lead.mjs";

const current = readFileSync(process.env.CONFIG, "utf8");

await inChromium(async (browser) => {
  const context = await profile(browser);
  const page = await open(context, "/admin/");
  const { push, fill } = lead(page, hand);
  const go = async (name, key) => {
    // With Alt also from within a field.
    if (hand === "keyboard") await page.keyboard.press(`Alt+${key}`);
    else await page.locator(`nav a[href="#${name}"]`).click();
  };
  /** Puts a configuration into the field at once, as one pastes it. */
  const paste = async (text, section = "hs-configuration") => {
    await fill(`${section} textarea`, "x");
    await page.keyboard.press("Control+A");
    await page.keyboard.insertText(text);
  };
  const yes = async () => {
    await page.locator("hs-choice button").nth(1).waitFor();
    if (hand === "keyboard") await page.keyboard.press("Enter");
    else await page.locator("hs-choice button").nth(1).click();
    await gone(page.locator("hs-choice"));
  };
  const inForce = (version) => page.locator(`hs-configuration tr[data-version="${version}"] .pill`).waitFor();

  await page.locator('hs-overview tr[data-link="hq"] .pill', { hasText: "up" }).waitFor();

  await go("configuration", "2");
  await inForce(1);
  assert.ok(await page.locator("#apply").isDisabled(), "nothing is applied that was not planned");

  // A configuration with a mistake: at its place, with what to do; nothing changes.
  await paste(current.replace('wrap_up = "600s"', 'wrap_up = "600 parsecs"'));
  await push("hs-configuration form button.main");
  await page.locator('hs-configuration tr[data-key$=".wrap_up"]').waitFor();
  assert.match(await page.locator('hs-configuration tr[data-key$=".wrap_up"]').innerText(), /hookswitch\.toml:\d+:\d+/);
  assert.ok(await page.locator("#apply").isDisabled());

  // One that changes a queue, and has an agent nobody needs.
  const zoe = '\n[[agent]]\nid = "zoe"\nname = "Zoe"\npbx = "hq"\ndevices = ["PJSIP/1999"]\n';
  await paste(current.replace('wrap_up = "600s"', 'wrap_up = "45s"') + zoe);
  await push("hs-configuration form button.main");
  const change = page.locator('hs-configuration tr[data-change="queue gina"]');
  await change.waitFor();
  assert.match(await change.innerText(), /wrap_up\s+600000\s+45000/);
  await page.locator('hs-configuration tr[data-change="agent zoe"][data-kind="added"]').waitFor();
  await page.locator('hs-configuration li[data-new="true"]', { hasText: "zoe serves no queue" }).waitFor();
  await picture(page, "admin-plan");

  // Another text is another plan.
  await page.locator("hs-configuration textarea").focus();
  await page.keyboard.press("End");
  await page.keyboard.type(" ");
  await page.locator("#apply[disabled]").waitFor();
  await push("hs-configuration form button.main");
  await page.locator("#apply:not([disabled])").waitFor();
  await push("#apply");
  await yes();
  await inForce(2);
  assert.equal((await ask("GET", "/v1/config")).version, 2);
  assert.ok((await ask("GET", "/v1/agents")).items.some(({ id }) => id === "zoe"));

  await push("#rollback");
  await yes();
  await inForce(3);
  await page.locator('hs-configuration tr[data-version="3"]', { hasText: "restores 1" }).waitFor();
  assert.ok(!(await ask("GET", "/v1/agents")).items.some(({ id }) => id === "zoe"));

  await go("explain", "3");
  await fill('hs-explain input[name="ani"]', "+49305550001");
  await fill('hs-explain input[name="dnis"]', "5013");
  await push("hs-explain button.main");
  await page.locator('hs-explain li[data-matched="true"]', { hasText: "gina" }).waitFor();
  await page.locator('hs-explain [data-after="0"] tr[data-ranked="gina"]').waitFor();
  await ask("PUT", "/v1/agents/gina/state", { state: "not_ready", reason: "lunch" });
  await play("see agent G not_ready(lunch)");
  await push("hs-explain button.main");
  await page.locator('hs-explain [data-after="0"] tr[data-excluded="gina"]', { hasText: "not ready" }).waitFor();
  await picture(page, "admin-explain");

  await play("C dials A; A rings; A answers; see answered A; C hangs up; see ended");
  await go("webhooks", "5");
  await page.locator("hs-webhooks tr[data-delivery]").first().waitFor();
  const [webhook] = (await ask("GET", "/v1/webhooks")).items;
  await page.locator(`hs-webhooks tr[data-webhook="${webhook.name}"]`).waitFor();
  await push("hs-webhooks form button");
  await yes();
  await page.locator("hs-toasts li", { hasText: `${webhook.name} is delivered again` }).waitFor();

  await go("contacts", "6");
  await page.locator("hs-contacts h2").first().waitFor();
  const file = "id;name;number;city\n7;Ada Lovelace;+49 30 5550007;London\n8;Grace Hopper;+49 30 5550008;Arlington\n9;;;Nowhere\n";
  await page.locator('hs-contacts input[type="file"]').setInputFiles({ name: "people.csv", mimeType: "text/csv", buffer: Buffer.from(file) });
  await push("hs-contacts form button.main");
  await page.locator("hs-contacts #report", { hasText: "3 lines read: 2 new" }).waitFor();
  await fill('hs-contacts input[name="search"]', "030 5550008");
  await gone(page.locator('hs-contacts tr[data-contact="7"]'));
  await page.locator('hs-contacts tr[data-contact="8"]', { hasText: "Grace Hopper" }).waitFor();

  // Yesterday's traffic, which is the call above, under another configuration: a mistake at its place, then both runs.
  await go("what-if", "4");
  await paste(current.replace('wrap_up = "600s"', 'wrap_up = "600 parsecs"'), "hs-what-if");
  await push("hs-what-if button.main");
  await page.locator('hs-what-if tr[data-key$=".wrap_up"]', { hasText: "parsecs" }).waitFor();
  await paste(current.replace('wrap_up = "600s"', 'wrap_up = "45s"'), "hs-what-if");
  await push("hs-what-if button.main");
  for (const side of ["recorded", "changed"]) await page.locator(`hs-what-if [data-side="${side}"] [data-row="mean_wait_ms"]`).first().waitFor();
  await page.locator('hs-what-if [role="status"]', { hasText: "Every decision is the recorded one." }).waitFor();

  await go("tokens", "7");
  const own = page.locator("hs-tokens tr", { has: page.locator('.pill[data-tone="good"]') });
  await own.waitFor();
  assert.match(await own.innerText(), /administrator/);
  const { items } = await ask("GET", "/v1/tokens");
  assert.equal(await page.locator("hs-tokens tr[data-token]").count(), items.length);
  assert.deepEqual(context.foreign, []);
  assert.deepEqual(page.complaints, []);
});
