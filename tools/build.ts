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

/** What dependencies import for features that the operator has no use for, and what its memory would be without this. */
const UNUSED = [
  // KubeConfig's dispatchers; requests go by node:https here. 30 MB.
  {
    path: /^undici$/,
    importer: "/@kubernetes/client-node/",
    contents: "export const fetch = 0, Agent = 0, ProxyAgent = 0;",
  },
  // Metrics of a Node cluster, and pushing them. 3 MB.
  { path: /^\.\/lib\/(cluster|pushgateway)$/, importer: "/prom-client/", contents: "" },
] as const;

const withoutUnused: Plugin = {
  name: "without-unused",
  setup({ onResolve, onLoad }) {
    for (const { path, importer, contents } of UNUSED) {
      onResolve({ filter: path }, (from) =>
        from.importer.includes(importer)
          ? { path: from.path, namespace: withoutUnused.name, pluginData: contents }
          : undefined,
      );
    }
    onLoad({ filter: /./, namespace: withoutUnused.name }, ({ pluginData }) => ({ contents: pluginData }));
  },
};

/**
 * Bundles the operator into dist/main.cjs: one file that needs nothing but Node. CommonJS, because an ES module that
 * imports node:http makes Node load everything that it exports, its WebSocket too: 14 MB.
 */
const { outputFiles } = await build({
  write: false,
  entryPoints: ["src/main.ts"],
  outfile: "dist/main.cjs",
  bundle: true,
  platform: "node",
  target: "node24",
  format: "cjs",
  minifySyntax: true,
  minifyWhitespace: true,
  plugins: [pureClientNode, withoutUnused],
  sourcemap: "linked",
  logLevel: "warning",
  // Stands behind a question that the bundle answers otherwise.
  logOverride: { "empty-import-meta": "silent" },
});

// Renamed into place, so that nobody ever starts half a bundle.
mkdirSync("dist", { recursive: true });
for (const { path, contents } of outputFiles) {
  writeFileSync(`${path}.${process.pid}`, contents);
  renameSync(`${path}.${process.pid}`, path);
}
