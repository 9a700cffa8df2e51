import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { type Finished, run } from "../cluster/run.ts";

/** A clone of this repository with a tag of its version, whose changelog has the section that a release needs. */
export class TaggedRepository {
  static readonly IMAGE = "registry.example/team/sshkey-operator";
  static readonly URL = "https://git.example/team/sshkey-operator";
  readonly tag = `v${manifest.version}`;
  readonly folder: string;
  readonly #scratch: string;

  private constructor(scratch: string) {
    this.#scratch = scratch;
    this.folder = join(scratch, "repository");
  }

  static async make(): Promise<TaggedRepository> {
    const repository = new TaggedRepository(await mkdtemp(join(tmpdir(), "sshkey-operator-release-test-")));
    const { folder, tag } = repository;
    await run("git", ["clone", "--quiet", resolve("."), folder]);
    await appendFile(
      join(folder, "CHANGELOG.md"),
      `\n## [${manifest.version}] - 2026-01-01\n\n### Added\n\n- Everything.\n`,
    );
    const identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
    await run("git", [...identity, "commit", "--quiet", "--all", "--message=Release"], { cwd: folder });
    await run("git", ["tag", tag], { cwd: folder });
    return repository;
  }

  /** Makes a release, without an image, into a folder of that name, which the caller gets. */
  async release(name: string): Promise<string> {
    const out = join(this.#scratch, name);
    const { code, stderr } = await this.tryRelease(this.tag, "--out", out);
    if (code !== 0) throw new Error(stderr);
    return out;
  }

  async tryRelease(...args: readonly string[]): Promise<Finished> {
    const { IMAGE, URL } = TaggedRepository;
    const script = join(this.folder, "tools", "release.ts");
    return await run(process.execPath, [script, ...args, "--image", IMAGE, "--url", URL, "--without-image"], {
      cwd: this.folder,
    });
  }

  async remove(): Promise<void> {
    await rm(this.#scratch, { recursive: true });
  }
}
