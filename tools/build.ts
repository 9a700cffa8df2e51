import { build } from "esbuild";

/** Bundles the operator into dist/main.js: one file that needs nothing but Node. */
await build({
  entryPoints: ["src/main.ts"],
  outfile: "dist/main.js",
  bundle: true,
  platform: "node",
  target: "node24",
  format: "esm",
  minifySyntax: true,
  sourcemap: "linked",
  logLevel: "warning",
  // Dependencies in CommonJS call require for Node's own modules.
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
});
