// Agents at their pages, one for each token of TOKENS: says when each caller's card is painted, until its input ends.

import { assert, desktop, inChromium, live } from "./common.mjs";

/** Runs in the page: what pops is looked for in every frame until it stands there. */
function watch() {
  if (window !== window.top) return;
  // The customer's record is the CRM's page: that it opens is counted, what it costs is not ours.
  window.opened = [];
  window.open = (url) => window.opened.push(String(url)) && window;
  const inside = (root, selector) => [...root.querySelectorAll("*")].flatMap((one) => [...(one.matches(selector) ? [one] : []), ...(one.shadowRoot ? inside(one.shadowRoot, selector) : [])]);
  const stands = (ani) => {
    const card = inside(document, "hs-call").find((one) => one.call?.ani.e164 === ani);
    const name = card?.shadowRoot?.querySelector("h3")?.getBoundingClientRect();
    return name !== undefined && name.height > 0 && name.top >= 0 && name.bottom <= innerHeight;
  };
  const seen = (agent, ani) =>
    requestAnimationFrame(() => {
      // Behind the frame that begins here: what stands then was drawn with it.
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        // By the clock that the caller's arrival is told by, in whole milliseconds, rounded up.
        const at = Date.now() + 1;
        if (stands(ani)) console.debug(`painted ${agent} ${ani} ${at}`);
        else seen(agent, ani);
      };
      port2.postMessage("");
    });
  window.WebSocket = class extends WebSocket {
    constructor(...how) {
      super(...how);
      this.addEventListener("message", ({ data }) => {
        const event = JSON.parse(data);
        if (event.type === "screen.pop") seen(event.data.pop.agent, event.data.call.ani.e164);
      });
    }
  };
}

await inChromium(async (browser) => {
  const pages = [];
  for (const token of process.env.TOKENS.split(" ")) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB" });
    await context.addInitScript(watch);
    const page = await desktop(context, { token });
    page.painted = 0;
    page.on("console", (message) => {
      if (!message.text().startsWith("painted ")) return;
      page.painted += 1;
      console.log(message.text());
    });
    pages.push(page);
  }
  await Promise.all(pages.map(live));
  console.log("live");
  await new Promise((ended) => process.stdin.resume().on("end", ended));
  for (const page of pages) {
    assert.equal(await page.evaluate(() => new Set(opened).size), page.painted, "each record opens once");
    assert.equal(await page.evaluate(() => opened.length), page.painted, "each record opens once");
    assert.deepEqual(page.complaints, []);
  }
});
