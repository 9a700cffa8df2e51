import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

/**
 * Writes dist/sbom.spdx.json beside the bundle: npm's own bill of materials (SPDX 2.3), less the packages of which
 * nothing is in the bundle, which tools/build.ts must have built. The same sources give the same bytes.
 */
interface Document {
  documentNamespace: string;
  name: string;
  creationInfo: { created: string; creators: readonly string[] };
  documentDescribes: readonly string[];
  packages: readonly { readonly SPDXID: string; readonly name: string }[];
  relationships: readonly { readonly spdxElementId: string; readonly relatedSpdxElement: string }[];
}

// Not --omit=dev: npm 11 then leaves out runtime dependencies that a development dependency has as an optional peer.
const args = ["sbom", "--package-lock-only", "--sbom-format=spdx", "--sbom-type=application"];
const document: Document = JSON.parse(execFileSync("npm", args, { encoding: "utf8" }));

const bundled = bundledPackages();
const packages = document.packages.filter(
  ({ SPDXID, name }) => document.documentDescribes.includes(SPDXID) || bundled.has(name),
);
const ids = new Set([...packages.map(({ SPDXID }) => SPDXID), "SPDXRef-DOCUMENT"]);
const relationships = document.relationships.filter(
  ({ spdxElementId, relatedSpdxElement }) => ids.has(spdxElementId) && ids.has(relatedSpdxElement),
);
// When the sources are from, not when and by which npm this ran: reproducible-builds.org/specs/source-date-epoch.
const creationInfo = { created: sourceDate(), creators: [`Tool: ${document.name}`] };
const content = createHash("sha256")
  .update(JSON.stringify([packages, relationships, creationInfo]))
  .digest("hex");
const written: Document = {
  ...document,
  packages,
  relationships,
  documentNamespace: `https://sshkey-operator.dev/spdx/${document.name}-${content}`,
  creationInfo,
};
writeFileSync("dist/sbom.spdx.json", `${JSON.stringify(written, undefined, 2)}\n`);

/** The names of the packages that the bundles have a file of, as their source maps say. */
function bundledPackages(): Set<string> {
  const names = ["main", "kubectl-sshkey"]
    .flatMap(sourcesOf)
    .map((source) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(source)?.[1]);
  return new Set(names.filter((name) => name !== undefined));
}

function sourcesOf(bundle: string): readonly string[] {
  return JSON.parse(readFileSync(`dist/${bundle}.cjs.map`, "utf8")).sources;
}

function sourceDate(): string {
  const seconds = Number(process.env.SOURCE_DATE_EPOCH ?? 0);
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}
