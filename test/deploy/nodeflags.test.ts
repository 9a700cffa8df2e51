import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { spawnOperator } from "../cluster/operatorprocess.ts";
import { kubeconfigText } from "../kube/localserver.ts";

/** The API server that it names never answers. */
let kubeconfig: string;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sshkey-operator-test-"));
  kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, kubeconfigText("http://127.0.0.1:9"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe("run", () => {
  test("sets Node's options itself, whoever starts it", async () => {
    expect(await started({})).toEqual(expect.arrayContaining(["--max-semi-space-size=8", "--expose-gc"]));
  });

  test("leaves a size that is given as it is", async () => {
    const args = await started({ NODE_OPTIONS: "--max-semi-space-size=32" });
    expect(args.filter((arg) => arg.includes("semi-space"))).toEqual([]);
  });
});

/** The command line that the kernel knows of an operator that was started with this environment. */
async function started(env: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const operator = await spawnOperator({ kubeconfig, env });
  try {
    await operator.logged("Started");
    return (await readFile(`/proc/${operator.child.pid}/cmdline`, "utf8")).split("\0");
  } finally {
    await operator.stop();
  }
}
