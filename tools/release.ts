import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

const USAGE = `node tools/release.ts vX.Y.Z --image REGISTRY/NAME [--url URL] [--out DIR] [--without-image] [--push]

  Makes of a tag what a release consists of, in DIR (default dist/release/vX.Y.Z):
    sshkey-operator-X.Y.Z.tar.gz      the bundle, which needs nothing but Node, its list of known keys and its source map
    sshkey-operator-X.Y.Z.spdx.json   its bill of materials (SPDX), which the image has too
    kubectl-sshkey-X.Y.Z.tgz          the plugin: an npm package, whose file krew takes, too
    sshkey.yaml                       its manifest for krew
    install.yaml, crds.yaml           the manifests, with the image's name and tag
    sshkey-operator-X.Y.Z.tgz         the Helm chart, with the same
    sshkey-operator-X.Y.Z.oci.tar     the image for linux/amd64 and linux/arm64 (docker buildx)
    RELEASE_NOTES.md                  the version's section of CHANGELOG.md
    SHA256SUMS                        of all of them

  --image          the name under which the image will be pulled
  --url            where the source is, as https://github.com/ORG/sshkey-operator, for the links of chart and plugin;
                   krew gets the plugin from there, below releases/download/vX.Y.Z/
  --without-image  leaves the image out, where there is no docker
  --push           pushes the image too; the rest is never uploaded

The same tag gives the same bytes, whatever the machine: the image too, as long as its base images have the same digests
(BUILD_IMAGE and RUNTIME_IMAGE in the environment can name them).`;

const REPOSITORY = resolve(import.meta.dirname, "..");
const PLATFORMS = "linux/amd64,linux/arm64";

/** What is wrong with the tag or the machine, and what to do: one line for a person. */
class ReleaseError extends Error {}

try {
  release();
} catch (error) {
  if (!(error instanceof ReleaseError)) throw error;
  process.stderr.write(`release: ${error.message}\n`);
  process.exitCode = 1;
}

function release(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      image: { type: "string" },
      url: { type: "string" },
      out: { type: "string" },
      "without-image": { type: "boolean", default: false },
      push: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const [tag = ""] = positionals;
  const version = /^v(\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)$/.exec(tag)?.[1];
  if (version === undefined || values.image === undefined)
    throw new ReleaseError(`a tag vX.Y.Z and --image are needed:\n\n${USAGE}`);
  const out = resolve(values.out ?? join(REPOSITORY, "dist", "release", tag));
  const scratch = mkdtempSync(join(tmpdir(), "sshkey-operator-release-"));
  const source = join(scratch, "source");
  try {
    checkOut(tag, source);
    // What a file's time would say: reproducible-builds.org/specs/source-date-epoch.
    const epoch = run("git", ["log", "-1", "--format=%ct"], source).trim();
    const notes = releaseNotes(source, version);
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out, { recursive: true });
    writeFileSync(join(out, "RELEASE_NOTES.md"), notes);
    bundle(source, out, version, epoch);
    plugin(source, out, { version, epoch, url: values.url });
    manifests(source, out, values.image, version);
    chart(source, out, { name: values.image, version, notes, epoch, url: values.url });
    if (!values["without-image"]) image(source, out, `${values.image}:${version}`, epoch, values.push);
    checksums(out);
    for (const name of readdirSync(out)) console.log(join(out, name));
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** Nothing of the working tree gets into a release: only what the tag names. */
function checkOut(tag: string, source: string): void {
  const found = spawnSync("git", ["rev-parse", "--quiet", "--verify", `refs/tags/${tag}^{commit}`], {
    cwd: REPOSITORY,
  });
  if (found.status !== 0) throw new ReleaseError(`there is no tag ${tag}: git tag ${tag} makes it`);
  run("git", ["clone", "--quiet", "--no-checkout", REPOSITORY, source], REPOSITORY);
  run("git", ["-c", "advice.detachedHead=false", "checkout", "--quiet", tag], source);
}

/** The section of the version in CHANGELOG.md. Refuses a tag whose files name another version. */
function releaseNotes(source: string, version: string): string {
  const named: string = JSON.parse(readFileSync(join(source, "package.json"), "utf8")).version;
  if (named !== version)
    throw new ReleaseError(
      `package.json says ${named}: set its version to ${version}, commit, and tag again`,
    );
  const sections = readFileSync(join(source, "CHANGELOG.md"), "utf8").split(/^(?=## )/m);
  const section = sections.find((each) => each.startsWith(`## [${version}] - `));
  if (section === undefined)
    throw new ReleaseError(
      `CHANGELOG.md has no section "## [${version}] - DATE": rename Unreleased, and tag again`,
    );
  return `${section.split("\n").slice(1).join("\n").trim()}\n`;
}

/** No install script is needed to build the bundle. */
function bundle(source: string, out: string, version: string, epoch: string): void {
  run(
    "npm",
    ["ci", "--ignore-scripts", "--prefer-offline", "--no-fund", "--no-audit", "--loglevel=error"],
    source,
  );
  run(process.execPath, ["tools/build.ts"], source);
  run(process.execPath, ["tools/sbom.ts"], source, { SOURCE_DATE_EPOCH: epoch });
  cpSync(join(source, "dist", "sbom.spdx.json"), join(out, `sshkey-operator-${version}.spdx.json`));
  cpSync(join(source, "LICENSE"), join(source, "dist", "LICENSE"));
  archive(
    join(out, `sshkey-operator-${version}.tar.gz`),
    join(source, "dist"),
    ["LICENSE", "known-keys.blocklist", "main.cjs", "main.cjs.map"],
    epoch,
  );
}

/** The bundle must be built. */
function plugin(source: string, out: string, o: Pick<ChartRelease, "version" | "epoch" | "url">): void {
  run(process.execPath, ["tools/pack-plugin.ts"], source);
  const folder = join(source, "dist", "package");
  for (const file of ["package.json", "README.md"])
    writeFileSync(join(folder, file), linked(readFileSync(join(folder, file), "utf8"), o.url));
  const file = join(out, `kubectl-sshkey-${o.version}.tgz`);
  archive(file, join(source, "dist"), ["package"], o.epoch);
  const manifest = readFileSync(join(source, "packaging", "sshkey.yaml"), "utf8");
  const filled = manifest.replaceAll("0.0.0", o.version).replace("0".repeat(64), sha256(file));
  writeFileSync(join(out, "sshkey.yaml"), linked(filled, o.url));
}

/** The text with the links to where the source is. */
function linked(text: string, url: string | undefined): string {
  return url === undefined ? text : text.replaceAll("https://github.com/YOUR_ORG/sshkey-operator", () => url);
}

/** The same files give the same bytes, whoever owns them here and whatever they may do. */
function archive(file: string, folder: string, entries: readonly string[], epoch: string): void {
  const tar = [
    "--sort=name",
    `--mtime=@${epoch}`,
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "--mode=u=rwX,go=rX",
  ];
  // gzip -n: no name and time in its header.
  run("tar", [...tar, "-I", "gzip -9n", "-cf", file, ...entries], folder);
}

function manifests(source: string, out: string, name: string, version: string): void {
  const folder = join(source, "release");
  mkdirSync(folder);
  const kustomization = {
    resources: ["../deploy"],
    images: [{ name: "sshkey-operator", newName: name, newTag: version }],
  };
  writeFileSync(join(folder, "kustomization.yaml"), JSON.stringify(kustomization));
  const kubectl = join(run(process.execPath, ["controlplane/main.ts"], source).trim(), "kubectl");
  writeFileSync(join(out, "install.yaml"), run(kubectl, ["kustomize", "release"], source));
  writeFileSync(join(out, "crds.yaml"), run(kubectl, ["kustomize", "crds"], source));
}

interface ChartRelease {
  readonly name: string;
  readonly version: string;
  readonly notes: string;
  readonly epoch: string;
  readonly url: string | undefined;
}

function chart(source: string, out: string, o: ChartRelease): void {
  const folder = join(source, "charts", "sshkey-operator");
  const edit = (name: string, changes: readonly (readonly [RegExp, string])[]) => {
    let text = readFileSync(join(folder, name), "utf8");
    for (const [from, to] of changes) {
      if (!from.test(text)) throw new ReleaseError(`the chart's ${name} has nothing like ${from}`);
      text = text.replace(from, () => to);
    }
    writeFileSync(join(folder, name), linked(text, o.url));
  };
  edit("values.yaml", [[/^ {2}repository: sshkey-operator$/m, `  repository: ${o.name}`]]);
  edit("Chart.yaml", [
    [/^version: .*$/m, `version: ${o.version}`],
    [/^appVersion: .*$/m, `appVersion: ${o.version}`],
    [/image: sshkey-operator:.*$/m, `image: ${o.name}:${o.version}`],
    [/^annotations:$/m, `annotations:\n${changesAnnotation(o.notes)}`],
  ]);
  archive(
    join(out, `sshkey-operator-${o.version}.tgz`),
    join(source, "charts"),
    ["sshkey-operator"],
    o.epoch,
  );
}

/** The changelog's section as Artifact Hub shows it: artifacthub.io/docs/topics/annotations/helm. */
function changesAnnotation(notes: string): string {
  const entries = notes.split(/^### /m).flatMap((section) => {
    const [kind = "", ...lines] = section.split("\n");
    return lines
      .filter((line) => line.startsWith("- "))
      .map((line) => ({ kind: kind.trim().toLowerCase(), description: line.slice(2) }));
  });
  return `  artifacthub.io/changes: ${JSON.stringify(JSON.stringify(entries))}`;
}

function image(source: string, out: string, name: string, epoch: string, isPushed: boolean): void {
  if (spawnSync("docker", ["buildx", "version"]).status !== 0)
    throw new ReleaseError("docker buildx is needed for the image; --without-image leaves it out");
  const version = name.slice(name.lastIndexOf(":") + 1);
  const file = join(out, `sshkey-operator-${version}.oci.tar`);
  const bases = ["BUILD_IMAGE", "RUNTIME_IMAGE"].flatMap((base) =>
    process.env[base] === undefined ? [] : ["--build-arg", `${base}=${process.env[base]}`],
  );
  const build = ["buildx", "build", "--platform", PLATFORMS, "--provenance=false", "--tag", name, ...bases];
  const outputs = [
    `type=oci,dest=${file},rewrite-timestamp=true`,
    ...(isPushed ? ["type=registry,rewrite-timestamp=true"] : []),
  ];
  const revision = run("git", ["rev-parse", "HEAD"], source).trim();
  const labels = [`VERSION=${version}`, `REVISION=${revision}`].flatMap((label) => ["--build-arg", label]);
  run("docker", [...build, ...labels, ...outputs.flatMap((output) => ["--output", output]), "."], source, {
    SOURCE_DATE_EPOCH: epoch,
  });
}

function checksums(out: string): void {
  const lines = readdirSync(out).map((name) => `${sha256(join(out, name))}  ${name}\n`);
  writeFileSync(join(out, "SHA256SUMS"), lines.join(""));
}

function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

/** What the program prints; what it complains of goes to stderr. */
function run(program: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): string {
  const { status, stdout, error } = spawnSync(program, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...env },
    maxBuffer: 64 * 2 ** 20,
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (error !== undefined) throw new ReleaseError(`${program} cannot be started: ${error.message}`);
  if (status !== 0) throw new ReleaseError(`${[program, ...args].join(" ")}: exit code ${status}`);
  return stdout;
}
