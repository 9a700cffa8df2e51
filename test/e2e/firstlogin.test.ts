import { copyFileSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../cluster/run.ts";
import { documented } from "./documented.ts";
import { freshNamespace, kubectl, REPOSITORY } from "./kubernetes.ts";

const NAMESPACE = "e2e-first-login";

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sshkey-operator-e2e-"));
  symlinkSync(join(REPOSITORY, "examples"), join(folder, "examples"));
  await freshNamespace(NAMESPACE);
  copyFileSync(process.env.KUBECONFIG ?? "", join(folder, "kubeconfig"));
  const context = ["config", "set-context", "--current", "--namespace", NAMESPACE];
  await kubectl([...context, "--kubeconfig", join(folder, "kubeconfig")]);
});

afterAll(async () => {
  await kubectl(["delete", "namespace", NAMESPACE, "--wait=false"]);
  rmSync(folder, { recursive: true });
});

/** As a reader of the README enters them, but for the port-forward, which ends with them. */
test("the README's commands lead to a login", async () => {
  const { KUBECTL = "kubectl", PATH } = process.env;
  const commands = documented("README.md", "sh", "ssh-keygen -q -t ed25519 -N '' -f alice_key");
  const { code, stdout, stderr } = await run("bash", ["-euc", `trap 'kill $(jobs -p)' EXIT\n${commands}`], {
    cwd: folder,
    env: { HOME: folder, KUBECONFIG: join(folder, "kubeconfig"), PATH: `${dirname(KUBECTL)}:${PATH}` },
  });
  const output = expect.stringMatching(/^uid=\d+\(alice\)/m);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: output, stderr: expect.any(String) });
});
