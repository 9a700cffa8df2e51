import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseConfig, readSettings } from "../../src/config/configfile.ts";
import { ConfigError, DEFAULT_SETTINGS } from "../../src/config/settings.ts";

const README = readFileSync(join(import.meta.dirname, "..", "..", "README.md"), "utf8");
const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;

function refusal(text: string): string {
  try {
    parseConfig(text, "config.yaml");
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error("the configuration was accepted");
}

describe("the configuration file", () => {
  it("may be empty: every field has a default", () => {
    expect(parseConfig("", "config.yaml")).toEqual(DEFAULT_SETTINGS);
  });

  it("stands in the README with its defaults", () => {
    const [, yaml] = /```yaml\n(installation:.*?)```/s.exec(README) ?? [];
    expect(parseConfig(yaml ?? "missing", "README.md")).toEqual(DEFAULT_SETTINGS);
  });

  it("says which keys count as duplicates", () => {
    expect(parseConfig("duplicateScope: User", "c").policy.duplicateScope).toBe("User");
  });

  it("takes every field of the policy", () => {
    const text = `policy:
  allowedTypes: [ssh-rsa]
  minimumRSABits: 3072
  maximumRSABits: 8192
  maximumLifetime: 30d
  maximumKeysPerUser: 5
  proofs: Required
  proofNamespace: keys@example.com
  requireUserVerification: true
  requiredOptions:
    sk-ssh-ed25519@openssh.com: [verify-required, touch-required]
`;
    expect(parseConfig(text, "c").policy).toEqual({
      duplicateScope: "Namespace",
      allowedTypes: ["ssh-rsa"],
      minimumRSABits: 3072,
      maximumRSABits: 8192,
      maximumLifetime: 30 * DAY,
      maximumKeysPerUser: 5,
      proofs: "Required",
      proofNamespace: "keys@example.com",
      requireUserVerification: true,
      requiredOptions: { "sk-ssh-ed25519@openssh.com": ["verify-required", "touch-required"] },
    });
  });

  it("takes the installation, and the name, the retention and the format of expiry-time of Secrets", () => {
    const text =
      "installation: team-b\nsecrets: { perUser: false, namePrefix: ssh-, retention: 90m, expiryTimeFormat: WithoutZ }";
    expect(parseConfig(text, "c").secrets).toEqual({
      installation: "team-b",
      perUser: false,
      namePrefix: "ssh-",
      retention: 1.5 * HOUR,
      expiryTimeFormat: "WithoutZ",
    });
  });

  it("takes a file of revoked keys", () => {
    expect(parseConfig("revokedKeys: /etc/revoked/list", "c").revokedKeys).toBe("/etc/revoked/list");
  });

  it.each([
    ["the shortest prefix", "secrets: { namePrefix: abc- }"],
    ["the longest prefix", `secrets: { namePrefix: ${"a".repeat(28)}- }`],
    ["the shortest lifetime", "policy: { maximumLifetime: 1s }"],
    ["the longest lifetime", "policy: { maximumLifetime: 36500d }"],
    ["one RSA size alone", "policy: { minimumRSABits: 4096, maximumRSABits: 4096 }"],
    ["the longest installation", `installation: ${"a".repeat(63)}`],
  ])("takes %s", (_, text) => {
    expect(() => parseConfig(text, "c")).not.toThrow();
  });

  it.each([
    ["an unknown field", "policy:\n  minimumRsaBits: 3072\n", 2, "minimumRsaBits"],
    ["an unknown field at the top", "\n\nretention: 24h\n", 3, "retention"],
    ["a number that is too small", "policy:\n\n  minimumRSABits: 512\n", 3, "1024"],
    ["a number that is too large", "policy:\n\n  maximumRSABits: 32768\n", 3, "16384"],
    [
      "an RSA size that no key can have",
      "policy:\n  minimumRSABits: 4096\n  maximumRSABits: 2048\n",
      3,
      "is below minimumRSABits",
    ],
    [
      "a smallest RSA size above the largest",
      "concurrency: 2\npolicy:\n  minimumRSABits: 16384\n  maximumRSABits: 8192\n",
      4,
      "is below minimumRSABits",
    ],
    ["a number written as text", 'concurrency: "16"\n', 1, "whole number"],
    ["an unknown key type", "policy:\n  allowedTypes:\n    - ssh-ed25519\n    - rsa\n", 4, "ssh-rsa"],
    ["an unknown demand for proofs", "policy:\n  proofs: Always\n", 2, "Optional, Required"],
    ["a namespace that a shell would read", "policy:\n  proofNamespace: keys;id\n", 2, "letters, digits"],
    ["an empty namespace", 'policy:\n  proofNamespace: ""\n', 2, "1 to 128"],
    ["a word where a choice belongs", "policy:\n  requireUserVerification: yes\n", 2, "true or false"],
    ["an option of other keys", "policy:\n  requiredOptions:\n    ssh-rsa: [verify-required]\n", 3, "sk-ssh"],
    [
      "an option that no policy adds",
      "policy:\n  requiredOptions:\n    sk-ssh-ed25519@openssh.com: [restrict]\n",
      3,
      "touch-required, verify-required",
    ],
    ["an empty list of types", "policy:\n  allowedTypes: []\n", 2, "allowedTypes"],
    ["an unknown scope", "duplicateScope: Cluster\n", 1, "Namespace, User"],
    ["a time without a unit", "secrets:\n  retention: 24\n", 2, "24h"],
    ["a lifetime that has no room in a date", "policy:\n  maximumLifetime: 999999999d\n", 2, "36500d"],
    ["a lifetime a day too long", "policy:\n  maximumLifetime: 36501d\n", 2, "36500d"],
    ["a lifetime of nothing", "policy:\n  maximumLifetime: 0s\n", 2, "1s"],
    ["a format of no time", "secrets:\n  expiryTimeFormat: Local\n", 2, "WithZ, WithoutZ"],
    ["a prefix that no Secret can have", "secrets:\n  namePrefix: SSH_\n", 2, "lower-case"],
    ["a prefix without a dash at its end", "secrets:\n  namePrefix: sshkeys\n", 2, "ending with a dash"],
    ["a prefix that is too short", "secrets:\n  namePrefix: ab-\n", 2, "4 to 29"],
    ["a prefix that is too long", `secrets:\n  namePrefix: ${"a".repeat(29)}-\n`, 2, "4 to 29"],
    ["an installation that is no label", "\ninstallation: Team_B\n", 2, "lower-case"],
    ["an installation without a name", 'installation: ""\n', 1, "1 to 63"],
    ["an installation that is too long", `installation: ${"a".repeat(64)}\n`, 1, "1 to 63"],
    ["a relative path of blocklists", "concurrency: 1\nblocklists: lists\n", 2, "absolute path"],
    ["a relative path of revoked keys", "concurrency: 1\nrevokedKeys: revoked.txt\n", 2, "absolute path"],
    ["a list where a mapping belongs", "policy:\n  - ssh-rsa\n", 2, "mapping"],
    ["a field given twice", "concurrency: 1\nconcurrency: 2\n", 2, "unique"],
    ["broken YAML", "policy: {\n", 2, ""],
  ])("refuses %s and names the line", (_, text, line, hint) => {
    expect(refusal(text)).toMatch(new RegExp(`^config\\.yaml:${line}: .*${hint}`, "s"));
  });

  it("answers in one line", () => {
    expect(refusal("policy: {\n  a: [\n")).not.toContain("\n");
  });

  it("that is not there is named", () => {
    expect(() => readSettings("/nonexistent/config.yaml", undefined)).toThrow(
      "cannot read the configuration file /nonexistent/config.yaml (ENOENT); check --config",
    );
  });
});

describe("the namespaces of the command line", () => {
  it("are served once each, whatever the file says", () => {
    expect(readSettings(undefined, ["team-a", "team-b", "team-a"]).namespaces).toEqual(["team-a", "team-b"]);
  });

  it("are all of them without a flag", () => {
    expect(readSettings(undefined, undefined).namespaces).toBeUndefined();
  });
});
