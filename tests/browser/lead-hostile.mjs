// Texts that would be script or markup elsewhere, on the pages of supervisors and administrators: names of callers and
// customers, attached data, reasons of agents. Nothing of it runs, becomes an element, or asks anybody for anything.

import { agent, ask, assert, gone, inChromium, play, profile, url } from "./common.mjs";
import { open } from "./lead.mjs";
import { PAYLOADS } from "./payloads.mjs";

/** What the pages are made of; drawings of the wallboard are made by us. */
const STRANGE = "script,img:not(h1 img),iframe,video,source,object,math,template,x-y,meta,base,style,link,a[href^='javascript:'],a[href^='data:'],[onerror],[onload],[onclick],[onfocus],[ontoggle],svg:not(.trend, .day)";

const strange = (page) =>
  page.evaluate((selector) => {
    const roots = [document.body];
    const found = [];
    for (const root of roots) {
      found.push(...[...root.querySelectorAll(selector)].map((element) => element.outerHTML));
      for (const element of root.querySelectorAll("*")) if (element.shadowRoot) roots.push(element.shadowRoot);
    }
    return found;
  }, STRANGE);

await inChromium(async (browser) => {
  const context = await profile(browser);
  const [wallboard, admin] = [await open(context, "/wallboard/"), await open(context, "/admin/")];
  for (const page of [wallboard, admin]) {
    await page.evaluate(() => {
      window.hits = [];
      window.hit = (where) => window.hits.push(where);
    });
  }
  await admin.locator('nav a[href="#contacts"]').click();
  for (const text of PAYLOADS) {
    await ask("PUT", "/v1/contacts/1001", { name: text, company: text, numbers: ["+49305550001"], fields: { tier: text } });
    await ask("PUT", "/v1/agents/alice/state", { state: "not_ready", reason: text.replace(/[^\x20-\x7e]/g, "").slice(0, 120) });
    await play(`C dials Q2 named ${encodeURIComponent(text).replaceAll("'", "%27")}; G rings; see offered G`);
    const [{ id, ani, customer }] = (await ask("GET", "/v1/calls")).items;
    const name = customer.match === "one" ? customer.candidates[0].name : ani.name;
    const answer = await fetch(`${url}/v1/calls/${id}/data`, {
      method: "PATCH",
      headers: { Authorization: `Bearer ${agent}`, "Content-Type": "application/json" },
      body: JSON.stringify({ "ivr.choice": text }),
    });
    assert.equal(answer.status, 202);
    await play("see data");
    const line = wallboard.locator(`hs-calls li[data-call="${id}"] b`);
    await line.waitFor();
    assert.equal((await line.textContent()).trim(), name.trim(), "shown as text");
    await line.click();
    await wallboard.locator("hs-call-panel [data-decision]").first().waitFor();
    await wallboard.locator("hs-call-panel #data").waitFor();
    await admin.locator('hs-contacts input[name="search"]').fill(text.slice(0, 60));
    for (const page of [wallboard, admin]) {
      assert.deepEqual(await strange(page), [], `${text} became markup`);
      assert.deepEqual(await page.evaluate(() => window.hits), [], text);
    }
    await wallboard.keyboard.press("Escape");
    await play("C hangs up; see ended");
    await gone(line);
    await ask("PUT", "/v1/agents/gina/state", { state: "ready" });
  }
  assert.deepEqual(context.foreign, []);
  for (const page of [wallboard, admin]) assert.deepEqual(page.complaints, []);
});
