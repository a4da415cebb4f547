// A call that rings is announced to a screen reader at once, stands in the title, and is told by the system where the agent
// has asked for it; all of it ends with the ring. A record that the browser would not open waits behind a button.

import { ask, assert, button, card, desktop, inChromium, play, profile, state } from "./common.mjs";

await inChromium(async (browser) => {
  await ask("PUT", "/v1/contacts/1001", { name: "Erika Lindqvist", numbers: ["+49305550001"] });
  const context = await profile(browser, { permissions: ["notifications"] });
  await context.addInitScript(() => {
    // A record in its frame has no storage, and is not what is watched.
    if (window !== window.top) return;
    localStorage.setItem("hookswitch.notifications", "on");
    window.told = [];
    window.said = [];
    window.Notification = class {
      static permission = "granted";
      constructor(title, options) {
        window.told.push({ title, ...options });
      }
      close() {
        window.told.push("closed");
      }
    };
    document.addEventListener("DOMContentLoaded", () =>
      new MutationObserver(() => {
        const region = document.querySelector("[data-announcer=assertive]");
        if (region?.textContent) window.said.push(region.textContent);
      }).observe(document.body, { childList: true, characterData: true, subtree: true }));
    // Pop-ups are not allowed.
    window.open = () => null;
  });
  const page = await desktop(context);
  await state(page, "Ready");
  const title = await page.title();
  assert.equal(title, "Desktop · Hookswitch");

  await play("C dials Q2; G rings; see offered G");
  const sentence = "Incoming call: Erika Lindqvist, queue gina";
  await page.waitForFunction((sentence) => window.said.includes(sentence), sentence);
  await page.waitForFunction((sentence) => document.title === `☎ ${sentence}`, sentence);
  const told = await page.evaluate(() => window.told.at(-1));
  assert.deepEqual([told.title, told.body], [sentence, "+49305550001"]);
  await card(page).getByText("The browser blocked the tab").waitFor();
  assert.equal((await ask("GET", "/v1/events?after=0&types=screen.popped")).events.length, 0);

  // Asked for beside the call, it is shown: in a frame that can reach nothing of the page.
  await page.evaluate(() => localStorage.setItem("hookswitch.pop-mode", "frame"));
  await page.locator("button[data-record]").click();
  const frame = page.locator("hs-record iframe");
  await frame.waitFor();
  assert.ok(!(await frame.getAttribute("sandbox")).includes("allow-top-navigation"));
  await page.frameLocator("hs-record iframe").locator("h1", { hasText: "Record" }).waitFor();
  await button(page, "answer").click();
  await play("see answered G");
  await page.waitForFunction((title) => document.title === title, title);
  assert.deepEqual((await page.evaluate(() => window.told)).at(-1), "closed");
  await play("C hangs up; G is cut off; see ended");
  const { events } = await ask("GET", "/v1/events?after=0&types=screen.popped");
  assert.equal(events.length, 1);
  assert.deepEqual(page.complaints, []);
});
