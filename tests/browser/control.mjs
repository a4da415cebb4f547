// Every story of telephone control at the screen, by the hand that is asked for.

import { ask, assert, button, card, desktop, gone, hand, hands, inChromium, picture, play, profile, state } from "./common.mjs";

/** A caller in Gina's queue whom she has answered at the screen. */
async function talking(page, with_) {
  await play("C dials Q2; G rings; see offered G");
  await with_.press("answer");
  await play("see answered G");
  await button(page, "hold").waitFor();
}

/** The call is over: a disposition and a note end the wrap-up. */
async function wrapUp(page, with_) {
  await page.locator("hs-wrap-up.over").waitFor();
  await with_.fill("hs-wrap-up.over input", "resolved");
  await with_.fill("hs-wrap-up.over textarea", "all is well");
  await picture(page, "wrap-up");
  await with_.push("hs-wrap-up.over button.main");
  await state(page, "Ready");
}

/** Bob had the call last, and is ready again: as Gina sees it. */
async function wrappedUp(page) {
  const bob = page.locator('hs-side [data-agent="bob"]');
  await bob.filter({ hasText: "Wrap-up" }).waitFor();
  await play("B goes ready");
  await bob.filter({ hasText: /Ready/ }).waitFor();
}

const STORIES = {
  async "answer, hold, retrieve, hang up, wrap up"(page, with_) {
    await play("C dials Q2; G rings; see offered G");
    await card(page).locator("h3", { hasText: "Erika Lindqvist" }).waitFor();
    await picture(page, "ringing");
    await with_.press("answer");
    await play("see answered G");
    await button(page, "hold").waitFor();
    await with_.press("hold");
    await play("see held");
    await card(page).locator(".pill", { hasText: "On hold" }).waitFor();
    await with_.press("retrieve");
    await play("see retrieved");
    await button(page, "hold").waitFor();
    await with_.press("hangup");
    await play("C is cut off; see ended");
    await gone(card(page));
    await wrapUp(page, with_);
    const events = await ask("GET", "/v1/events?after=0&types=call.data");
    const told = events.events.at(-1).data.call.data;
    assert.deepEqual([told["wrap_up.disposition"], told["wrap_up.notes"]], ["resolved", "all is well"]);
  },

  async "decline"(page, with_) {
    await play("C dials Q2; G rings; see offered G");
    await with_.press("hangup");
    await play("see offer_ended");
    await play("C hangs up; see ended");
    await gone(card(page));
    await with_.push("hs-me #ready");
    await state(page, "Ready");
  },

  async "keypad, recording"(page, with_) {
    await talking(page, with_);
    await with_.press("dtmf");
    let sent = "";
    const all = page.waitForResponse((answer) => {
      if (answer.url().endsWith("/dtmf") && answer.status() === 202) sent += answer.request().postDataJSON().digits;
      return sent.length === 3;
    });
    await with_.tones("42#");
    await all;
    assert.equal(sent, "42#");
    await page.locator("hs-keypad output", { hasText: "42#" }).waitFor();
    // Of a call that is read while tones are on their way nothing is possible but to hang up: the keypad stays.
    const stays = await page.evaluate(async () => {
      const { desk, shadowRoot } = document.querySelector("hs-desktop");
      const [call] = desk.calls;
      void desk.tones(call, "1");
      desk.store.board.calls.set(call.id, { ...call, legs: call.legs.map((leg) => ({ ...leg, actions: ["hangup"] })) });
      const card = shadowRoot.querySelector("hs-call");
      card.call = desk.calls[0];
      await card.updateComplete;
      return card.shadowRoot.querySelector("hs-keypad") !== null;
    });
    assert.ok(stays, "the keypad");
    await with_.press("dtmf");
    await gone(page.locator("hs-keypad"));
    await with_.press("record");
    await play("see data");
    await card(page).locator(".pill", { hasText: "Recording" }).waitFor();
    await with_.press("record");
    await play("see data");
    await gone(card(page).locator(".pill", { hasText: "Recording" }));
    await play("C hangs up; G is cut off; see ended");
    await wrapUp(page, with_);
  },

  async "attached data and notes during the call, and why me"(page, with_) {
    await talking(page, with_);
    await with_.fill('hs-data input[name="key"]', "ticket");
    await with_.fill('hs-data input[name="value"]', "4711");
    await with_.push("hs-data form>button");
    await play("see data");
    await with_.fill('hs-data input[aria-label="ticket"]', "4712");
    await page.keyboard.press("Enter");
    await play("see data");
    await with_.fill("hs-call hs-wrap-up textarea", "wants the blue one");
    await page.keyboard.press("Tab");
    await play("see data");
    const [call] = (await ask("GET", "/v1/calls")).items;
    assert.deepEqual([call.data.ticket, call.data["wrap_up.notes"]], ["4712", "wants the blue one"]);
    await with_.push("hs-why summary");
    await page.locator("hs-why li", { hasText: "Gina Rossi was first" }).waitFor();
    await play("C hangs up; G is cut off; see ended");
    assert.equal(await page.locator("hs-wrap-up.over textarea").inputValue(), "wants the blue one");
    await wrapUp(page, with_);
  },

  async "blind transfer to an agent"(page, with_) {
    await talking(page, with_);
    await with_.press("transfer");
    await page.locator("hs-directory dialog[open]").waitFor();
    await with_.pick("Bob Okafor");
    await play("G is cut off; B rings; B answers; see answered B");
    await gone(card(page));
    await wrapUp(page, with_);
    await play("C hangs up; B is cut off; see ended");
    await wrappedUp(page);
  },

  async "blind transfer to a queue"(page, with_) {
    await talking(page, with_);
    await with_.press("transfer");
    await with_.pick("support");
    await play("G is cut off; see queued Q; A rings; A answers; see answered A");
    await gone(card(page));
    await wrapUp(page, with_);
    await play("C hangs up; A is cut off; see ended; A goes ready; B goes ready");
  },

  async "blind transfer to a number"(page, with_) {
    await talking(page, with_);
    await with_.press("transfer");
    await with_.pick("+493012345");
    await play("G is cut off; F rings; F answers; see answered far");
    await gone(card(page));
    await wrapUp(page, with_);
    await play("C hangs up; F is cut off; see ended");
  },

  async "consult and come back"(page, with_) {
    await talking(page, with_);
    await with_.press("consult");
    await with_.pick("Bob Okafor");
    await page.locator("[data-consultation]", { hasText: "Bob Okafor" }).waitFor();
    await play("B rings; B answers; see answered B");
    await button(page, "consult/conference").waitFor();
    await picture(page, "consulting");
    await with_.press("consult/cancel");
    await play("see retrieved; B is cut off");
    await gone(page.locator("[data-consultation]"));
    // What is legal again, though no event of this call says so.
    await button(page, "transfer").waitFor();
    await play("C hangs up; G is cut off; see ended");
    await wrapUp(page, with_);
  },

  async "attended transfer"(page, with_) {
    await talking(page, with_);
    await with_.press("consult");
    await with_.pick("Bob Okafor");
    await play("B rings; B answers; see answered B");
    await with_.press("consult/complete");
    await play("see transferred attended G>B; G is cut off");
    await gone(card(page));
    await wrapUp(page, with_);
    await play("C hangs up; B is cut off; see ended");
    await wrappedUp(page);
  },

  async "conference, and leave it"(page, with_) {
    await talking(page, with_);
    await with_.press("conference");
    await with_.pick("Bob Okafor");
    await play("B rings; B answers; see answered B");
    await with_.press("consult/conference");
    await play("see conferenced");
    await card(page).locator(".facts", { hasText: "Bob Okafor" }).waitFor();
    await with_.press("hangup");
    await play("see party_left; G is cut off");
    await gone(card(page));
    await wrapUp(page, with_);
    await play("C hangs up; B is cut off; see ended");
    await wrappedUp(page);
  },

  async "click to dial"(page, with_) {
    await with_.fill("hs-dial input", "+49 (30) 12345");
    await page.keyboard.press("Enter");
    await play("G rings");
    await card(page).locator("h3", { hasText: "+493012345" }).waitFor();
    await play("G answers; F rings; F answers; see answered G");
    await with_.press("hangup");
    await play("F is cut off; see ended");
    await gone(card(page));
    await page.keyboard.press("Escape");
    await with_.tab("past");
    await page.locator("hs-side li", { hasText: "+493012345" }).waitFor();
  },

  async "a missed call is called back"(page, with_) {
    await play("C dials Q2; G rings; C hangs up; see ended");
    await with_.tab("missed");
    await with_.push('hs-side li>button[aria-label="Call Erika Lindqvist"]');
    await play("G rings");
    await card(page).locator(".pill", { hasText: "Ringing" }).waitFor();
    await with_.press("hangup");
    await play("see ended; G stops ringing");
    await gone(card(page));
  },

  async "states with reasons"(page, with_) {
    await with_.choose("hs-me select", "lunch");
    await with_.push("hs-me #not_ready");
    await state(page, "Not ready");
    await page.locator("hs-me p", { hasText: "Lunch" }).waitFor();
    await with_.push("hs-me #logged_out");
    await state(page, "Logged out");
    await with_.push("hs-me #ready");
    await state(page, "Ready");
    const gina = await ask("GET", "/v1/agents/gina");
    assert.equal(gina.state, "ready");
  },
};

await inChromium(async (browser) => {
  await ask("PUT", "/v1/contacts/1001", { name: "Erika Lindqvist", company: "Nordlicht Optik", numbers: ["+49305550001"], fields: { tier: "gold", city: "Berlin" } });
  const context = await profile(browser);
  const page = await desktop(context);
  await state(page, "Ready");
  const with_ = hands[hand](page);
  for (const [name, story] of Object.entries(STORIES)) {
    if (!name.includes(process.env.STORY ?? "")) continue;
    try {
      await story(page, with_);
    } catch (error) {
      throw new Error(`${name}, by ${hand}: ${error}`, { cause: error });
    }
  }
  assert.deepEqual(page.complaints, []);
  assert.deepEqual(context.foreign, []);
});
