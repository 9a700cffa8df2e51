import { appendFile, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import manifest from "../../package.json" with { type: "json" };
import { deploymentIn, helm, render } from "../chart/helm.ts";
import { type Finished, run } from "../cluster/run.ts";

const { version } = manifest;
const TAG = `v${version}`;
const NAME = "registry.example/team/sshkey-operator";
const URL = "https://git.example/team/sshkey-operator";

let scratch: string;
let repository: string;

/** A clone whose changelog has the section that a release needs. */
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "sshkey-operator-test-"));
  repository = join(scratch, "repository");
  await run("git", ["clone", "--quiet", resolve("."), repository]);
  await appendFile(
    join(repository, "CHANGELOG.md"),
    `\n## [${version}] - 2026-01-01\n\n### Added\n\n- Everything.\n`,
  );
  const identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
  await run("git", [...identity, "commit", "--quiet", "--all", "--message=Release"], { cwd: repository });
  await run("git", ["tag", TAG], { cwd: repository });
});

afterAll(async () => {
  await rm(scratch, { recursive: true });
});

describe("a release", () => {
  let first: string;
  let second: string;

  beforeAll(async () => {
    [first, second] = [join(scratch, "first"), join(scratch, "second")];
    expect(await release(TAG, "--out", first)).toMatchObject({ code: 0 });
    // What is in the working tree is none of the tag's.
    await appendFile(join(repository, "src", "main.ts"), "syntax error");
    expect(await release(TAG, "--out", second)).toMatchObject({ code: 0 });
  });

  test("is the bundle, its bill of materials, the manifests, the chart, the notes and their checksums", async () => {
    const files = ["RELEASE_NOTES.md", "SHA256SUMS", "crds.yaml", "install.yaml"];
    const archives = ["spdx.json", "tar.gz", "tgz"].map((ending) => `sshkey-operator-${version}.${ending}`);
    expect((await readdir(first)).sort()).toEqual([...files, ...archives].sort());
    const { code } = await run("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: first });
    expect(code).toBe(0);
  });

  test("has the same bytes each time", async () => {
    const sums = await Promise.all([first, second].map((out) => readFile(join(out, "SHA256SUMS"), "utf8")));
    expect(sums[1]).toBe(sums[0]);
  });

  test("starts from its archive", async () => {
    await run("tar", ["-xzf", `sshkey-operator-${version}.tar.gz`], { cwd: first });
    const { stdout } = await run(process.execPath, [join(first, "main.cjs"), "--version"]);
    expect(stdout).toBe(`${version}\n`);
  });

  test("installs the image of that name and version", async () => {
    const documents = parseAllDocuments(await readFile(join(first, "install.yaml"), "utf8"));
    const deployment = documents.map((each) => each.toJS()).find(({ kind }) => kind === "Deployment");
    const images = deployment.spec.template.spec.containers.map(({ image }: { image: string }) => image);
    expect(images).toEqual([`${NAME}:${version}`]);
  });

  test("has a chart that installs the image of that name and version", async () => {
    const chart = join(first, `sshkey-operator-${version}.tgz`);
    expect(await helm(["lint", "--strict", chart])).toMatchObject({ code: 0 });
    const deployment = deploymentIn(await render({ chart }));
    expect(deployment.spec.template.spec.containers[0].image).toBe(`${NAME}:${version}`);
  });

  test("has a chart that tells its version, its image, its changes and where its source is", async () => {
    const { stdout } = await helm(["show", "chart", join(first, `sshkey-operator-${version}.tgz`)]);
    const { annotations, ...chart } = parse(stdout);
    expect(chart).toMatchObject({ version, appVersion: version, home: URL, sources: [URL] });
    expect(parse(annotations["artifacthub.io/images"])).toEqual([
      { name: "operator", image: `${NAME}:${version}` },
    ]);
    expect(parse(annotations["artifacthub.io/changes"])).toEqual([
      { kind: "added", description: "Everything." },
    ]);
  });

  test("tells what its changelog tells", async () => {
    expect(await readFile(join(first, "RELEASE_NOTES.md"), "utf8")).toBe("### Added\n\n- Everything.\n");
  });
});

describe("a tag that is none", () => {
  test("is told, with what to do", async () => {
    const { code, stderr } = await release("v99.0.0");
    expect([code, stderr]).toEqual([1, "release: there is no tag v99.0.0: git tag v99.0.0 makes it\n"]);
  });

  test("of another version than the files name is refused", async () => {
    await run("git", ["tag", "v98.0.0"], { cwd: repository });
    const { code, stderr } = await release("v98.0.0");
    expect([code, stderr]).toEqual([
      1,
      `release: package.json says ${version}: set its version to 98.0.0, commit, and tag again\n`,
    ]);
  });
});

async function release(...args: string[]): Promise<Finished> {
  return await run(
    process.execPath,
    [join(repository, "tools", "release.ts"), ...args, "--image", NAME, "--url", URL, "--without-image"],
    { cwd: repository },
  );
}
