// Builds what the daemon serves: one module without dependencies, and its types.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

await build({
  entryPoints: [here("sdk/hookswitch.ts")],
  outfile: here("dist/hookswitch.js"),
  bundle: true,
  format: "esm",
  target: "es2022",
  platform: "neutral",
  charset: "utf8",
  legalComments: "none",
});
execFileSync(
  process.execPath,
  [here("node_modules/typescript/bin/tsc"), "--emitDeclarationOnly", "--outDir", here("dist/types"), "-p", here("tsconfig.json")],
  { stdio: "inherit" },
);
