import { describe, expect, test } from "vitest";
import { DEFAULT_POLICY, newKeyCommand, newKeyFile } from "../../src/claims/policy.ts";
import type { KeyType } from "../../src/ssh/keytype.ts";
import { run } from "../cluster/run.ts";

const policyOf = (type: KeyType) => ({ ...DEFAULT_POLICY, allowedTypes: [type] });

describe("the file of a new key", () => {
  test.each<KeyType>([
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
  ])("is the one that ssh-keygen proposes where only %s is accepted", async (type) => {
    const [command = "", ...args] = newKeyCommand(policyOf(type)).split(" ");
    const { stdout } = await run(command, args);
    expect(/\(.*\/\.ssh\/(.*)\): $/.exec(stdout)?.[1]).toBe(newKeyFile(policyOf(type)));
  });

  // ssh-keygen asks for the device, or for a newer release, before it names the file.
  test.each<[KeyType, string]>([
    ["sk-ssh-ed25519@openssh.com", "id_ed25519_sk"],
    ["sk-ecdsa-sha2-nistp256@openssh.com", "id_ecdsa_sk"],
    ["ssh-mldsa44-ed25519@openssh.com", "id_mldsa44_ed25519"],
  ])("where only %s is accepted is %s", (type, file) => {
    expect(newKeyFile(policyOf(type))).toBe(file);
  });
});
