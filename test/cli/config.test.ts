import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/cli/config.ts";
import { EXIT, ExitError } from "../../src/cli/exitcodes.ts";
import { DEFAULT_SETTINGS } from "../../src/operator/settings.ts";

const README = readFileSync(join(import.meta.dirname, "..", "..", "README.md"), "utf8");
const HOUR = 60 * 60 * 1000;

function refusal(text: string): ExitError {
  try {
    parseConfig(text, "config.yaml");
  } catch (error) {
    if (error instanceof ExitError) return error;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

describe("the configuration file", () => {
  it("may be empty: every field has a default", () => {
    expect(parseConfig("", "config.yaml")).toEqual(DEFAULT_SETTINGS);
  });

  it("stands in the README with its defaults", () => {
    const [, yaml] = /```yaml\n(duplicateScope:.*?)```/s.exec(README) ?? [];
    expect(parseConfig(yaml ?? "missing", "README.md")).toEqual(DEFAULT_SETTINGS);
  });

  it("says which keys count as duplicates", () => {
    expect(parseConfig("duplicateScope: User", "c").policy.duplicateScope).toBe("User");
  });

  it("takes every field of the policy", () => {
    const text =
      "policy: { allowedTypes: [ssh-rsa], minimumRSABits: 3072, maximumLifetime: 30d, maximumKeysPerUser: 5 }";
    expect(parseConfig(text, "c").policy).toEqual({
      duplicateScope: "Cluster",
      allowedTypes: ["ssh-rsa"],
      minimumRSABits: 3072,
      maximumLifetime: 30 * 24 * HOUR,
      maximumKeysPerUser: 5,
    });
  });

  it("takes the name and the retention of Secrets", () => {
    const settings = parseConfig("secrets: { namePrefix: ssh-, retention: 90m }", "c");
    expect([settings.secretPrefix, settings.secretRetention]).toEqual(["ssh-", 1.5 * HOUR]);
  });

  it.each([
    ["an unknown field", "policy:\n  minimumRsaBits: 3072\n", 2, "minimumRsaBits"],
    ["an unknown field at the top", "\n\nretention: 24h\n", 3, "retention"],
    ["a number that is too small", "policy:\n\n  minimumRSABits: 512\n", 3, "1024"],
    ["a number written as text", 'concurrency: "16"\n', 1, "whole number"],
    ["an unknown key type", "policy:\n  allowedTypes:\n    - ssh-ed25519\n    - rsa\n", 4, "ssh-rsa"],
    ["an empty list of types", "policy:\n  allowedTypes: []\n", 2, "allowedTypes"],
    ["an unknown scope", "duplicateScope: Everywhere\n", 1, "Cluster, Namespace, User"],
    ["a time without a unit", "secrets:\n  retention: 24\n", 2, "24h"],
    ["a prefix that no Secret can have", "secrets:\n  namePrefix: SSH_\n", 2, "lower-case"],
    ["a list where a mapping belongs", "policy:\n  - ssh-rsa\n", 2, "mapping"],
    ["a field given twice", "concurrency: 1\nconcurrency: 2\n", 2, "unique"],
    ["broken YAML", "policy: {\n", 2, ""],
  ])("refuses %s and names the line", (_, text, line, hint) => {
    const { message, exitCode } = refusal(text);
    expect({ message, exitCode }).toEqual({
      exitCode: EXIT.configuration,
      message: expect.stringMatching(new RegExp(`^config\\.yaml:${line}: .*${hint}`, "s")),
    });
  });

  it("answers in one line", () => {
    expect(refusal("policy: {\n  a: [\n").message).not.toContain("\n");
  });
});
