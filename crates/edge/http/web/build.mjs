// Builds what the daemon serves, into dist/:
//   pages/     one folder a page with its index.html, and assets/ whose names hold a hash of their content
//   hookswitch.js, types/    the client library and <hookswitch-phone>: one module without dependencies, and its types
//   hubspot.js, …            adapters of the element to what CRMs offer in a frame, one module each

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { build } from "vite";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const common = {
  configFile: false,
  logLevel: "warn",
  // Licences of what is bundled travel with it.
  esbuild: { legalComments: "eof", charset: "utf8", target: "es2022" },
};
const pages = ["desktop", "wallboard", "admin", "dial"].filter((page) => existsSync(here(`src/${page}/index.html`)));

await build({
  ...common,
  root: here("src"),
  // Relative addresses: a page also works under a prefix of a proxy.
  base: "./",
  build: {
    outDir: here("dist/pages"),
    emptyOutDir: true,
    target: "es2022",
    // Inline scripts and data: addresses are forbidden by the pages' policy.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: { input: Object.fromEntries(pages.map((page) => [page, here(`src/${page}/index.html`)])) },
  },
});

const modules = { hookswitch: "sdk/index.ts", hubspot: "sdk/adapters/hubspot.ts", salesforce: "sdk/adapters/salesforce.ts", dynamics: "sdk/adapters/dynamics.ts" };
for (const [name, entry] of Object.entries(modules)) {
  await build({
    ...common,
    root: here("sdk"),
    build: {
      outDir: here("dist"),
      emptyOutDir: false,
      target: "es2022",
      minify: false,
      lib: { entry: here(entry), formats: ["es"], fileName: () => `${name}.js` },
    },
  });
}
execFileSync(process.execPath, [here("node_modules/typescript/bin/tsc"), "-p", here("tsconfig.sdk.json")], { stdio: "inherit" });
