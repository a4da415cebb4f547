// <hookswitch-phone> in pages of another origin: numbers are called by click and by keyboard, calls show with buttons from
// `actions`, texts are text; what is framed hears its one window; HubSpot's own SDK, on both sides, is told of calls.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

import { agent, ask, assert, gone, inChromium, pages, peers, play, url } from "./common.mjs";
import { fromFolder } from "./lead.mjs";
import { PAYLOADS } from "./payloads.mjs";

// The CRM is a server of its own, at an origin that the daemon is told of.
const server = createServer((request, response) => serve(new URL(request.url, origin).pathname, response));
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const origin = `http://127.0.0.1:${server.address().port}`;
const current = readFileSync(process.env.CONFIG, "utf8");
await ask("POST", "/v1/config/apply", { config: current.replace("[server]\n", `[server]\nallowed_origins = ["${origin}"]\n`) });

const element = (more = "") => `<hookswitch-phone token="${agent}" ${more}></hookswitch-phone><script type="module" src="${url}/sdk/hookswitch.js"></script>`;
const hear = `<script>window.told = []; addEventListener("hookswitch", ({ detail }) => told.push(detail));</script>`;
const sdk = readFileSync(join(peers, "node_modules/@hubspot/calling-extensions-sdk/dist/main.esm.js"), "utf8");

const PAGES = {
  // A CRM whose own policy lets no style and no other script in.
  "/crm": [`${hear}<p><a id="link" href="tel:+49-30-5550001">+49 30 5550001</a> <span id="mark" data-hookswitch-number="+49 30 5550002">Jonas</span>
    <b class="phone">030 555 0003</b> <a id="other" href="#there">no number</a></p>${element('numbers=".phone"')}`, `script-src 'unsafe-inline' ${url}; style-src 'none'; connect-src ${url} ${url.replace("http", "ws")}`],
  // A page that frames ours, and is told of calls.
  "/around": [`<script>window.heard = []; addEventListener("message", ({ data, origin }) => heard.push({ ...data, origin }));</script>
    <iframe width="400" height="600" src="${url}/dial/?parent=${encodeURIComponent(origin)}#token=${agent}"></iframe>`],
  // HubSpot's window and the calling app in it, both by its SDK. As a window, its class answers whatever an app says with
  // an error, as an app that error with another, and so on for ever, each around all before it. HubSpot's own does not.
  "/hubspot": [`<div id="app"></div><script type="module">
      import CallingExtensions from "/sdk.js";
      class Window extends CallingExtensions {
        sendMessage(message) {
          if (message.type !== "ERROR") super.sendMessage(message);
        }
      }
      window.heard = [];
      window.host = new Window({ iFrameOptions: { src: "${origin}/app", width: "400", height: "600", hostElementSelector: "#app" }, debugMode: false,
        eventHandlers: { defaultEventHandler: (data, event) => heard.push(event) } });
    </script>`],
  "/app": [`${element()}<script type="module">
      import CallingExtensions from "/sdk.js";
      import { hubspot } from "${url}/sdk/hubspot.js";
      hubspot(document.querySelector("hookswitch-phone"), CallingExtensions);
    </script>`],
};

function serve(pathname, response) {
  if (pathname === "/sdk.js") return response.setHeader("Content-Type", "text/javascript").end(sdk);
  const [page, policy] = PAGES[pathname] ?? ["nothing"];
  response.setHeader("Content-Type", "text/html");
  if (policy) response.setHeader("Content-Security-Policy", policy);
  return response.end(`<!doctype html><html lang="en"><title>CRM</title>${page}`);
}

/** What the element has told, by type. */
const types = (page) => page.evaluate(() => window.told.map(({ type }) => type));
const until = (page, type) =>
  page.waitForFunction((type) => (window.told ?? window.heard).some((one) => one.type === type), type).catch(async () => {
    assert.fail(`no ${type}, but ${JSON.stringify(await page.evaluate(() => window.told ?? window.heard))}`);
  });
const bar = (page, action) => page.locator(`hookswitch-phone [data-action="${action}"]`);
/** The agent can be called again. */
const free = () => ask("PUT", "/v1/agents/gina/state", { state: "ready" });

/** Ends what is left of a call. */
async function over(sentences) {
  await play(sentences);
  await free();
}

async function page(browser, path) {
  const context = await browser.newContext({ locale: "en-GB" });
  context.setDefaultTimeout(60_000);
  if (pages) await context.route(`${url}/**`, fromFolder);
  const page = await context.newPage();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  await page.goto(`${origin}${path}`);
  return page;
}

async function clickToDial(browser) {
  const crm = await page(browser, "/crm");
  await until(crm, "ready");
  await crm.locator("#link").click();
  await play("G rings; G answers; C rings; C answers; see answered G");
  await bar(crm, "hold").waitFor();
  await bar(crm, "hangup").waitFor();
  assert.deepEqual((await types(crm)).slice(0, 3), ["ready", "clicked", "outgoing"]);
  const [call] = (await ask("GET", "/v1/calls")).items;
  assert.equal(call.dnis.e164, "+49305550001");
  // Buttons are what may be done, and nothing else.
  const leg = () => crm.evaluate(() => document.querySelector("hookswitch-phone").calls[0].legs.find((leg) => leg.agent === "gina").actions.toSorted());
  const shown = async () => (await crm.locator("hookswitch-phone .buttons [data-action]").evaluateAll((buttons) => buttons.map((button) => button.dataset.action))).toSorted();
  assert.deepEqual(await shown(), await leg());
  await bar(crm, "hangup").click();
  await until(crm, "ended");
  await gone(bar(crm, "hangup"));
  await over("G is cut off; C is cut off");

  // By keyboard: what a page marks is reached by Tab, and called by Enter.
  for (const [selector, number] of [["#mark", "+49305550002"], [".phone", "+49305550003"]]) {
    assert.equal(await crm.locator(selector).getAttribute("role"), "button");
    await crm.locator(selector).focus();
    await crm.keyboard.press("Enter");
    await play("G rings; see offered G");
    assert.equal((await ask("GET", "/v1/calls")).items[0].dnis.e164, number);
    await bar(crm, "hangup").press("Enter");
    await gone(bar(crm, "hangup"));
    await over("see ended");
  }
  await crm.locator("#other").click();
  assert.equal(await crm.evaluate(() => location.hash), "#there", "links of the page are the page's");
  assert.deepEqual(crm.complaints, []);
  return crm;
}

async function hostile(crm) {
  await crm.evaluate(() => {
    window.hits = [];
    window.hit = (where) => window.hits.push(where);
  });
  for (const text of PAYLOADS) {
    await ask("PUT", "/v1/contacts/1001", { name: text, numbers: ["+49305550001"], fields: { homepage: text } });
    await play(`C dials Q2 named ${encodeURIComponent(text).replaceAll("'", "%27")}; G rings; see offered G`);
    const [{ ani, customer }] = (await ask("GET", "/v1/calls")).items;
    const name = customer.match === "one" ? customer.candidates[0].name : ani.name;
    const drawn = crm.locator("hookswitch-phone .who b");
    await drawn.waitFor();
    await crm.waitForFunction((name) => document.querySelector("hookswitch-phone").shadowRoot.querySelector(".who b")?.textContent === name, name);
    const inside = await crm.evaluate(() => [...document.querySelector("hookswitch-phone").shadowRoot.querySelectorAll("*")].map((element) => element.localName));
    const strange = inside.filter((tag) => !["section", "div", "b", "span", "button"].includes(tag));
    assert.deepEqual(strange, [], `${text} became markup`);
    assert.deepEqual(await crm.evaluate(() => window.hits), [], text);
    await play("C hangs up; see ended");
    await gone(drawn);
    await free();
  }
}

async function framed(browser) {
  const around = await page(browser, "/around");
  await until(around, "ready");
  assert.deepEqual(await around.evaluate(() => [...new Set(heard.map(({ origin }) => origin))]), [url]);
  // Another window of the same page is not the one that frames it: nothing is dialled.
  const frame = around.frames().find((one) => one.url().startsWith(url));
  await frame.evaluate(() => window.postMessage({ hookswitch: 1, type: "dial", number: "+49305550009" }, "*"));
  const ask1 = { hookswitch: 1, type: "dial", number: "tel:+49-30-5550002" };
  await around.evaluate((wish) => document.querySelector("iframe").contentWindow.postMessage(wish, "*"), ask1);
  await until(around, "outgoing");
  await play("G rings; see offered G");
  const calls = (await ask("GET", "/v1/calls")).items;
  assert.deepEqual(calls.map((call) => call.dnis.e164), ["+49305550002"]);
  await around.evaluate((call) => document.querySelector("iframe").contentWindow.postMessage({ hookswitch: 1, type: "hangup", call }, "*"), calls[0].id);
  await until(around, "ended");
  await free();
  assert.deepEqual(around.complaints, []);
  await around.context().close();
}

async function hubspot(browser) {
  const window_ = await page(browser, "/hubspot");
  const heard = (type) => window_.waitForFunction((type) => window.heard?.find((one) => one.type === type)?.data ?? false, type).then((found) => found.jsonValue());
  await heard("INITIALIZED").catch(() => assert.fail("the SDK of HubSpot heard nothing"));
  // The app may still be signing in: what is dialled then is called, and told, as soon as it has.
  await window_.evaluate(() => host.sendMessage({ type: "DIAL_NUMBER", data: { phone_number: "+49305550002" } }));
  const outgoing = await heard("OUTGOING_CALL_STARTED");
  assert.equal(outgoing.toNumber, "+49305550002");
  await play("G rings; G answers; C2 rings; C2 answers; see answered G");
  assert.equal((await heard("CALL_ANSWERED")).externalCallId, outgoing.externalCallId);
  await play("C2 hangs up; see ended");
  assert.deepEqual((({ externalCallId, callEndStatus }) => ({ externalCallId, callEndStatus }))(await heard("CALL_ENDED")), { externalCallId: outgoing.externalCallId, callEndStatus: "COMPLETED" });
  assert.equal((await heard("CALL_COMPLETED")).externalCallId, outgoing.externalCallId);
  await over("G is cut off");
  await play("C dials Q2; G rings; see offered G");
  assert.equal((await heard("INCOMING_CALL")).fromNumber, "+49305550001");
  await play("C hangs up; see ended");
}

await inChromium(async (browser) => {
  const crm = await clickToDial(browser);
  await hostile(crm);
  await crm.context().close();
  await framed(browser);
  await hubspot(browser);
});
