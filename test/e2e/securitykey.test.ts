import { generateKeyPairSync, hash, type KeyObject, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { encodeStrings } from "../../src/ssh/wire.ts";
import { eventually } from "../cluster/eventually.ts";
import { type Forge, startForgingAgent } from "../sshd/forgingagent.ts";
import { refreshPods } from "./kubernetes.ts";
import { SSHDPod } from "./sshdpod.ts";

const NAMESPACE = "e2e-security-key";
const TYPE = "sk-ssh-ed25519@openssh.com";
const APPLICATION = "ssh:";
const USER_PRESENT = 1;

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
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const point = publicKey.export({ type: "spki", format: "der" }).subarray(-32);
  const blob = encodeStrings([Buffer.from(TYPE), point, Buffer.from(APPLICATION)]);
  const line = `${TYPE} ${blob.toString("base64")}`;
  const file = join(folder, "key.pub");
  writeFileSync(file, `${line}\n`);
  await pod.declare("key", { publicKey: line });
  await refreshPods(NAMESPACE);

  const attempt = async (flags: number) => {
    const agent = await startForgingAgent(
      join(folder, `agent-${flags}`),
      blob,
      authenticator(privateKey, flags),
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

/** What a security key's firmware does: OpenSSH's PROTOCOL.u2f, "SSH U2F signatures". */
function authenticator(privateKey: KeyObject, flags: number): Forge {
  return (data) => {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(1);
    const head = Buffer.concat([Buffer.of(flags), counter]);
    const signed = Buffer.concat([
      hash("sha256", APPLICATION, "buffer"),
      head,
      hash("sha256", data, "buffer"),
    ]);
    return Buffer.concat([encodeStrings([Buffer.from(TYPE), sign(null, signed, privateKey)]), head]);
  };
}
