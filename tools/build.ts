import { chmodSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { build, type Plugin } from "esbuild";
import { ASSETS } from "../src/portal/web/assets.ts";
import { writeKnownKeys } from "./known-keys.ts";

/** What dependencies import and the operator has no use for, with what they get instead. */
const REPLACED = [
  // Every type and every API of Kubernetes: 2,700 files, of which KubeConfig takes these two.
  {
    path: /^\.\/gen\/index\.js$/,
    importer: "/@kubernetes/client-node/",
    contents:
      'export { createConfiguration } from "./gen/configuration.js"; export { ServerConfiguration } from "./gen/servers.js";',
  },
  // KubeConfig's dispatchers; requests go by node:https here. 30 MB of memory.
  {
    path: /^(undici|socks)$/,
    importer: "/@kubernetes/client-node/",
    contents: "export const fetch = 0, Agent = 0, ProxyAgent = 0, SocksClient = 0;",
  },
  // KubeConfig gets its text as JSON.
  { path: /^js-yaml$/, importer: "/@kubernetes/client-node/", contents: "export const load = JSON.parse;" },
  // Metrics of a Node cluster, and pushing them. 3 MB of memory.
  { path: /^\.\/lib\/(cluster|pushgateway)$/, importer: "/prom-client/", contents: "" },
  // Asked for the trace of an exemplar, of which there are none.
  { path: /^@opentelemetry\/api$/, importer: "/prom-client/", contents: "" },
  // What few kubeconfigs need is loaded when one does: a socks proxy, the providers of gcp and azure. 2 MB of memory.
  {
    path: /^socks-proxy-agent$/,
    importer: "",
    contents:
      'export function SocksProxyAgent(...args) { return new (require("socks-proxy-agent").SocksProxyAgent)(...args); }',
  },
  {
    path: /^jsonpath-plus$/,
    importer: "/@kubernetes/client-node/",
    contents: 'export const JSONPath = (...args) => require("jsonpath-plus").JSONPath(...args);',
  },
] as const;

const replaced: Plugin = {
  name: "replaced",
  setup({ onResolve, onLoad }) {
    for (const { path, importer, contents } of REPLACED) {
      onResolve({ filter: path }, (from) =>
        // What takes a module's place may load that very module.
        from.importer.includes(importer) && from.namespace !== replaced.name
          ? {
              path: from.path,
              namespace: replaced.name,
              pluginData: { contents, resolveDir: from.resolveDir },
            }
          : undefined,
      );
    }
    onLoad({ filter: /./, namespace: replaced.name }, ({ pluginData }) => pluginData);
  },
};

/** What browsers load from the portal, and the script among it. */
const portalAssets: Plugin = {
  name: "portal-assets",
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/portal\/web\/assets\.ts$/ }, async () => {
      const { outputFiles } = await build({
        write: false,
        entryPoints: ["src/portal/browser/portal.ts"],
        bundle: true,
        platform: "browser",
        target: "es2022",
        format: "iife",
        minify: true,
        logLevel: "warning",
      });
      const content = outputFiles.map(({ text }) => text).join("");
      const script = { name: "portal.js", type: "text/javascript; charset=utf-8", content };
      return { contents: `export const ASSETS = ${JSON.stringify([...ASSETS, script])};`, loader: "js" };
    });
  },
};

const OLDEST_NODE = 24;

/**
 * Bundles the operator into dist/main.cjs and the plugin into dist/kubectl-sshkey.cjs: each one file that needs nothing but
 * Node, and uses the list of known keys where it stands beside it. CommonJS, because an ES module that imports node:http makes
 * Node load everything that it exports, its WebSocket too: 14 MB.
 */
const bundles = build({
  write: false,
  entryPoints: {
    main: "src/main.ts",
    "kubectl-sshkey": "src/plugin/main.ts",
  },
  outdir: "dist",
  outExtension: { ".js": ".cjs" },
  bundle: true,
  platform: "node",
  target: "node24",
  format: "cjs",
  minifySyntax: true,
  minifyWhitespace: true,
  plugins: [replaced, portalAssets],
  sourcemap: "linked",
  logLevel: "warning",
  // Stands behind a question that the bundle answers otherwise.
  logOverride: { "empty-import-meta": "silent" },
});
// esbuild is a process of its own, and takes about as long.
await writeKnownKeys();
const { outputFiles } = await bundles;

// One character beyond Latin-1, in a pattern even, makes V8 keep two bytes for each of the bundle's.
if (outputFiles.some(({ path, text }) => path.endsWith(".cjs") && /[\u0100-\uffff]/u.test(text))) {
  throw new Error("the bundle has a character beyond Latin-1: write it as \\uXXXX");
}

// Renamed into place, so that nobody ever starts half a bundle.
mkdirSync("dist", { recursive: true });
for (const { path, text } of outputFiles) {
  const isPlugin = path.endsWith("kubectl-sshkey.cjs");
  writeFileSync(`${path}.${process.pid}`, isPlugin ? forAnyNode(text) : text);
  if (isPlugin) chmodSync(`${path}.${process.pid}`, 0o755);
  renameSync(`${path}.${process.pid}`, path);
}

/**
 * People run the plugin with the Node that they have. An older one cannot read the bundle far enough to be told that it is too
 * old, so there the bundle is a string, compiled once that is known. Its lines keep their numbers for the source map.
 */
function forAnyNode(bundle: string): string {
  const [shebang, ...lines] = bundle.split("\n");
  const advice = `kubectl sshkey needs Node ${OLDEST_NODE} or newer, and this is Node `;
  return `${shebang}
if (parseInt(process.versions.node, 10) < ${OLDEST_NODE}) {
  process.stderr.write("error: ${advice}" + process.versions.node + ": install a newer one, or put it first on the PATH\\n");
  process.exitCode = 2;
} else module._compile(${JSON.stringify(["", ...lines].join("\n"))}, __filename);
`;
}
