import { appendFile, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import manifest from "../../package.json" with { type: "json" };
import { deploymentIn, helm, render } from "../chart/helm.ts";
import { run } from "../cluster/run.ts";
import { TaggedRepository } from "./taggedrepository.ts";

const { version } = manifest;
const { IMAGE: NAME, URL } = TaggedRepository;

let repository: TaggedRepository;

beforeAll(async () => {
  repository = await TaggedRepository.make();
});

afterAll(async () => {
  await repository?.remove();
});

describe("a release", () => {
  let first: string;
  let second: string;

  beforeAll(async () => {
    first = await repository.release("first");
    // What is in the working tree is none of the tag's.
    await appendFile(join(repository.folder, "src", "main.ts"), "syntax error");
    second = await repository.release("second");
  });

  test("is the bundle, its bill of materials, the plugin, the manifests, the chart, the notes and their checksums", async () => {
    const files = ["RELEASE_NOTES.md", "SHA256SUMS", "crds.yaml", "install.yaml", "sshkey.yaml"];
    const archives = ["spdx.json", "tar.gz", "tgz"].map((ending) => `sshkey-operator-${version}.${ending}`);
    const plugin = `kubectl-sshkey-${version}.tgz`;
    expect((await readdir(first)).sort()).toEqual([...files, ...archives, plugin].sort());
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

  test("has in its archive the list of known keys", async () => {
    await run("tar", ["-xzf", `sshkey-operator-${version}.tar.gz`], { cwd: first });
    const { stdout } = await run(process.execPath, [join(first, "main.cjs"), "blocklist", "show"]);
    expect(stdout).toContain("300,000  ECDSA private keys 1 to 100,000");
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
    const { code, stderr } = await repository.tryRelease("v99.0.0");
    expect([code, stderr]).toEqual([1, "release: there is no tag v99.0.0: git tag v99.0.0 makes it\n"]);
  });

  test("of another version than the files name is refused", async () => {
    await run("git", ["tag", "v98.0.0"], { cwd: repository.folder });
    const { code, stderr } = await repository.tryRelease("v98.0.0");
    expect([code, stderr]).toEqual([
      1,
      `release: package.json says ${version}: set its version to 98.0.0, commit, and tag again\n`,
    ]);
  });
});
