import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RevokedKeys } from "../../src/knowledge/revokedkeys.ts";
import { run } from "../cluster/run.ts";

const [A, B, C] = ["A", "B", "C"].map((letter) => `SHA256:${letter.repeat(43)}`) as [string, string, string];

let folder: string;
let revokedKeys: RevokedKeys;
/** What is in force; the latest last. */
let told: string[][];
let problems: (number | undefined)[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "revoked-"));
  [told, problems] = [[], []];
  revokedKeys = new RevokedKeys({
    file: join(folder, "revoked"),
    onChange: (fingerprints) => void told.push([...fingerprints].sort()),
    onProblem: (_problem, line) => void problems.push(line),
    onLook: () => {},
  });
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** The file is read once with this in it. */
async function look(...lines: string[]): Promise<void> {
  await writeFile(join(folder, "revoked"), lines.join("\n"));
  await revokedKeys.load();
}

describe("the list of revoked keys", () => {
  test("has the keys of whole lines of ssh-keygen -l, as somebody in a hurry pastes them", async () => {
    const key = join(folder, "key");
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "alice's #1 (old)", "-f", key]);
    const { stdout } = await run("ssh-keygen", ["-l", "-f", key]);
    await look(stdout.trimEnd(), A);
    expect([told, problems]).toEqual([[[A, stdout.split(" ")[1]].sort()], []]);
  });

  test("has nothing of a line that begins with anything else", async () => {
    await look(`not ${A}`, `${B}x`, C);
    expect([told, problems]).toEqual([[[C]], [1, 2]]);
  });

  test("lets nobody in while its file is being written", async () => {
    await look(A, B);
    await look();
    await look(A, B.slice(0, 20));
    await look(A, B, C);
    expect([told, problems]).toEqual([
      [
        [A, B],
        [A, B, C],
      ],
      [],
    ]);
  });

  test("takes off what its file has no more, the second time", async () => {
    await look(A, B);
    await look(B);
    await look(B);
    expect(told).toEqual([[A, B], [B]]);
  });

  test("has what is new at once, whatever it has no more", async () => {
    await look(A);
    await look(B);
    expect(told).toEqual([[A], [A, B]]);
  });

  test("lets nobody in when its file is written a second time", async () => {
    await look(A, B);
    await look();
    await look(A, B);
    await look();
    expect(told.at(-1)).toEqual([A, B]);
  });

  test("has no more what was in its file for a moment", async () => {
    await look(A);
    await look(B);
    await look(A);
    await look(A);
    expect(told.at(-1)).toEqual([A]);
  });
});
