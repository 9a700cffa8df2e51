import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HARMLESS, sshKeygen } from "../ssh/privatekeys.ts";
import { armor } from "../ssh/signer.ts";
import { PUBLIC_KEY, type Spec, type SSHKeyClient, startSSHKeyClient } from "./sshkeyclient.ts";

let sshKeys: SSHKeyClient;

beforeAll(async () => {
  sshKeys = await startSSHKeyClient();
});

afterAll(async () => {
  await sshKeys.stop();
});

const [TYPE, BASE64] = PUBLIC_KEY.split(" ");

/** Of the right shape; whose it is, the operator says. */
const PROOF = armor(Buffer.from("SSHSIG".padEnd(300, "x")));
const LONGEST_PROOF = armor(Buffer.alloc(11_900)).padEnd(16_384);

const LONGEST = {
  user: "\u{1f511}".repeat(253),
  key: PUBLIC_KEY + "\u{1f511}".repeat(16_384 - PUBLIC_KEY.length),
  title: "\u{1f511}".repeat(255),
  options: Array(16).fill("\u{1f511}".repeat(1024)),
  expiresAt: `2027-01-31T18:00:00.${"0".repeat(43)}Z`,
  proof: LONGEST_PROOF,
};

describe("an SSHKey is accepted with", () => {
  const cases: readonly [what: string, spec: Spec][] = [
    ["a key without a comment", { key: `${TYPE} ${BASE64}` }],
    ["a comment of several words", { key: `${PUBLIC_KEY} (old laptop)` }],
    ["one newline at the end, as `key: |` makes one", { key: `${PUBLIC_KEY}\n` }],
    ["spaces and tabs around the fields", { key: ` ${TYPE}\t ${BASE64}  alice\t` }],
    ["a key of 16 KiB", { key: PUBLIC_KEY.padEnd(16384, "x") }],
    ["a key whose verdict is for the operator: the type disagrees", { key: `ssh-rsa ${BASE64}` }],
    ["a key whose verdict is for the operator: truncated", { key: `${TYPE} ${BASE64?.slice(0, 50)}` }],
    ["a key whose verdict is for the operator: a certificate", { key: certificate() }],
    ["a key whose verdict is for the operator: an unknown type", { key: line("ssh-new@example.com") }],
    ["a user of 1 character", { user: "a" }],
    ["a user of 253 characters", { user: "é".repeat(253) }],
    ["a user that is an address", { user: "alice@example.com" }],
    ["a user with spaces, slashes and letters of any script", { user: "CN=Алиса Ω, O=日本/x" }],
    ["an empty title", { title: "" }],
    ["a title of 255 characters", { title: "é".repeat(255) }],
    ["a title that speaks of a private key", { title: "my private key: END of year, backend-private-key" }],
    ["no options", { options: [] }],
    ["16 options of 1024 characters", { options: Array(16).fill("x".repeat(1024)) }],
    ["32 options", { options: Array(32).fill("x".repeat(512)) }],
    ["everything as long as it may be", LONGEST],
    ["quotes, commas and spaces in an option", { options: ['command="a \\"b\\", c"'] }],
    ["expiresAt in UTC", { expiresAt: "2027-01-31T18:00:00Z" }],
    ["expiresAt with an offset", { expiresAt: "2027-01-31T18:00:00-08:00" }],
    ["expiresAt with a fraction", { expiresAt: "2027-01-31T18:00:00.123456789Z" }],
    ["expiresAt in small letters", { expiresAt: "2027-01-31t18:00:00z" }],
    ["expiresAt with an unknown local offset", { expiresAt: "2027-01-31T18:00:00-00:00" }],
    ["expiresAt with thirty digits", { expiresAt: `2027-01-31T18:00:00.${"1".repeat(30)}Z` }],
    ["expiresAt at a leap second", { expiresAt: "2027-06-30T23:59:60Z" }],
    ["expiresAt at a leap second elsewhere", { expiresAt: "2027-07-01T05:29:60.5+05:30" }],
    ["expiresAt in the past", { expiresAt: "1999-12-31T23:59:59Z" }],
    ["disabled", { disabled: true }],
    ["a proof", { proof: PROOF }],
    ["a proof without a line break at its end", { proof: PROOF.trimEnd() }],
    ["a proof with the line ends of Windows", { proof: PROOF.replaceAll("\n", "\r\n") }],
    ["an indented proof", { proof: PROOF.replaceAll(/^/gm, "    ") }],
    ["a proof that was folded into one line", { proof: PROOF.replaceAll("\n", " ") }],
    ["a proof behind a byte order mark, as PowerShell writes it", { proof: `\ufeff${PROOF}` }],
    ["a proof between empty lines", { proof: `\n\n${PROOF}\n\n` }],
    ["a proof of 16 KiB", { proof: LONGEST_PROOF }],
    ["a proof whose verdict is for the operator: nothing in it", { proof: armor(Buffer.alloc(0)) }],
  ];
  test.each(cases)("%s", async (_what, spec) => {
    const { code, message, object } = await sshKeys.create(spec);
    expect([code, message]).toEqual([201, ""]);
    expect(object.spec).toMatchObject(spec);
  });
});

describe("a key is accepted whatever its type", () => {
  const types = [
    "ssh-rsa",
    "ssh-dss",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-mldsa44-ed25519@openssh.com",
  ];
  test.each(types)("%s", async (type) => {
    expect((await sshKeys.create({ key: line(type) })).message).toBe("");
  });
});

test.each(["rsa", "ecdsa -b 256", "ecdsa -b 384", "ecdsa -b 521", "ed25519"])(
  "the .pub file that ssh-keygen -t %s writes is accepted as it is",
  async (type) => {
    const file = sshKeygen(...type.split(" ")).publicKey;
    expect((await sshKeys.create({ key: file })).message).toBe("");
  },
);

test.each(HARMLESS)("words about private keys are no private key: %s", async (text) => {
  const spec = {
    title: text,
    key: `${PUBLIC_KEY} ${text}`,
    options: [`command="${text.replaceAll('"', '\\"')}"`],
  };
  expect((await sshKeys.create(spec, { dryRun: true })).message).toBe("");
});

test("no key is taken for a private key by chance, and no comment on one line is refused", async () => {
  const blob = fc.uint8Array({ minLength: 32, maxLength: 600 });
  const comment = fc.string({ unit: "grapheme", maxLength: 80 });
  await fc.assert(
    fc.asyncProperty(blob, comment, async (bytes, text) => {
      const oneLine = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, "");
      const { message } = await sshKeys.create(
        { key: `${line("ssh-rsa", bytes)} ${oneLine}` },
        { dryRun: true },
      );
      expect(message).toBe("");
    }),
    { numRuns: 500 },
  );
});

test("nothing is filled in but that the operator has not looked yet", async () => {
  const { object } = await sshKeys.create({});
  expect(object.spec).toEqual({ user: "alice", key: PUBLIC_KEY });
  expect(object.status).toEqual({ observedGeneration: -1 });
});

test("a field that the API does not know is pruned", async () => {
  const { object } = await sshKeys.create({ privateKey: "x" });
  expect(object.spec).not.toHaveProperty("privateKey");
});

test("everything but the user can be edited", async () => {
  const { name } = await sshKeys.create({});
  const spec = {
    key: line("ssh-rsa"),
    title: "new",
    options: ["restrict"],
    expiresAt: "2027-01-31T18:00:00Z",
    disabled: true,
    proof: PROOF,
  };
  const { message, object } = await sshKeys.patch(name, { spec });
  expect(message).toBe("");
  expect(object.spec).toEqual({ user: "alice", ...spec });
});

test("an optional field can be removed again", async () => {
  const { name } = await sshKeys.create({
    title: "x",
    options: ["restrict"],
    expiresAt: "2027-01-31T18:00:00Z",
    proof: PROOF,
  });
  const removed = { title: null, options: null, expiresAt: null, proof: null };
  const { object } = await sshKeys.patch(name, { spec: removed });
  expect(object.spec).toEqual({ user: "alice", key: PUBLIC_KEY });
});

test("kubectl applies the YAML that a person writes", async () => {
  const manifest = `
apiVersion: sshkey-operator.dev/v1alpha1
kind: SSHKey
metadata:
  name: as-written
spec:
  user: alice
  title: Alice's laptop
  expiresAt: 2027-01-31T18:00:00Z
  options: [restrict, 'from="10.0.0.0/8"']
  key: |
    ${PUBLIC_KEY}
  proof: |
${PROOF.replaceAll(/^/gm, "    ")}
`;
  const { stdout, stderr } = await sshKeys.cluster.kubectl(
    ["apply", "-n", sshKeys.namespace, "-f", "-"],
    manifest,
  );
  expect([stdout, stderr]).toEqual(["sshkey.sshkey-operator.dev/as-written created\n", ""]);
});

function certificate(): string {
  return line("ssh-ed25519-cert-v01@openssh.com");
}

/** A line whose blob begins with the type's name; what follows is the operator's business. */
function line(type: string, rest: Uint8Array = new Uint8Array(64).fill(7)): string {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return `${type} ${Buffer.concat([length, Buffer.from(type), rest]).toString("base64")}`;
}
