import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Writes the npm package of the plugin into dist/package: the bundle and its list of known keys, which tools/build.ts must have
 * made, and what `packaging/` and package.json say. `npm pack ./dist/package` and `npm install --global ./dist/package` take it; krew
 * takes the archive of a release.
 */
const FOLDER = join("dist", "package");

const { version, license, engines } = JSON.parse(readFileSync("package.json", "utf8"));
const { name, ...rest } = JSON.parse(readFileSync(join("packaging", "package.json"), "utf8"));

rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER);
// Without the source map: more than twice the bundle, and nobody reads it.
cpSync(join("dist", "kubectl-sshkey.cjs"), join(FOLDER, "kubectl-sshkey.cjs"));
cpSync(join("dist", "known-keys.blocklist"), join(FOLDER, "known-keys.blocklist"));
cpSync(join("packaging", "kubectl_complete-sshkey.cjs"), join(FOLDER, "kubectl_complete-sshkey.cjs"));
cpSync(join("packaging", "README.md"), join(FOLDER, "README.md"));
cpSync("LICENSE", join(FOLDER, "LICENSE"));
const manifest = { name, version, license, ...rest, engines };
writeFileSync(join(FOLDER, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
