import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describePrivateKey } from "../../src/ssh/privatekey.ts";
import { keyPair } from "../sshd/keypair.ts";
import { keygenSSHSIG } from "./keygen.ts";
import { MANGLINGS, pemBody, privateJWKs, privateKeyLookalikes, privateKeys } from "./privatekeys.ts";
import { armor } from "./signer.ts";

const KEYS = privateKeys();

describe.each(Object.entries({ ...KEYS, ...privateKeyLookalikes() }))(
  "a private key (%s)",
  (_format, file) => {
    test.each(Object.entries(MANGLINGS))("is recognised %s", (_how, mangle) => {
      expect(describePrivateKey(mangle(file))).toContain("This is a private key");
    });

    test("is recognised between other text", () => {
      expect(describePrivateKey(`a ${file.trim().replaceAll(/\s+/g, " ")} b`)).toContain(
        "This is a private key",
      );
    });
  },
);

test.each(Object.entries(KEYS))("the bare base64 of a private key (%s) is recognised", (_format, file) => {
  expect(describePrivateKey(`my key ${pemBody(file)}`)).toContain("This is a private key");
});

test.each(Object.entries(privateJWKs()))("a %s is recognised", (_format, text) => {
  expect(describePrivateKey(text)).toContain("This is a private key");
});

describe("no signature is taken for a private key:", () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "sshkey-operator-signatures-"));
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test.each(["rsa -b 2048", "ecdsa -b 256", "ecdsa -b 384", "ecdsa -b 521", "ed25519", "mldsa44-ed25519"])(
    "by ssh-keygen -t %s, if it makes such keys",
    async (type) => {
      const pair = await keyPair(folder, type.replaceAll(" ", ""), type.split(" "));
      const texts = fc.sample(fc.string({ unit: "grapheme", minLength: 1, maxLength: 253 }), pair ? 12 : 0);
      for (const text of texts)
        expect(describePrivateKey(keygenSSHSIG(pair?.file ?? "", text)), text).toBeUndefined();
    },
  );

  test("of any bytes", () => {
    const bytes = fc.uint8Array({ minLength: 64, maxLength: 6_000 });
    // By chance it can be: a line of armour begins like the DER of a private key once in 2^29.
    fc.assert(
      fc.property(bytes, (each) => describePrivateKey(armor(Buffer.from(each))) === undefined),
      { numRuns: 2_000, seed: 20_260_103 },
    );
  });
});
