// The types of the library are those of what the daemon says of itself now.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { assert, library, ready, url } from "./common.mjs";

const web = dirname(dirname(library));
const made = join(mkdtempSync(join(tmpdir(), "hookswitch-sdk-")), "contract.ts");
execFileSync(process.execPath, [join(web, "contract.mjs"), url, made], { stdio: "pipe" });
ready();
assert.equal(readFileSync(made, "utf8"), readFileSync(join(web, "sdk/contract.ts"), "utf8"), `run: node contract.mjs ${url}`);
