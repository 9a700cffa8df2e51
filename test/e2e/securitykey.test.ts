import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../cluster/eventually.ts";
import { makeKey, makeSignature, publicKeyLine, USER_PRESENT } from "../ssh/signer.ts";
import { startForgingAgent } from "../sshd/forgingagent.ts";
import { refreshPods } from "./kubernetes.ts";
import { SSHDPod } from "./sshdpod.ts";

const NAMESPACE = "e2e-security-key";

let pod: SSHDPod;
let folder: string;

beforeAll(async () => {
  pod = await SSHDPod.start(NAMESPACE);
  folder = mkdtempSync(join(tmpdir(), "sshkey-operator-sk-"));
});

afterAll(async () => {
  await pod.stop();
  rmSync(folder, { recursive: true });
});

test("a key of a security key logs in when its authenticator signs, and not without a touch", async () => {
  const key = makeKey("sk-ssh-ed25519@openssh.com");
  const file = join(folder, "key.pub");
  writeFileSync(file, `${publicKeyLine(key)}\n`);
  await pod.declare("key", { publicKey: publicKeyLine(key) });
  await refreshPods(NAMESPACE);

  const attempt = async (flags: number) => {
    const agent = await startForgingAgent(join(folder, `agent-${flags}`), key.blob, (data) =>
      makeSignature(key, data, { flags }),
    );
    try {
      return (await pod.login({ file }, { agent: agent.socket })).accepted;
    } finally {
      await agent.stop();
    }
  };
  await eventually("the key logs in", () => attempt(USER_PRESENT));
  expect(await attempt(0)).toBe(false);
});
