import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import type { SSHKey } from "../../src/api/sshkey.generated.ts";
import { run } from "../cluster/run.ts";
import { Stage } from "./stage.ts";

let stage: Stage;
let page: string;
let home: string;

beforeAll(async () => {
  stage = await Stage.open();
  await stage.run();
  page = await readFile("docs/proof.md", "utf8");
  home = await mkdtemp(join(tmpdir(), "sshkey-operator-proof-"));
  await mkdir(join(home, ".ssh"));
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(home, ".ssh", "id_ed25519")]);
});

afterAll(async () => {
  await stage.close();
  await rm(home, { recursive: true });
});

/** The block of docs/proof.md that begins so. */
function block(language: string, start: string): string {
  const blocks = page.split(`\`\`\`${language}\n`).slice(1);
  const found = blocks.find((each) => each.startsWith(start))?.split("```")[0];
  if (found === undefined) throw new Error(`docs/proof.md has no block that begins with: ${start}`);
  return found;
}

/** As alice types it, in a shell with her key and kubectl. */
async function shell(script: string): Promise<string> {
  const { kubectl, kubeconfig } = stage.cluster.controlPlane;
  const env = {
    HOME: home,
    PATH: [dirname(kubectl), process.env.PATH].join(delimiter),
    KUBECONFIG: kubeconfig,
  };
  const { code, stdout, stderr } = await run("sh", ["-e"], { input: script, env });
  if (code !== 0) throw new Error(`${script} ended with ${code}: ${stderr}`);
  return stdout;
}

test("the first command of docs/proof.md prints a proof that stands in the manifest as the page has it", async () => {
  const { namespace } = await stage.tenant();
  const proof = await shell(block("sh", "printf"));
  const key = await readFile(join(home, ".ssh", "id_ed25519.pub"), "utf8");
  const manifest = block("yaml", "apiVersion")
    .replace("team-a", namespace)
    .replace(/ssh-ed25519 .*/, key.trim())
    .replace(
      /( +)-----BEGIN[\s\S]*/,
      (_, indent) => `${indent}${proof.trim().replaceAll("\n", `\n${indent}`)}\n`,
    );
  expect((parse(manifest) as SSHKey).spec.proof).toBe(proof);
  expect((await stage.cluster.kubectl(["apply", "-f", "-"], manifest)).code).toBe(0);
  expect(
    await shell(`kubectl wait -n ${namespace} --for=condition=Proven sshkeys/alice-laptop --timeout=180s`),
  ).toContain("condition met");
});

test("its patch proves an SSHKey that is there", async () => {
  const tenant = await stage.tenant();
  const key = await readFile(join(home, ".ssh", "id_ed25519.pub"), "utf8");
  await tenant.create("alice-laptop", { user: "alice", key });
  const patch = block("sh", "kubectl patch").replaceAll("team-a", tenant.namespace);
  expect(await shell(patch.replace("kubectl wait", "kubectl wait --timeout=180s"))).toContain(
    "condition met",
  );
});
