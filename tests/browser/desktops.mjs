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
      if (!stands(ani)) return seen(agent, ani);
      // It is in what is drawn at the end of this frame: when the next one begins, it has been painted.
      requestAnimationFrame(() => {
        const at = performance.timeOrigin + performance.now();
        console.debug(`painted ${agent} ${ani} ${Math.round(at * 1_000)} ${Math.round(at - Date.now())}`);
      });
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
      const [what, agent, ani, at, ahead] = message.text().split(" ");
      if (what !== "painted") return;
      // The page's clock is the one the caller's arrival is told by.
      assert.ok(Math.abs(ahead) <= 5, `the clock of the page is ${ahead} ms ahead`);
      page.painted += 1;
      console.log(`painted ${agent} ${ani} ${at}`);
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
