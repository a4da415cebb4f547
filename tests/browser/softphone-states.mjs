// What the telephone is and what is done next, each case a row: `states.ts`, without a browser.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const { WEB } = process.env;
const ts = createRequire(`${WEB}/`)("typescript");
const source = readFileSync(join(WEB, "src/desktop/softphone/states.ts"), "utf8");
const { outputText } = ts.transpileModule(source, { compilerOptions: { module: ts.ModuleKind.ES2022, target: ts.ScriptTarget.ES2022 } });
const { UNKNOWN, lost, refused, state, step } = await import(`data:text/javascript,${encodeURIComponent(outputText)}`);

const NOW = 1_000_000;
const whole = { wished: true, tab: "ours", microphone: "ready", password: true, link: { is: "registered" } };

const CASES = [
  // what is known, beside a telephone that works                      told          done
  [{}, "registered", "wait"],
  [{ wished: false }, "off", "rest"],
  [{ wished: false, microphone: "insecure" }, "off", "rest"],
  [{ microphone: "insecure" }, "insecure", "rest"],
  // Nobody asks for a microphone before it is known which tab is the telephone.
  [{ tab: "asking", microphone: "unknown", link: { is: "closed" } }, "connecting", "claim"],
  [{ tab: "elsewhere" }, "elsewhere", "rest"],
  [{ tab: "elsewhere", microphone: "refused", password: false }, "elsewhere", "rest"],
  [{ microphone: "unknown", link: { is: "closed" } }, "connecting", "microphone"],
  // Who cannot speak takes no calls, though the line is there.
  [{ microphone: "refused" }, "refused", "rest"],
  [{ microphone: "missing" }, "missing", "rest"],
  [{ password: false, link: { is: "closed" } }, "password", "rest"],
  [{ link: { is: "closed" } }, "connecting", "open"],
  [{ link: { is: "opening" } }, "connecting", "wait"],
  [{ link: { is: "denied", status: 401 } }, "denied", "wait"],
  [{ link: { is: "lost", times: 1, again: NOW + 1 } }, "gone", "wait"],
  [{ link: { is: "lost", times: 1, again: NOW } }, "gone", "open"],
];
for (const [known, told, done] of CASES) {
  const facts = { ...whole, ...known };
  assert.deepEqual([state(facts), step(facts, NOW)], [told, done], JSON.stringify(known));
}
assert.deepEqual([state(UNKNOWN), step(UNKNOWN, NOW)], ["off", "rest"]);

// Each loss in a row waits twice as long, up to half a minute, and never as long as all others.
let link = { is: "registered" };
const pauses = [];
for (let times = 0; times < 8; times += 1) {
  link = lost(link, NOW, 1);
  pauses.push(link.again - NOW);
}
assert.deepEqual(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
assert.equal(lost({ is: "registered" }, NOW, 0).again, NOW + 500);
assert.equal(lost({ is: "opening" }, NOW, 1).times, 1);

// A password that is wrong is not tried again by itself; a PBX in trouble is.
for (const status of [401, 403, 404, 407]) assert.deepEqual(refused({ is: "opening" }, status, NOW, 1), { is: "denied", status });
for (const status of [0, 408, 480, 500, 503]) assert.equal(refused({ is: "opening" }, status, NOW, 1).is, "lost");
