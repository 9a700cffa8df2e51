import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { build, type Plugin } from "esbuild";

/**
 * client-node does not declare that its modules only declare things, so a bundler has to keep hundreds that
 * KubeConfig never uses.
 */
const pureClientNode: Plugin = {
  name: "pure-client-node",
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^\.{1,2}\// }, async ({ path, resolveDir, kind, importer, pluginData }) => {
      if (pluginData === pureClientNode.name || !importer.includes("/@kubernetes/client-node/"))
        return undefined;
      const found = await resolve(path, { resolveDir, kind, importer, pluginData: pureClientNode.name });
      return { ...found, sideEffects: false };
    });
  },
};

/** Bundles the operator into dist/main.js: one file that needs nothing but Node. */
const { outputFiles } = await build({
  write: false,
  entryPoints: ["src/main.ts"],
  outfile: "dist/main.js",
  bundle: true,
  platform: "node",
  target: "node24",
  format: "esm",
  minifySyntax: true,
  minifyWhitespace: true,
  plugins: [pureClientNode],
  sourcemap: "linked",
  logLevel: "warning",
  // Dependencies in CommonJS call require for Node's own modules.
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
});

// Renamed into place, so that nobody ever starts half a bundle.
mkdirSync("dist", { recursive: true });
for (const { path, contents } of outputFiles) {
  writeFileSync(`${path}.${process.pid}`, contents);
  renameSync(`${path}.${process.pid}`, path);
}
