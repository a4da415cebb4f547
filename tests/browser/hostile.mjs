// Texts that would be script or markup elsewhere: as the caller's name, the customer's, attached data and notes. Nothing of
// it runs, becomes an element, or asks anybody for anything.

import { agent, ask, assert, button, card, desktop, gone, inChromium, play, profile, state, url } from "./common.mjs";
import { PAYLOADS } from "./payloads.mjs";

await inChromium(async (browser) => {
  const context = await profile(browser);
  const page = await desktop(context);
  await state(page, "Ready");
  await page.evaluate(() => {
    window.hits = [];
    window.hit = (where) => window.hits.push(where);
  });
  /** What the page is made of: a payload must add none of these. */
  const SUSPICIOUS = "script,img:not(h1 img),svg,iframe,video,source,object,math,template,x-y,meta,base,style,link,a[href^='javascript:'],a[href^='data:'],[onerror],[onload],[onclick],[onfocus],[ontoggle]";
  const suspects = () =>
    page.evaluate((selector) => {
      const roots = [document.body];
      let found = 0;
      for (const root of roots) {
        found += root.querySelectorAll(selector).length;
        for (const element of root.querySelectorAll("*")) if (element.shadowRoot) roots.push(element.shadowRoot);
      }
      return found;
    }, SUSPICIOUS);
  assert.equal(await suspects(), 0, "the page itself");

  const inert = async (where) => {
    assert.equal(await suspects(), 0, `became markup: ${where}`);
    assert.deepEqual(await page.evaluate(() => window.hits), [], `ran: ${where}`);
  };

  // As the caller's name, one after the other: on the card, in the title, announced, and then among the missed.
  const shown = new Set();
  for (const text of PAYLOADS) {
    await play(`C2 dials Q2 named ${encodeURIComponent(text).replaceAll("'", "%27")}; G rings; see offered G`);
    const [{ ani }] = (await ask("GET", "/v1/calls")).items;
    await card(page).locator("h3").waitFor();
    assert.equal((await card(page).locator("h3").textContent()).trim(), ani.name.trim());
    assert.ok((await page.title()).startsWith("☎"), await page.title());
    await inert(`the caller's name ${text}`);
    shown.add(ani.name);
    await play("C2 hangs up; see ended");
    await gone(card(page));
  }
  // What the PBX or the daemon had emptied would prove nothing.
  assert.ok(PAYLOADS.filter((text) => shown.has(text)).length > PAYLOADS.length / 2, [...shown].join("\n"));
  await page.locator("#tab-missed").click();
  await page.locator("hs-side li").nth(PAYLOADS.length - 1).waitFor();
  await inert("missed calls");

  // As customers who share a number (the daemon shows at most twenty), their fields, attached data, notes and disposition.
  for (const half of [PAYLOADS.slice(0, 16), PAYLOADS.slice(16)]) {
    for (const [at, text] of half.entries()) {
      await ask("PUT", `/v1/contacts/${at}`, { name: text, company: text, numbers: ["+49305550001"], fields: { tier: text } });
    }
    await play("C dials Q2; G rings; see offered G");
    await page.locator("hs-customer li").nth(half.length - 1).waitFor();
    await inert("customers");
    await page.locator("hs-customer button").first().click();
    await button(page, "answer").click();
    await play("see answered G");
    await button(page, "hold").waitFor();
    const [call] = (await ask("GET", "/v1/calls")).items;
    const answer = await fetch(`${url}/v1/calls/${call.id}/data`, {
      method: "PATCH",
      headers: { Authorization: `Bearer ${agent}`, "Content-Type": "application/json" },
      body: JSON.stringify(Object.fromEntries(half.flatMap((text, at) => [[`${at}${text}`.slice(0, 40), text], [`ivr.${at}`, text]]))),
    });
    assert.equal(answer.status, 202);
    await page.locator("hs-data .path .pill").nth(half.length - 1).waitFor();
    await page.locator("hs-data dd input").nth(half.length - 1).waitFor();
    await page.locator("hs-call hs-wrap-up textarea").fill(half.join("\n"));
    await page.locator("hs-call h3").focus();
    await page.locator("hs-why summary").click();
    await page.locator("hs-why li").first().waitFor();
    await inert("data and notes");
    await play("C hangs up; G is cut off; see ended");
    await page.locator("hs-wrap-up.over input").fill(half[0]);
    await page.keyboard.press("Enter");
    await state(page, "Ready");
    await page.locator("#tab-past").click();
    await page.locator("hs-side li").first().waitFor();
    await inert("history");
  }
  // It is still the page that was opened, and nobody else was asked.
  assert.equal(new URL(page.url()).pathname, "/desktop/");
  assert.deepEqual(context.foreign, []);
  assert.deepEqual(page.complaints, []);
});
