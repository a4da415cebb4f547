// What the scripts share: the browser, the agent's page, hands, and the stage.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const { URL: url, ADMIN: admin, AGENT: agent, PEERS: peers, HAND: hand, SCREENSHOTS: screenshots, PAGES: pages } = process.env;
const { chromium } = createRequire(`${peers}/`)("playwright-core");
export { assert };

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Has the stage play sentences (tests/src/stage.rs), and waits until they are played. */
export async function play(sentences) {
  console.log(`play ${sentences}`);
  const { value } = await answers.next();
  assert.equal(value, "played");
}

/** A request beside the page, with the admin's token. */
export async function ask(method, path, body) {
  const headers = { Authorization: `Bearer ${admin}`, ...(body && { "Content-Type": "application/json" }) };
  const answer = await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.json();
}

/** Opens Chromium (`more`: its arguments), runs `story`, and closes it; an error of any page fails the script. */
export async function inChromium(story, more = []) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
      ...more,
      // A page that is served from a folder is of no network, and may not ask one on this machine.
      ...(pages ? ["--disable-features=LocalNetworkAccessChecks"] : []),
    ],
  });
  try {
    console.log("ready");
    await story(browser);
  } catch (error) {
    for (const page of browser.contexts().flatMap((context) => context.pages())) {
      console.error(`${page.url()} ${page.complaints ?? ""}\n${await page.locator("body").ariaSnapshot().catch(String)}`);
    }
    throw error;
  } finally {
    await browser.close();
  }
  process.exit(0);
}

/** A browser's profile that knows the PBX's certificate, in which a CRM answers, and everything else outside of the daemon is an error. */
export async function profile(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB", reducedMotion: "reduce", ignoreHTTPSErrors: true, ...options });
  context.setDefaultTimeout(60_000);
  context.foreign = [];
  await context.route(/^(?!http:\/\/127\.0\.0\.1:)/, (route) => {
    const target = new URL(route.request().url());
    if (target.host !== "crm.example.com") {
      context.foreign.push(target.href);
      return route.abort();
    }
    return route.fulfill({ contentType: "text/html", body: `<!doctype html><title>CRM</title><h1>Record</h1><p>${target.pathname.replace(/[^\w/]/g, "")}</p>` });
  });
  if (pages) await context.route(/\/(desktop|wallboard|admin|assets)\/[^?]*$/, fromFolder);
  return context;
}

/** The pages as they are built now, under the headers the daemon sends. */
async function fromFolder(route) {
  const { pathname } = new URL(route.request().url());
  const file = join(pages, pathname.endsWith("/") ? `${pathname}index.html` : pathname);
  if (!existsSync(file)) return route.continue();
  if (!file.endsWith(".html")) return route.fulfill({ path: file });
  return route.fulfill({ response: await route.fetch(), path: file, status: 200 });
}

/** The agent's page, signed in and live. */
export async function desktop(context, { base = url, token = agent } = {}) {
  const page = await context.newPage();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => {
    // What a browser says of an answer above 399 is what the page shows.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) page.complaints.push(message.text());
  });
  await page.goto(`${base}/desktop/#token=${token}`);
  await live(page);
  return page;
}

/** Waits until the page follows the stream. */
export const live = (page) => page.locator('#connection[data-connection="live"]').waitFor();

/** The agent's state as the page shows it. */
export const state = (page, text) => page.locator("hs-me #state", { hasText: text }).waitFor();

export const button = (page, action) => page.locator(`[data-action="${action}"]:visible`).first();
export const card = (page) => page.locator("hs-call");
/** Waits until nothing is left of it, of however many. */
export const gone = (locator) => locator.first().waitFor({ state: "detached" });

/** Keeps a picture for the documentation, when it is asked for. */
export async function picture(page, name) {
  if (screenshots) await page.screenshot({ path: join(screenshots, `desktop-${name}.png`), animations: "disabled" });
}

/** How an agent works a page: with the mouse, or without one. */
export const hands = { mouse, keyboard };

function mouse(page) {
  return {
    press: (action) => button(page, action).click(),
    async pick(text) {
      await page.locator("hs-directory input").fill(text);
      await page.locator('hs-directory [role="option"]', { hasText: text }).first().click();
    },
    push: (selector) => page.locator(selector).first().click(),
    fill: (selector, text) => page.locator(selector).first().fill(text),
    choose: (selector, value) => page.locator(selector).selectOption(value),
    tab: (name) => page.locator(`#tab-${name}`).click(),
    async tones(digits) {
      for (const digit of digits) await page.locator("hs-keypad button", { hasText: digit }).click();
    },
  };
}

function keyboard(page) {
  const focused = (selector) => page.locator(selector).evaluateAll(hasFocus);
  /** Goes there by Tab, as far as it takes. */
  const reach = async (selector) => {
    await page.locator(selector).first().waitFor();
    for (let steps = 0; steps < 150; steps += 1) {
      if (await focused(selector)) return;
      await page.keyboard.press("Tab");
    }
    assert.fail(`${selector} is not reached by Tab`);
  };
  return {
    async press(action) {
      const key = await button(page, action).locator("kbd").textContent();
      await page.keyboard.press((await focused("input, textarea, select")) ? `Alt+${key}` : key);
    },
    async pick(text) {
      await page.locator("hs-directory [role=option]").first().waitFor();
      await page.keyboard.type(text);
      // Who is not free yet cannot be picked yet.
      await page.locator('hs-directory [role="option"][aria-selected="true"][aria-disabled="false"]', { hasText: text }).waitFor();
      await page.keyboard.press("Enter");
    },
    async push(selector) {
      await reach(selector);
      await page.keyboard.press("Enter");
    },
    async fill(selector, text) {
      await reach(selector);
      await page.keyboard.press("Control+A");
      await page.keyboard.type(text);
    },
    async choose(selector, value) {
      await reach(selector);
      // A list that is closed takes the first letters of what stands in it.
      await page.keyboard.type(await page.locator(`${selector} option[value="${value}"]`).textContent());
    },
    /** Of a row of tabs the chosen one is reached by Tab, the others by arrow keys. */
    async tab(name) {
      await reach('[role="tab"][aria-selected="true"]');
      while (!(await focused(`#tab-${name}`))) await page.keyboard.press("ArrowRight");
    },
    tones: (digits) => page.keyboard.type(digits),
  };
}

/** Runs in the page: whether one of the elements has the focus, through shadow roots. */
function hasFocus(elements) {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return elements.includes(element);
}
