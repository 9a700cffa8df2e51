import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MANGLINGS, pemBody, privateJWKs, privateKeyLookalikes, privateKeys } from "../ssh/privatekeys.ts";
import { type Outcome, PUBLIC_KEY, type SSHKeyClient, startSSHKeyClient } from "./sshkeyclient.ts";

let sshKeys: SSHKeyClient;

beforeAll(async () => {
  sshKeys = await startSSHKeyClient();
});

afterAll(async () => {
  await sshKeys.stop();
});

const MESSAGE =
  "spec: Forbidden: this holds a private key. It was not stored, but it has left your machine: if it is in use, replace it. Put the public half into spec.key: the line of the .pub file, or what `ssh-keygen -y -f FILE` prints";

const KEYS = privateKeys();
const FILES = { ...KEYS, ...privateKeyLookalikes() };

describe.each(Object.entries(FILES))("a private key (%s) in spec.key is refused", (_format, file) => {
  test.each(Object.entries(MANGLINGS))("%s", async (_how, mangle) => {
    expectRefusal(await sshKeys.create({ key: mangle(file) }), file);
  });

  test.each(Object.entries(MANGLINGS))("in spec.proof, %s", async (_how, mangle) => {
    expectRefusal(await sshKeys.create({ proof: mangle(file) }), file);
  });

  test("behind a public key, as its comment", async () => {
    const key = `${PUBLIC_KEY} ${file.trim().replaceAll(/\s+/g, " ")}`;
    expectRefusal(await sshKeys.create({ key }), file);
  });
});

describe.each(Object.entries(KEYS))("the bare base64 of a private key (%s) is refused", (_format, file) => {
  const body = pemBody(file);

  test("in spec.key", async () => {
    expectRefusal(await sshKeys.create({ key: body }), file);
  });

  test("behind a key type", async () => {
    expectRefusal(await sshKeys.create({ key: `ssh-ed25519 ${body} alice` }), file);
  });

  test("as the comment of a public key", async () => {
    expectRefusal(await sshKeys.create({ key: `${PUBLIC_KEY} ${body}` }), file);
  });

  test("in spec.title", async () => {
    expectRefusal(await sshKeys.create({ title: body.slice(0, 200) }), file);
  });

  test("in spec.proof, between the lines of a signature", async () => {
    const proof = `-----BEGIN SSH SIGNATURE-----\n${body}\n-----END SSH SIGNATURE-----\n`;
    expectRefusal(await sshKeys.create({ proof }), file);
  });
});

describe.each(Object.entries(FILES))("a private key (%s) is refused in", (_format, file) => {
  const short = file.trim().replaceAll(/\s+/g, " ");

  test.each(["user", "title"])("spec.%s", async (field) => {
    expectRefusal(await sshKeys.create({ [field]: short.slice(0, 200) }), file);
  });

  test("spec.options", async () => {
    expectRefusal(await sshKeys.create({ options: ["restrict", short.slice(0, 1000)] }), file);
  });

  test("spec.expiresAt", async () => {
    expectRefusal(await sshKeys.create({ expiresAt: short.slice(0, 60) }), file);
  });
});

describe.each(Object.entries(privateJWKs()))("a private %s is refused", (_format, text) => {
  const member = text.slice(Math.max(0, text.search(/[\x22\x27]d\\?[\x22\x27]|%22d%22/)));

  test("in spec.key", async () => {
    expect((await sshKeys.create({ key: text })).message).toContain(MESSAGE);
  });

  test("as the comment of a public key", async () => {
    const { message, text: answer } = await sshKeys.create({
      key: `${PUBLIC_KEY} ${text.replaceAll("\n", " ")}`,
    });
    expect(message).toContain(MESSAGE);
    expect(answer).not.toContain(member.slice(8, 40));
  });
});

test.each(["Private-Lines: 1", "Private-MAC: 0123456789abcdef", "Private-Hash: 0123456789abcdef"])(
  "the tail of a PuTTY file is refused: %s",
  async (tail) => {
    expect((await sshKeys.create({ title: tail })).message).toContain(MESSAGE);
  },
);

test("an edit cannot bring a private key in", async () => {
  const { name } = await sshKeys.create({});
  const file = KEYS["OpenSSH ed25519"] ?? "";
  expectRefusal(await sshKeys.patch(name, { spec: { key: file } }), file);
  expect((await sshKeys.read(name)).object.spec).toMatchObject({ key: PUBLIC_KEY });
});

test("kubectl is shown one message and nothing of the key", async () => {
  const file = (KEYS["OpenSSH ed25519"] ?? "").replaceAll(/^/gm, "    ");
  const manifest = `
apiVersion: sshkey-operator.dev/v1alpha1
kind: SSHKey
metadata:
  name: private
spec:
  user: alice
  key: |
${file}`;
  const { code, stdout, stderr } = await sshKeys.cluster.kubectl(
    ["apply", "-n", sshKeys.namespace, "-f", "-"],
    manifest,
  );
  expect([code, stdout, stderr]).toEqual([1, "", `The SSHKey "private" is invalid: ${MESSAGE}\n`]);
});

test("whatever is refused is not repeated in the answer", async () => {
  const material = fc.base64String({ minLength: 40, maxLength: 20_000 });
  const armour = fc.constantFrom(
    (x: string) => `-----BEGIN OPENSSH PRIVATE KEY-----\n${x}\n-----END OPENSSH PRIVATE KEY-----`,
    (x: string) => `-----BEGIN PRIVATE KEY-----${x}`,
    (x: string) => `PuTTY-User-Key-File-2: ${x}`,
    (x: string) => `ssh-ed25519 ${x}`,
    (x: string) => `${x}\n${x}`,
    (x: string) => x,
    (x: string) => [x],
    (x: string) => ({ key: x }),
  );
  const field = fc.constantFrom("key", "user", "title", "options", "expiresAt", "disabled", "proof");
  await fc.assert(
    fc.asyncProperty(material, armour, field, async (secret, wrap, name) => {
      const value = name === "options" ? [wrap(secret), wrap(secret)] : wrap(secret);
      const { code, text } = await sshKeys.create({ [name]: value }, { dryRun: true });
      fc.pre(code !== 201);
      expect(code).toBe(422);
      expect(text).not.toContain(secret.slice(0, 12));
      expect(text).not.toContain(secret.slice(-12));
    }),
    { numRuns: 500 },
  );
});

test("a server-side apply that is refused does not repeat a private key either", async () => {
  const secret = randomBytes(48).toString("base64");
  const { stderr } = await sshKeys.cluster.kubectl(
    ["apply", "--server-side", "-n", sshKeys.namespace, "-f", "-"],
    JSON.stringify({
      apiVersion: "sshkey-operator.dev/v1alpha1",
      kind: "SSHKey",
      metadata: { name: "private" },
      spec: { user: "alice", key: `-----BEGIN PRIVATE KEY-----\n${secret}\n` },
    }),
  );
  expect(stderr).toBe(`The SSHKey "private" is invalid: ${MESSAGE}\n`);
});

/** Refused, nothing of the file's base64 in the answer, and the one message unless a field was too long. */
function expectRefusal({ code, name, message, text }: Outcome, file: string): void {
  const material = pemBody(file);
  expect(code).toBe(422);
  expect(text).not.toContain(material.slice(0, 24));
  expect(text).not.toContain(material.slice(-24));
  expect(message).toContain(`SSHKey.sshkey-operator.dev "${name}" is invalid: `);
  expect(message).toContain(MESSAGE);
}
